// SPDX-License-Identifier: Apache-2.0
#include "core/clock.hpp"

#include <ctime>

namespace outbox {

namespace {

std::int64_t read_clock_ns(clockid_t id) noexcept {
  timespec now{};
  clock_gettime(id, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

void put_digits(char* end, std::int64_t value, int digits) noexcept {
  for (int i = 0; i < digits; ++i, value /= 10)
    *--end = static_cast<char>('0' + value % 10);
}

}  // namespace

Moment BootClock::now() noexcept {
  return Moment{Duration{read_clock_ns(CLOCK_BOOTTIME)}};
}

std::int64_t wall_clock_us() noexcept {
  return read_clock_ns(CLOCK_REALTIME) / 1000;
}

TimestampText format_timestamp(std::int64_t unix_us) noexcept {
  using std::chrono::days;
  using std::chrono::floor;
  using std::chrono::microseconds;
  using std::chrono::sys_days;
  const std::chrono::sys_time<microseconds> moment{microseconds{unix_us}};
  const sys_days day = floor<days>(moment);
  const std::chrono::year_month_day date{day};
  const std::int64_t rest_us = (moment - day).count();
  const std::int64_t seconds = rest_us / 1'000'000;
  TimestampText out{"0000-00-00T00:00:00.000000Z"};
  put_digits(out.text + 4, static_cast<int>(date.year()), 4);
  put_digits(out.text + 7, static_cast<unsigned>(date.month()), 2);
  put_digits(out.text + 10, static_cast<unsigned>(date.day()), 2);
  put_digits(out.text + 13, seconds / 3600, 2);
  put_digits(out.text + 16, seconds / 60 % 60, 2);
  put_digits(out.text + 19, seconds % 60, 2);
  put_digits(out.text + 26, rest_us % 1'000'000, 6);
  return out;
}

}  // namespace outbox
