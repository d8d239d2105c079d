// SPDX-License-Identifier: Apache-2.0
//
// What the demo counts while it runs. Bounded: the orders under way are limited by back-pressure,
// the latencies stand in a histogram, the identities of rolled-back orders are kept up to a limit.
#pragma once

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <stop_token>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include <outbox/uuid.hpp>

#include "core/clock.hpp"

namespace outbox::app {

/// Counts durations in buckets of at most 3 % width, from a microsecond to hours.
class LatencyHistogram {
 public:
  void add(std::chrono::microseconds latency);
  /// The latency that the share `part` (0 to 1) of all did not exceed; zero where there is none.
  [[nodiscard]] double milliseconds_at(double part) const;
  void clear() { counts_.fill(0), total_ = 0; }

 private:
  static constexpr unsigned steps_per_doubling = 32;
  static constexpr unsigned doublings = 36;

  std::array<std::uint64_t, std::size_t{steps_per_doubling} * doublings> counts_{};
  std::uint64_t total_ = 0;
};

struct DemoFigures {
  std::int64_t written = 0;  ///< Orders committed, each with its event.
  std::int64_t rolled_back = 0;
  std::int64_t consumed = 0;          ///< Events whose effects are committed.
  std::int64_t rolled_back_seen = 0;  ///< Must stay zero: events of orders that never were.
  std::int64_t out_of_order = 0;  ///< Must stay zero: a customer's older order after a newer one.
  double latency_p50_ms = 0;      ///< Commit to consumed, since the start.
  double latency_p99_ms = 0;
  double recent_p50_ms = 0;  ///< Since the last call of take_figures().
  double recent_p99_ms = 0;
};

/// Thread-safety: any thread.
class DemoLedger {
 public:
  /// Before COMMIT, so that no consumer can be faster than our book-keeping.
  void committing(std::int64_t order);
  /// After COMMIT returned: from here on the latency counts.
  void committed(std::int64_t order);
  void rolled_back(const Uuid& event_id);

  struct Consumed {
    std::int64_t order = 0;
    std::size_t customer = 0;
    Uuid event_id;
  };
  void consumed(const std::vector<Consumed>& orders);

  /// Waits until fewer than `orders_max` are under way; false where `stop` came first.
  bool wait_for_room(std::size_t orders_max, const std::stop_token& stop);
  /// Waits until everything committed is consumed; false after `timeout`.
  bool wait_until_drained(std::chrono::milliseconds timeout);

  [[nodiscard]] DemoFigures take_figures();

 private:
  static constexpr std::size_t rolled_back_max = 1'000'000;

  std::mutex mutex_;
  std::condition_variable_any fewer_under_way_;
  std::unordered_map<std::int64_t, Moment> under_way_;
  std::unordered_set<std::uint64_t>
      rolled_back_;  ///< Half of each random identity is unique enough.
  std::vector<std::int64_t> newest_of_customer_;
  DemoFigures figures_;
  LatencyHistogram all_;
  LatencyHistogram recent_;
};

}  // namespace outbox::app
