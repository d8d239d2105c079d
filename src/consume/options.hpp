// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "consume/handlers.hpp"
#include "consume/work_core.hpp"
#include "core/histogram.hpp"

namespace outbox::consume {

enum class ClaimKey : std::uint8_t { event_id, aggregate_version };

struct RuntimeOptions {
  std::string group_id;
  std::string instance_id;  ///< Static membership; empty: none.
  std::vector<std::string> topics;
  std::string offset_reset = "earliest";
  std::string dead_letter_topic = "deadletter.events";  ///< May hold `{topic}`.
  std::string delay_topic;                              ///< Where work.ordered is false.
  ClaimKey claim_key = ClaimKey::event_id;
  bool dead_letter_unknown = false;  ///< Events without a handler; else they are ignored.
  int workers = 1;
  WorkOptions work;
  std::chrono::milliseconds poll_timeout{500};
  std::size_t in_hand_bytes_max = 64U << 20U;  ///< Of all partitions together, about.
  /// Which of work.policies a handler's exception follows; empty: always the first.
  std::function<std::size_t(const std::exception&)> policy_of;
  /// Called after each commit with the events that were new, on the worker's thread; may be empty.
  std::function<void(std::span<const ReceivedEvent> handled)> after_commit;
};

/// As ConsumerCounters (include/outbox/consumer.hpp), counted by several threads.
struct Counts {
  std::atomic<std::int64_t> handled{0};
  std::atomic<std::int64_t> duplicates{0};
  std::atomic<std::int64_t> ignored{0};
  std::atomic<std::int64_t> failures{0};
  std::atomic<std::int64_t> dead_lettered{0};
  std::atomic<std::int64_t> delayed{0};
  std::atomic<std::int64_t> rebalances{0};
  std::atomic<std::int64_t> lag{0};
  std::atomic<std::int64_t> working_us{0};
  std::atomic<std::int64_t> last_handled_at_us{0};  ///< This machine's wall clock; 0: nothing yet.
  Histogram batch_us{time_bounds_us()};             ///< A transaction, from claims to commit.
  Histogram events_per_batch{size_bounds()};        ///< Those that were new.
  /// From occurred_at, the writer's database's clock, to the committed effect by this machine's.
  Histogram freshness_us{time_bounds_us()};
};

}  // namespace outbox::consume
