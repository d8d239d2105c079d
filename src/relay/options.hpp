// SPDX-License-Identifier: Apache-2.0
//
// What the relay's core goes by. Plain values; src/app fills them from the configuration, where
// each stands under the setting of the same name.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "core/backoff.hpp"

namespace outbox::relay {

/// Rules that a test takes out to show that the simulation notices. Production never touches them.
struct Safety {
  bool settle_after_acknowledgement = true;
  bool fence_settling = true;  ///< Read by the simulated store.
  bool one_in_flight_until_acknowledged = true;
  bool reread_after_drop = true;  ///< Discard a read that began before rows were dropped.
  bool isolate_refused_keys = true;
  bool head_goes_first = true;  ///< Nothing of a key in trouble before the row it waits for.
  bool turn_away_paused = true;  ///< What was read of it before it was paused.
  bool recall_sent = true;     ///< Transactional: rows of the record read back are not sent again.
  bool keep_unsettled = true;  ///< Transactional: a record names earlier unsettled rows as well.
};

struct CoreOptions {
  std::chrono::milliseconds polling_interval{50};
  std::chrono::milliseconds lease_ttl{10000};
  std::chrono::milliseconds topic_refresh_interval{5000};
  std::chrono::milliseconds rescan_interval{10000};
  /// No acknowledgement for so long on a partition: its topic is held until they come again.
  std::chrono::milliseconds stall_after{3000};
  /// After the request to stop, how long what is in flight may take.
  std::chrono::milliseconds drain_timeout{6000};
  std::size_t batch_size = 1000;
  std::size_t in_flight_rows_max = 5000;
  std::size_t in_flight_bytes_max = 16U << 20U;
  double rows_per_second_max = 0;  ///< A cap on rows taken on; 0: none.
  std::size_t blocked_keys_max = 1000;
  std::size_t topics_max = 10000;
  int max_attempts = 10;
  Backoff backoff;
  bool rows_are_claimed = false;  ///< Capture `row`: rows given up must be released.
  bool transactional = false;     ///< Each slot sends in Kafka transactions under its own name.
  bool check_sizes = true;        ///< Off where the producer compresses: only the broker can tell.
  bool copies_dead_letters = false;
  std::uint64_t random_seed = 0;  ///< For jitter alone.
  Safety safety;
};

}  // namespace outbox::relay
