// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>

#include <fmt/format.h>

#include <outbox/error.hpp>

#include "admin/letter.hpp"
#include "core/clock.hpp"

namespace outbox::admin {
namespace {

constexpr std::int64_t second_us = 1'000'000;

struct Unit {
  std::string_view name;
  double us;
};
constexpr std::array<Unit, 7> units = {{{"ms", 1e3},
                                        {"s", 1e6},
                                        {"m", 6e7},
                                        {"min", 6e7},
                                        {"h", 3.6e9},
                                        {"d", 8.64e10},
                                        {"w", 6.048e11}}};
constexpr double longest_us = 3.2e15;  // A century.

std::optional<std::int64_t> read_ago(std::string_view text) {
  double count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc{} || !(count >= 0)) return std::nullopt;
  std::string_view rest(end, static_cast<std::size_t>(text.data() + text.size() - end));
  if (rest.starts_with(' ')) rest.remove_prefix(1);
  for (const Unit& unit : units) {
    if (unit.name != rest) continue;
    const double us = count * unit.us;
    if (us > longest_us) return std::nullopt;
    return std::llround(us);
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::int64_t> read_timestamp(std::string_view text) {
  if (text.ends_with('Z')) text.remove_suffix(1);
  constexpr std::string_view form = "0000-00-00T00:00:00.000000";
  constexpr std::array<std::size_t, 4> lengths = {10, 13, 16, 19};
  std::array<std::int64_t, 7> parts = {0, 1, 1, 0, 0, 0, 0};
  bool is_whole = text.size() > 20 && text.size() <= form.size();
  for (const std::size_t length : lengths)
    is_whole = is_whole || text.size() == length;
  if (!is_whole) return std::nullopt;
  std::size_t part = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (form[i] != '0') {
      if (text[i] != form[i] && !(form[i] == 'T' && text[i] == ' ')) return std::nullopt;
      parts.at(++part) = 0;
    } else if (text[i] >= '0' && text[i] <= '9') {
      if (i == 0) parts[0] = 0;
      parts.at(part) = parts.at(part) * 10 + (text[i] - '0');
    } else {
      return std::nullopt;
    }
  }
  for (std::size_t digits = text.size(); part == 6 && digits < form.size(); ++digits)
    parts[6] *= 10;
  const std::chrono::year_month_day day(std::chrono::year(static_cast<int>(parts[0])),
                                        std::chrono::month(static_cast<unsigned>(parts[1])),
                                        std::chrono::day(static_cast<unsigned>(parts[2])));
  if (!day.ok() || parts[3] > 23 || parts[4] > 59 || parts[5] > 60) return std::nullopt;
  const std::int64_t days = std::chrono::sys_days(day).time_since_epoch().count();
  return ((days * 24 + parts[3]) * 60 + parts[4]) * 60 * second_us + parts[5] * second_us +
         parts[6];
}

std::int64_t parse_time(const std::string& what, const std::string& text) {
  if (const auto time = read_timestamp(text)) return *time;
  if (const auto ago = read_ago(text)) return wall_clock_us() - *ago;
  throw Error(ErrorKind::usage,
              fmt::format("{} '{}' is no time", what, clean_utf8(text.substr(0, 100))),
              "write how long ago, such as 2h, or a time in UTC, such as 2026-11-21T15:00");
}

}  // namespace outbox::admin
