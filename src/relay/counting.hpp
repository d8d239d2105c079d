// SPDX-License-Identifier: Apache-2.0
//
// The relay's counters as its threads write them.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>

#include "core/histogram.hpp"
#include "relay/figures.hpp"
#include "relay/relay.hpp"

namespace outbox::relay {

struct Relay::Counting {
  struct Topic {
    std::atomic<std::uint64_t> published{0};
    std::atomic<std::uint64_t> failed{0};
    std::atomic<std::uint64_t> retried{0};
    std::atomic<std::uint64_t> dead_lettered{0};
  };

  std::atomic<std::uint64_t> read{0};
  std::atomic<std::uint64_t> acknowledged{0};
  std::atomic<std::uint64_t> settled{0};
  std::atomic<std::uint64_t> retried{0};
  std::atomic<std::uint64_t> dead_lettered{0};
  std::atomic<std::uint64_t> handle_restarts{0};
  std::atomic<std::uint64_t> slots_lost{0};
  std::atomic<std::uint64_t> partition_changes{0};
  std::atomic<std::uint64_t> reads{0};
  std::atomic<std::uint64_t> empty_reads{0};
  std::atomic<std::uint64_t> failed{0};
  std::atomic<std::uint64_t> slots_acquired{0};
  std::atomic<std::uint64_t> slots_released{0};
  std::atomic<std::int64_t> last_published_at_us{0};  ///< 0: nothing yet.
  Histogram read_us{time_bounds_us()};
  Histogram publish_us{time_bounds_us()};
  Histogram settle_us{time_bounds_us()};
  Histogram end_to_end_us{time_bounds_us()};
  Histogram rows_per_read{size_bounds()};
  Histogram rows_per_settle{size_bounds()};

  std::mutex mutex;  ///< Of what follows, save that the core's thread finds topics without it.
  std::map<std::string, Topic, std::less<>> topics;
  RelayGauges gauges;

  [[nodiscard]] RelayCounters view() const {
    return {read.load(),       acknowledged.load(),     settled.load(),
            retried.load(),    dead_lettered.load(),    handle_restarts.load(),
            slots_lost.load(), partition_changes.load()};
  }

  [[nodiscard]] RelayFigures figures() {
    RelayFigures figures;
    figures.reads = reads.load();
    figures.empty_reads = empty_reads.load();
    figures.failed = failed.load();
    figures.slots_acquired = slots_acquired.load();
    figures.slots_released = slots_released.load();
    if (const std::int64_t at = last_published_at_us.load(); at != 0) {
      figures.last_published_at_us = at;
    }
    figures.read_us = read_us.view();
    figures.publish_us = publish_us.view();
    figures.settle_us = settle_us.view();
    figures.end_to_end_us = end_to_end_us.view();
    figures.rows_per_read = rows_per_read.view();
    figures.rows_per_settle = rows_per_settle.view();
    const std::lock_guard lock(mutex);
    figures.gauges = gauges;
    for (const auto& [name, topic] : topics) {
      figures.topics.push_back({name, topic.published.load(), topic.failed.load(),
                                topic.retried.load(), topic.dead_lettered.load()});
    }
    return figures;
  }
};

}  // namespace outbox::relay
