// SPDX-License-Identifier: Apache-2.0
//
// Shoppers: they look around, like, order, pay, change their minds and click twice; the staff
// restocks and changes prices. The same seed gives each shopper the same wishes.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace shop {

struct LoadOptions {
  std::string url = "http://127.0.0.1:8080";
  int shoppers = 8;  ///< At the same time, each on a connection of its own.
  std::optional<std::chrono::milliseconds> duration;
  std::optional<std::int64_t> actions;  ///< In all; whichever of the two comes first.
  std::int64_t actions_per_second = 0;  ///< Of all shoppers; 0: as fast as they can.
  std::uint64_t seed = 1;
};

struct LoadFigures {
  std::int64_t actions = 0;
  std::int64_t requests = 0;
  std::int64_t orders_created = 0;
  std::int64_t orders_paid = 0;
  std::int64_t orders_canceled = 0;
  std::int64_t restocks = 0;
  std::int64_t likes_and_views = 0;
  std::int64_t queue_steps = 0;
  std::int64_t price_changes = 0;
  std::int64_t repeated = 0;  ///< Requests that were sent a second time with the same key.
  std::int64_t refused = 0;   ///< 4xx answers: sold out, already paid …
  std::int64_t failed = 0;    ///< 5xx answers and lost connections.
  /// A repeated request that got another answer than the first: never.
  std::int64_t contradicted = 0;
  double seconds = 0;
  double latency_p50_ms = 0;
  double latency_p99_ms = 0;
};

/// Ends at the first of duration, actions and stop. Throws outbox::Error(unreachable) where the
/// shop does not answer at all, Error(failed) where it has no products.
[[nodiscard]] LoadFigures run_load(const LoadOptions& options, const std::stop_token& stop);

}  // namespace shop
