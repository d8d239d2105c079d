// SPDX-License-Identifier: Apache-2.0
//
// The stores' and the brokers' figures, looked up now and then on threads of their own and kept:
// metrics and alerts read what is kept, so that neither ever waits for a database, and being asked
// often costs a database nothing. Each store has its own thread; one that does not answer holds up
// no other.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "admin/site.hpp"
#include "core/clock.hpp"
#include "core/log.hpp"
#include "store/backlog.hpp"
#include "store/diagnosis.hpp"

namespace outbox::admin {

struct StoreSample {
  std::string store;
  bool answered = false;  ///< False: it was not reached, and `error` says why.
  std::string error;
  Moment at;               ///< When it was begun to be looked up.
  std::int64_t at_us = 0;  ///< The same by this machine's wall clock.
  store::TableFigures table;
  store::BacklogView backlog;                 ///< Without keys and types; counted up to a limit.
  std::vector<store::ReplicationSlot> slots;  ///< At most 100.
  bool are_slots_known = true;                ///< False: asking for them failed.
  std::vector<std::string> held_topics;       ///< Of all instances; each once, at most 1,000.
  bool are_held_topics_known = true;          ///< False: asking for them failed.
};

struct BrokerSample {
  bool answered = false;
  std::string error;
  Moment at;
};

struct Samples {
  std::vector<StoreSample> stores;  ///< Those that were looked up yet, by name.
  std::optional<BrokerSample> broker;
  std::size_t awaited = 0;  ///< Stores that were not looked up yet.
};

/// Thread-safety: latest() from any thread.
class Sampler {
 public:
  /// Begins at once. Borrows `site` and `logger`.
  Sampler(const Site& site, std::chrono::milliseconds interval, Logger& logger);
  /// Waits for what is being asked, which the homes' time-outs bound.
  ~Sampler();
  Sampler(const Sampler&) = delete;
  Sampler& operator=(const Sampler&) = delete;

  /// One that has been asked for longer than three intervals is one that does not answer.
  [[nodiscard]] Samples latest() const;

 private:
  void keep_sampling(const StoreSite& site, const std::stop_token& stop);
  void keep_sampling_brokers(const std::stop_token& stop);
  void keep(StoreSample sample);
  /// True where `stop` came first.
  bool rest(const std::stop_token& stop);

  const Site& site_;
  const std::chrono::milliseconds interval_;
  Logger& logger_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::map<std::string, StoreSample> stores_;
  std::optional<BrokerSample> broker_;
  std::vector<std::jthread> threads_;
};

}  // namespace outbox::admin
