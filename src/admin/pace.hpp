// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <mutex>

#include "core/clock.hpp"

namespace outbox::admin {

/// How fast something may go on: no more than `per_second` of them, without bursts. Zero: as fast
/// as it goes.
class PerSecond {
 public:
  PerSecond(double per_second, Moment now) : per_second_(per_second), next_(now) {}

  /// When the next `count` may begin.
  Moment take(std::size_t count, Moment now) {
    if (per_second_ <= 0) return now;
    const Moment begin = std::max(next_, now);
    const std::chrono::duration<double> lasts(static_cast<double>(count) / per_second_);
    next_ = begin + std::chrono::duration_cast<Duration>(lasts);
    return begin;
  }

  /// How many make a portion that takes a fifth of a second.
  [[nodiscard]] std::size_t portion(std::size_t most) const {
    if (per_second_ <= 0) return most;
    return std::clamp<std::size_t>(static_cast<std::size_t>(per_second_ / 5), 1, most);
  }

 private:
  double per_second_;
  Moment next_;
};

/// One rate that all who share it keep to together. Thread-safe.
class SharedPerSecond {
 public:
  SharedPerSecond(double per_second, Moment now) : pace_(per_second, now) {}

  /// As PerSecond::take().
  Moment take(std::size_t count, Moment now) {
    const std::lock_guard lock(mutex_);
    return pace_.take(count, now);
  }

 private:
  std::mutex mutex_;
  PerSecond pace_;
};

}  // namespace outbox::admin
