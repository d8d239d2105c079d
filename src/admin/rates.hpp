// SPDX-License-Identifier: Apache-2.0
//
// Events per second, from figures that only grow, over the last few seconds.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "admin/instance.hpp"
#include "admin/json.hpp"
#include "core/clock.hpp"

namespace outbox::admin {

/// {id,host,pid,started_at,uptime_seconds}
[[nodiscard]] Json instance_json(const Instance& instance);

class RateMeter {
 public:
  /// {written_per_second, published_per_second, handled_per_second} since a while ago; null where
  /// there is no while yet. What was written is what was published and what waits now and did not
  /// before: null where another instance publishes too, or where nobody counted to the end.
  [[nodiscard]] Json measure(const Instance& instance, const Json& status, Moment now);

 private:
  struct Sample {
    Moment at;
    std::uint64_t published = 0;
    std::uint64_t handled = 0;
    std::optional<std::int64_t> pending;  // None: not counted to the end.
    bool is_alone = true;
  };
  std::deque<Sample> samples_;
};

}  // namespace outbox::admin
