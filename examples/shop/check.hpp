// SPDX-License-Identifier: Apache-2.0
//
// Does everything agree (E7)? The outbox against the topics, each consumer's inbox against the
// events it had to handle, and all that the consumers keep against what the orders, the likes and
// the restocks say it must be.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <outbox/database.hpp>
#include <outbox/kafka.hpp>

#include "consumers/cache.hpp"

namespace shop {

struct CheckPlaces {
  outbox::Database& database;
  outbox::KafkaConnection kafka;
  Cache& cache;
  bool read_topics = true;  ///< False: of the topics the dead letters alone are read.
};

struct ConsumerReport {
  std::string name;
  std::int64_t expected = 0;  ///< Events of the outbox that it has to handle.
  std::int64_t handled = 0;   ///< Of these, claimed in its inbox.
  std::int64_t refused = 0;   ///< Of these, in its dead letters and not handled since.
  std::int64_t lag = 0;       ///< Of these, neither.
  std::int64_t inbox = 0;     ///< Claims in all.
  double fresh_p50_ms = 0;    ///< From the event's row to the effect.
  double fresh_p99_ms = 0;
};

struct CheckReport {
  std::int64_t orders = 0;
  std::int64_t events = 0;           ///< In the outbox.
  std::int64_t messages = 0;         ///< In the topics.
  std::int64_t sent_twice = 0;       ///< Messages beyond the first of an event: no difference.
  std::int64_t not_events = 0;       ///< Messages that are no envelope.
  std::int64_t never_committed = 0;  ///< Events in topics that the outbox does not know.
  std::int64_t lost = 0;  ///< Events that are not in their topic, or not in effect somewhere.
  std::vector<ConsumerReport> consumers;
  /// Understood, refused and dead-lettered, with the reason: explained, so no difference.
  std::vector<std::string> refused;
  /// By kind, what differs.
  std::map<std::string, std::vector<std::string>> differences;

  [[nodiscard]] std::size_t difference_count() const;
  /// Those of what the consumers keep alone.
  [[nodiscard]] std::size_t aggregate_difference_count() const;
};

/// Reads, and changes nothing. Throws what Database, read_topic() and Cache throw.
[[nodiscard]] CheckReport check(const CheckPlaces& places);

[[nodiscard]] std::string to_json_text(const CheckReport& report, std::size_t lines_max);
[[nodiscard]] std::string to_text(const CheckReport& report, std::size_t lines_max);

}  // namespace shop
