// SPDX-License-Identifier: Apache-2.0
//
// What the services work on: the stores, relays, consumers, topics and brokers that a configuration
// names, and what of other folders they need, as functions. src/app makes one of the settings.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "admin/json.hpp"
#include "admin/running.hpp"
#include "broker/home.hpp"
#include "core/failure.hpp"
#include "store/home.hpp"

namespace outbox::admin {

struct RelaySite {
  std::string name;
  std::vector<std::string> aggregate_types;  ///< Its share; empty: all.
  store::Home home;                          ///< Sees this share alone.
};

struct StoreSite {
  std::string name;               ///< The shard's; `global` without shards.
  std::string database;           ///< For people: passwords masked.
  std::string table;              ///< The outbox.
  std::vector<RelaySite> relays;  ///< Never empty: `default` where none is configured.
  bool has_relays = true;         ///< False: none is configured, so none can take an event.
  store::Home home;               ///< The whole table, whichever relay takes a row.
  bool rows_have_number_ids = true;
  /// The topic that the relay publishes an event to; empty where that cannot be told.
  std::function<std::string(const store::EventView&)> topic_of;
  /// As `outboxd cleanup`, until its end or the order to stop; the JSON is that command's. Throws.
  std::function<Json(bool dry_run, const Running&)> clean_up;
};

struct ConsumerSite {
  std::string name;
  std::string group_id;
  std::vector<std::string> topics;
  std::vector<std::string> dead_letter_topics;  ///< One, or one a topic of `topics`.
  std::string store;                            ///< Whose inbox it claims in; a StoreSite's name.
};

/// What a message tells of its event; empty where it is none.
struct EventWords {
  std::string event_id;
  std::string event_type;
  std::string aggregate_type;
  std::string aggregate_id;
  std::string content_type;
};

/// Used by one thread.
class LetterSender {
 public:
  virtual ~LetterSender() = default;

  /// To the topic that its header `dead_letter_topic` names, marked as a replay; none: all in-sync
  /// replicas have it.
  virtual std::optional<Failure> send_back(const broker::IncomingMessage& letter,
                                           const std::stop_token& stop) = 0;
};

struct Site {
  std::string version;
  std::vector<StoreSite> stores;  ///< May be empty: no database is set.
  std::vector<ConsumerSite> consumers;
  std::vector<std::string> topics;  ///< All that the configuration names, sorted, each once.
  std::string default_dead_letter_topic = "deadletter.events";
  bool has_broker = true;
  broker::Home broker;
  std::function<EventWords(const broker::IncomingMessage&)> read_event;
  std::function<std::unique_ptr<LetterSender>()> letter_sender;
  std::chrono::milliseconds quick_timeout{5'000};  ///< For one question of Pace::quick.
  std::chrono::milliseconds slow_timeout{9'000};   ///< The same of Pace::slow.
  // For `outboxd doctor` alone.
  std::optional<std::chrono::milliseconds> inbox_retention;  ///< Zero: for ever; none: not known.
  std::string broker_security_protocol;                      ///< Kafka's word; empty: no TLS.
  std::string broker_library;                                ///< `2.8.0`; empty: not known.
  double replays_per_second_max = 100;                       ///< Zero: no limit.

  /// Throws Error(not_found) naming those there are.
  [[nodiscard]] const StoreSite& store(const std::string& name) const;
  /// Those named, or all; throws as store().
  [[nodiscard]] std::vector<const StoreSite*> chosen(const std::optional<std::string>& name) const;
  /// By name or group id; null: there is none.
  [[nodiscard]] const ConsumerSite* consumer(const std::string& name) const;
  /// Of all consumers, and the default one; sorted, each once.
  [[nodiscard]] std::vector<std::string> dead_letter_topics() const;
};

/// A row's id as people write it. Throws Error(usage) for a text that is no id of that store.
[[nodiscard]] RowId parse_row_id(const StoreSite& store, const std::string& text);

}  // namespace outbox::admin
