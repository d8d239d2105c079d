// SPDX-License-Identifier: Apache-2.0
//
// What a relay tells of itself while it runs, for metrics, status and the dashboard (D7, E7).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/histogram.hpp"

namespace outbox::relay {

struct TopicCounts {
  std::string topic;  ///< `other` for all beyond the first 1,000; `none` where a row has none.
  std::uint64_t published = 0;
  std::uint64_t failed = 0;
  std::uint64_t retried = 0;
  std::uint64_t dead_lettered = 0;
};

/// Of work in hand, as it was when the core last had something to do: mostly some tenths of a
/// second ago, with a long polling interval a few seconds.
struct RelayGauges {
  int slots_held = 0;
  std::size_t rows_in_flight = 0;
  std::size_t bytes_in_flight = 0;
  std::size_t blocked_keys = 0;
  std::vector<std::string> held_topics;
};

struct RelayFigures {
  std::uint64_t reads = 0;
  std::uint64_t empty_reads = 0;
  std::uint64_t failed = 0;  ///< Attempts that the broker refused.
  std::uint64_t slots_acquired = 0;
  std::uint64_t slots_released = 0;
  std::vector<TopicCounts> topics;
  RelayGauges gauges;
  std::optional<std::int64_t> last_published_at_us;  ///< Of this machine's wall clock.
  HistogramView read_us;
  HistogramView publish_us;  ///< From hand-over to acknowledgement.
  HistogramView settle_us;
  /// From created_at, the writer's or the database's clock, to the acknowledgement by this
  /// machine's wall clock; never below 0.
  HistogramView end_to_end_us;
  HistogramView rows_per_read;  ///< Of reads that found any.
  HistogramView rows_per_settle;
};

}  // namespace outbox::relay
