// SPDX-License-Identifier: Apache-2.0
//
// The relay inside a program of one's own: what `outboxd relay` does, for small back ends and for
// tests. It brings what is committed to the outbox to Kafka, in order per key, nothing lost.
//
//     outbox::Relay relay({.database_url = "sqlite:///shop.db",
//                          .kafka = {.bootstrap_servers = "localhost:9092"}});
//     std::jthread relaying([&](std::stop_token stop) { relay.run(stop); });
//
// Any number of relays, in the program or not, share the work on PostgreSQL; on SQLite one process
// relays. Settings that this header has not are the command's.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>

#include <outbox/kafka.hpp>

namespace outbox {

/// What a relay works on. A value; each field says its unit.
struct RelayOptions {
  /// As DatabaseOptions::url; `outboxd migrate` or outbox::migrate() made the tables.
  std::string database_url = {};
  KafkaConnection kafka = {};                    ///< The brokers it sends to.
  std::string default_topic = "default.events";  ///< For events that name none.
  /// How long it sleeps where there was nothing to do.
  std::chrono::milliseconds polling_interval{50};
  /// For database and brokers to answer at the start.
  std::chrono::milliseconds start_timeout{30000};
  int max_attempts = 10;  ///< Then the row is a dead letter, `DEAD` with its error_message.
  /// What is written to standard error: `debug`, `info`, `warn` or `error`, and what is worse.
  std::string log_level = "warn";
};

/// Of the last run. A value, taken at one moment.
struct RelayCounters {
  std::int64_t acknowledged = 0;   ///< By all in-sync replicas.
  std::int64_t settled = 0;        ///< Written down as published, retried or dead.
  std::int64_t retried = 0;        ///< Refused, to be tried again.
  std::int64_t dead_lettered = 0;  ///< Given up, with the reason in the row.
};

/// Sends what is committed. Thread-safety: run() once at a time; counters from any thread.
class Relay {
 public:
  /// Connects to nothing yet. Throws Error(configuration), naming the option, where one is missing
  /// or makes no sense.
  explicit Relay(RelayOptions options);
  ~Relay();
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  /// Relays until a stop is requested, then finishes what is in flight (a few seconds at most) and
  /// gives its share back. No outage ends it once it runs; at the start it throws what Database and
  /// brokers say: Error(unreachable) after start_timeout, Error(configuration) for logins that are
  /// refused, Error(not_found) without the outbox, Error(conflict) where other relays of this
  /// outbox run with other terms. Call it once at a time.
  void run(std::stop_token stop);

  /// Of the last run; from any thread.
  [[nodiscard]] RelayCounters counters() const;

 private:
  class Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace outbox
