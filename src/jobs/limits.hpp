// SPDX-License-Identifier: Apache-2.0
//
// Times that somebody gave, made so that they can be added to a moment: whoever says
// `milliseconds::max()` means "no limit", and the sum of that and now lies in the past.
#pragma once

#include <algorithm>
#include <chrono>

namespace outbox::jobs {

/// Ten years: longer than any process runs, and in nanoseconds far from the end of 64 bits.
inline constexpr std::chrono::milliseconds longest_time = std::chrono::days(3650);

[[nodiscard]] constexpr std::chrono::milliseconds bounded(std::chrono::milliseconds time) noexcept {
  return std::min(time, longest_time);
}

}  // namespace outbox::jobs
