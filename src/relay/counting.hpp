// SPDX-License-Identifier: Apache-2.0
//
// The relay's counters as its threads write them.
#pragma once

#include <atomic>
#include <cstdint>

#include "relay/relay.hpp"

namespace outbox::relay {

struct Relay::Counting {
  std::atomic<std::uint64_t> read{0};
  std::atomic<std::uint64_t> acknowledged{0};
  std::atomic<std::uint64_t> settled{0};
  std::atomic<std::uint64_t> retried{0};
  std::atomic<std::uint64_t> dead_lettered{0};
  std::atomic<std::uint64_t> handle_restarts{0};
  std::atomic<std::uint64_t> slots_lost{0};
  std::atomic<std::uint64_t> partition_changes{0};

  [[nodiscard]] RelayCounters view() const {
    return {read.load(),       acknowledged.load(),     settled.load(),
            retried.load(),    dead_lettered.load(),    handle_restarts.load(),
            slots_lost.load(), partition_changes.load()};
  }
};

}  // namespace outbox::relay
