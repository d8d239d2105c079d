// SPDX-License-Identifier: Apache-2.0
#include "app/show_values.hpp"

#include <array>
#include <cmath>

#include <fmt/format.h>

#include "app/plain_text.hpp"

namespace outbox::app {

using admin::Json;

const Json& field(const Json& object, std::string_view name) {
  static const Json none;
  if (!object.is_object()) return none;
  const auto found = object.find(std::string(name));
  return found == object.end() ? none : *found;
}

const Json& list_of(const Json& object, std::string_view name) {
  static const Json none = Json::array();
  const Json& list = field(object, name);
  return list.is_array() ? list : none;
}

std::string text_of(const Json& object, std::string_view name) {
  const Json& value = field(object, name);
  if (value.is_null()) return {};
  return plain(value.is_string() ? value.get_ref<const std::string&>() : admin::to_text(value));
}

std::string text_or_dash(const Json& object, std::string_view name) {
  const std::string text = text_of(object, name);
  return text.empty() ? "-" : text;
}

bool is_true(const Json& object, std::string_view name) {
  const Json& value = field(object, name);
  return value.is_boolean() && value.get<bool>();
}

std::optional<double> number_of(const Json& object, std::string_view name) {
  const Json& value = field(object, name);
  if (!value.is_number()) return std::nullopt;
  return value.get<double>();
}

std::string grouped(std::int64_t number) {
  std::string digits = std::to_string(number);
  const std::size_t sign = number < 0 ? 1 : 0;
  for (std::size_t at = digits.size(); at > sign + 3;) {
    at -= 3;
    digits.insert(at, 1, ',');
  }
  return digits;
}

std::string count_text(const Json& object, std::string_view name) {
  const Json& value = field(object, name);
  if (!value.is_number()) return "-";
  return grouped(value.get<std::int64_t>());
}

std::string bytes_text(const Json& object, std::string_view name) {
  const std::optional<double> bytes = number_of(object, name);
  if (!bytes) return "-";
  constexpr std::array<const char*, 5> units = {"B", "KiB", "MiB", "GiB", "TiB"};
  double size = *bytes;
  std::size_t unit = 0;
  for (; size >= 1024 && unit + 1 < units.size(); ++unit)
    size /= 1024;
  return size < 10 && unit > 0 ? fmt::format("{:.1f} {}", size, units[unit])
                               : fmt::format("{:.0f} {}", size, units[unit]);
}

std::string duration_text(double milliseconds) {
  const double seconds = milliseconds / 1000;
  if (milliseconds < 1000) return fmt::format("{:.0f} ms", milliseconds);
  if (seconds < 60) return fmt::format("{:.1f} s", seconds);
  const auto whole = static_cast<std::int64_t>(seconds);
  constexpr std::int64_t minute = 60;
  constexpr std::int64_t hour = 60 * minute;
  constexpr std::int64_t day = 24 * hour;
  if (whole < hour) return fmt::format("{} min {} s", whole / minute, whole % minute);
  if (whole < day) return fmt::format("{} h {} min", whole / hour, whole % hour / minute);
  return fmt::format("{} d {} h", whole / day, whole % day / hour);
}

std::string duration_text(const Json& object, std::string_view name) {
  const std::optional<double> milliseconds = number_of(object, name);
  return milliseconds ? duration_text(*milliseconds) : "-";
}

std::string time_text(const Json& object, std::string_view name) {
  std::string time = text_of(object, name);
  if (time.empty()) return "-";
  time = time.substr(0, std::string_view("0000-00-00T00:00:00").size());
  if (const std::size_t letter = time.find('T'); letter != std::string::npos) time[letter] = ' ';
  return time;
}

std::string rate_text(double per_second) {
  const double size = std::fabs(per_second);
  if (size > 0 && size < 100) return fmt::format("{:.1f}", per_second);
  return grouped(std::llround(per_second));
}

}  // namespace outbox::app
