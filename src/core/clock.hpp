// SPDX-License-Identifier: Apache-2.0
//
// The only places that read a clock. Decisions get a Moment passed in; leases count suspended time
// too, hence CLOCK_BOOTTIME; the wall clock is for log lines and never for a promise (design,
// promise 6).
#pragma once

#include <chrono>
#include <cstdint>

namespace outbox {

using Duration = std::chrono::nanoseconds;

/// Monotonic, and running on while the machine is suspended.
struct BootClock {
  using duration = Duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<BootClock>;
  static constexpr bool is_steady = true;
  static time_point now() noexcept;
};

using Moment = BootClock::time_point;

/// Microseconds since 1970 UTC by this machine's wall clock.
[[nodiscard]] std::int64_t wall_clock_us() noexcept;

/// RFC 3339 in UTC with six decimals, e.g. `2026-11-21T10:15:00.123456Z`, of microseconds since
/// 1970.
struct TimestampText {
  char text[28];
};
[[nodiscard]] TimestampText format_timestamp(std::int64_t unix_us) noexcept;

}  // namespace outbox
