// SPDX-License-Identifier: Apache-2.0
#include "core/timestamp.hpp"

#include <chrono>

namespace outbox {

namespace {

constexpr std::size_t date_and_time = 19;

/// Takes `digits` digits; none where there are not so many.
bool take_number(std::string_view& text, int digits, int& number) noexcept {
  if (text.size() < static_cast<std::size_t>(digits)) return false;
  number = 0;
  for (int i = 0; i < digits; ++i) {
    const char digit = text[static_cast<std::size_t>(i)];
    if (digit < '0' || digit > '9') return false;
    number = number * 10 + (digit - '0');
  }
  text.remove_prefix(static_cast<std::size_t>(digits));
  return true;
}

bool take_one_of(std::string_view& text, std::string_view allowed) noexcept {
  if (text.empty() || allowed.find(text.front()) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

std::int64_t take_fraction_us(std::string_view& text) noexcept {
  std::int64_t fraction_us = 0;
  std::int64_t unit_us = 100'000;
  for (; !text.empty() && text.front() >= '0' && text.front() <= '9'; text.remove_prefix(1)) {
    fraction_us += (text.front() - '0') * unit_us;
    unit_us /= 10;
  }
  return fraction_us;
}

std::optional<int> take_zone_minutes(std::string_view& text) noexcept {
  if (take_one_of(text, "Zz")) return 0;
  if (text.empty()) return std::nullopt;
  const int sign = text.front() == '-' ? -1 : 1;
  int hours = 0;
  int minutes = 0;
  if (!take_one_of(text, "+-") || !take_number(text, 2, hours)) return std::nullopt;
  take_one_of(text, ":");
  if (!text.empty() && !take_number(text, 2, minutes)) return std::nullopt;
  return sign * (hours * 60 + minutes);
}

}  // namespace

std::optional<std::int64_t> read_timestamp(std::string_view text) noexcept {
  if (text.size() <= date_and_time) return std::nullopt;
  int year = 0;
  int month = 0;
  int day = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
  const bool read =
      take_number(text, 4, year) && take_one_of(text, "-") && take_number(text, 2, month) &&
      take_one_of(text, "-") && take_number(text, 2, day) && take_one_of(text, "Tt ") &&
      take_number(text, 2, hour) && take_one_of(text, ":") && take_number(text, 2, minute) &&
      take_one_of(text, ":") && take_number(text, 2, second);
  if (!read || hour > 23 || minute > 59 || second > 60) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok()) return std::nullopt;
  const std::int64_t fraction_us = take_one_of(text, ".") ? take_fraction_us(text) : 0;
  const std::optional<int> zone_minutes = take_zone_minutes(text);
  if (!zone_minutes || !text.empty()) return std::nullopt;
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  const std::int64_t seconds =
      days * 86'400 + hour * 3'600 + (minute - *zone_minutes) * 60 + second;
  return seconds * 1'000'000 + fraction_us;
}

}  // namespace outbox
