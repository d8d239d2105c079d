// SPDX-License-Identifier: Apache-2.0
//
// The relay: the core's commands run against a store and a broker. One thread steps the core and
// hands messages over; leases, reading, settling and topics have a thread each, so that a slow read
// never delays a lease, and each producer handle has one that takes its deliveries. All of them
// talk to the core through one queue.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>

#include "broker/home.hpp"
#include "core/log.hpp"
#include "relay/figures.hpp"
#include "relay/options.hpp"
#include "relay/prepare.hpp"
#include "relay/transaction_plan.hpp"
#include "store/home.hpp"

namespace outbox::relay {

struct RelayOptions {
  std::string name = "default";
  CoreOptions core;
  PrepareOptions prepare;         ///< outbox_id is the one agreed on (relay/start.hpp).
  std::string dead_letter_topic;  ///< Empty: none.
  TransactionPlan transactions;   ///< Used where core.transactional is set.
};

/// Since the start; read from any thread while the relay runs.
struct RelayCounters {
  std::uint64_t read = 0;  ///< Rows that came out of the store, those given up again included.
  std::uint64_t acknowledged = 0;  ///< By the brokers.
  std::uint64_t settled = 0;       ///< Written down as published, retried or dead.
  std::uint64_t retried = 0;
  std::uint64_t dead_lettered = 0;
  std::uint64_t handle_restarts = 0;
  std::uint64_t slots_lost = 0;
  std::uint64_t partition_changes = 0;
};

class Relay {
 public:
  /// The homes are copied; `logger` must outlive the relay. Throws Error(configuration) where a
  /// rule of the options cannot be followed. Connects nothing yet.
  Relay(store::Home store, broker::Home broker, RelayOptions options, Logger& logger);
  ~Relay();
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  /// Relays until `stop`, then finishes what is in flight (at most core.drain_timeout), frees the
  /// leases and returns. No outage of store or broker ends it. Call once.
  RelayCounters run(std::stop_token stop);

  /// Thread-safe.
  [[nodiscard]] RelayCounters counters() const;
  [[nodiscard]] RelayFigures figures() const;

 private:
  class Running;
  friend class Reporting;
  friend class Measuring;

  const store::Home store_;
  const broker::Home broker_;
  const RelayOptions options_;
  Logger& logger_;
  const Preparer preparer_;
  struct Counting;
  const std::unique_ptr<Counting> counting_;
};

}  // namespace outbox::relay
