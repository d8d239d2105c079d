// SPDX-License-Identifier: Apache-2.0
//
// What admin sees of the process that it runs in: the figures that its relays, consumers and
// clean-ups keep as they work. src/app fills it in (instance_board.hpp), so that admin knows
// neither relay nor consumer.
//
// Reading costs a few copies, touches no database and no broker, and waits for nobody. All figures
// count since the start of what they are of; times are microseconds since 1970 UTC by this
// machine's wall clock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/histogram.hpp"

namespace outbox::admin {

struct TopicFigures {
  std::string topic;  ///< `other` for all beyond the first 1,000.
  std::uint64_t published = 0;
  std::uint64_t failed = 0;   ///< Attempts that the broker refused.
  std::uint64_t retried = 0;  ///< Events put off after a refusal.
  std::uint64_t dead_lettered = 0;
};

/// One relay of one store, from its start until it is stopped or fails.
struct RelayFigures {
  std::string store;
  std::string relay;
  std::string member;  ///< `publisher-` and 8 hex digits, as in the leases.
  std::int64_t started_at_us = 0;

  std::uint64_t read = 0;  ///< Rows out of the store, those given up again included.
  std::uint64_t reads = 0;
  std::uint64_t empty_reads = 0;
  std::uint64_t acknowledged = 0;
  std::uint64_t settled = 0;
  std::uint64_t failed = 0;  ///< Attempts that the broker refused.
  std::uint64_t retried = 0;
  std::uint64_t dead_lettered = 0;
  std::uint64_t producer_restarts = 0;
  std::uint64_t slots_acquired = 0;
  std::uint64_t slots_released = 0;
  std::uint64_t slots_lost = 0;
  std::uint64_t partition_changes = 0;
  std::vector<TopicFigures> topics;

  int slots_held = 0;
  std::size_t rows_in_flight = 0;
  std::size_t bytes_in_flight = 0;
  std::size_t blocked_keys = 0;
  std::vector<std::string> held_topics;
  std::optional<std::int64_t> last_published_at_us;

  HistogramView read_us;
  HistogramView publish_us;  ///< From hand-over to acknowledgement.
  HistogramView settle_us;
  HistogramView
      end_to_end_us;  ///< From created_at to acknowledgement: two clocks (docs/metrics.md).
  HistogramView rows_per_read;
  HistogramView rows_per_settle;
};

/// One consumer, by the name it has under `consume`.
struct ConsumerFigures {
  std::string name;
  std::string group_id;
  std::int64_t started_at_us = 0;

  std::uint64_t handled = 0;
  std::uint64_t duplicates = 0;
  std::uint64_t ignored = 0;
  std::uint64_t failures = 0;
  std::uint64_t dead_lettered = 0;
  std::uint64_t delayed = 0;
  std::uint64_t rebalances = 0;
  std::int64_t lag = 0;  ///< Messages behind the ends of the partitions that this process works.
  std::uint64_t working_us = 0;
  std::optional<std::int64_t> last_handled_at_us;

  HistogramView batch_us;  ///< A transaction: claims, handlers, commit.
  HistogramView events_per_batch;
  HistogramView freshness_us;  ///< From occurred_at to the committed effect: two clocks.
};

/// The clean-up of one store, where this process ran it.
struct CleanupFigures {
  std::string store;
  std::uint64_t runs = 0;
  std::uint64_t failed_runs = 0;
  std::uint64_t rows_removed = 0;
  std::uint64_t inbox_rows_removed = 0;
  std::uint64_t partitions_dropped = 0;
  std::optional<std::int64_t> last_ended_at_us;
  std::optional<std::int64_t> last_succeeded_at_us;
};

/// Thread-safety: any thread.
class Instance {
 public:
  virtual ~Instance() = default;

  [[nodiscard]] virtual std::string id() const = 0;  ///< `instance-` and 8 hex digits, of this run.
  [[nodiscard]] virtual std::int64_t started_at_us() const = 0;

  /// Those that run now; one that was stopped or failed is no longer here.
  [[nodiscard]] virtual std::vector<RelayFigures> relays() const = 0;
  [[nodiscard]] virtual std::vector<ConsumerFigures> consumers() const = 0;
  [[nodiscard]] virtual std::vector<CleanupFigures> cleanups() const = 0;
};

}  // namespace outbox::admin
