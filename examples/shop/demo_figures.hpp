// SPDX-License-Identifier: Apache-2.0
//
// What the demo counts, and the orders that it gives up on purpose.
#pragma once

#include <cstdint>
#include <mutex>
#include <span>
#include <stop_token>
#include <unordered_set>

#include <outbox/database.hpp>
#include <outbox/received_event.hpp>

#include "demo_board.hpp"

namespace shop {

/// Orders whose transaction is rolled back after their events were written: none of these may ever
/// be seen. Thread-safety: any thread.
class GivenUp {
 public:
  /// A few a second, until `end`.
  void keep_giving_up(outbox::Database& database, const std::stop_token& end);

  /// Counts those among the events that never were.
  void look_for(std::span<const outbox::ReceivedEvent> events);

  [[nodiscard]] std::int64_t count() const;
  [[nodiscard]] std::int64_t seen() const;

 private:
  void give_up_one(outbox::Database& database);

  mutable std::mutex mutex_;
  std::unordered_set<std::string> event_ids_;
  std::int64_t count_ = 0;
  std::int64_t seen_ = 0;
};

/// Written, orders, sales and latencies: of the latest events, or of all.
void read_figures(outbox::Database& database, bool of_all, DemoView& view);

/// Events that the relay has not settled as published.
[[nodiscard]] std::int64_t unsettled_events(outbox::Database& database);

}  // namespace shop
