// SPDX-License-Identifier: Apache-2.0
#include "config/values.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "core/topic_name.hpp"

namespace outbox::config {
namespace {

constexpr std::string_view white_space = " \t\r\n\v\f";

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), [](char letter) {
    return static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
  });
  return result;
}

bool is_digit(char letter) {
  return letter >= '0' && letter <= '9';
}

bool is_word_letter(char letter) {
  return is_digit(letter) || (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
         letter == '_';
}

// Where the number at the beginning of `text` ends: digits with at most one dot among them.
std::size_t number_end(std::string_view text) {
  std::size_t end = 0;
  while (end < text.size() && (is_digit(text[end]) || text[end] == '.'))
    ++end;
  return end;
}

using Unit = std::pair<std::string_view, double>;

constexpr std::array duration_units = {
    Unit{"d", 86'400'000}, Unit{"h", 3'600'000}, Unit{"m", 60'000},
    Unit{"s", 1'000},      Unit{"ms", 1},        Unit{"min", 60'000},
};

constexpr double kib = 1'024;
constexpr std::array size_units = {
    Unit{"b", 1},
    Unit{"kib", kib},
    Unit{"mib", kib* kib},
    Unit{"gib", kib* kib* kib},
    Unit{"k", 1'000},
    Unit{"kb", 1'000},
    Unit{"m", 1'000'000},
    Unit{"mb", 1'000'000},
    Unit{"g", 1'000'000'000},
    Unit{"gb", 1'000'000'000},
};

template <std::size_t count>
std::optional<double> parse_with_unit(std::string_view text, const std::array<Unit, count>& units,
                                      std::string_view bare_unit) {
  text = trimmed(text);
  const std::size_t end = number_end(text);
  const auto number = parse_decimal(text.substr(0, end));
  if (!number) return std::nullopt;
  const std::string_view given = trimmed(text.substr(end));
  const std::string unit = lower(given.empty() ? bare_unit : given);
  for (const auto& [name, factor] : units) {
    if (name == unit) return *number * factor;
  }
  return std::nullopt;
}

}  // namespace

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(white_space);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(white_space) - first + 1);
}

std::optional<bool> parse_boolean(std::string_view text) {
  const std::string word = lower(trimmed(text));
  for (const std::string_view yes : {"true", "yes", "on", "1"}) {
    if (word == yes) return true;
  }
  for (const std::string_view no : {"false", "no", "off", "0"}) {
    if (word == no) return false;
  }
  return std::nullopt;
}

std::optional<std::int64_t> parse_integer(std::string_view text) {
  text = trimmed(text);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<double> parse_decimal(std::string_view text) {
  text = trimmed(text);
  if (text.empty() || number_end(text) != text.size() || !is_digit(text.back())) {
    return std::nullopt;
  }
  double value = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<double> parse_duration_ms(std::string_view text, std::string_view bare_unit) {
  return parse_with_unit(text, duration_units, bare_unit);
}

std::optional<double> parse_size(std::string_view text) {
  return parse_with_unit(text, size_units, "b");
}

std::optional<std::vector<std::string>> parse_list(std::string_view text) {
  std::vector<std::string> parts;
  if (trimmed(text).empty()) return parts;
  while (true) {
    const std::size_t comma = text.find(',');
    const std::string_view part = trimmed(text.substr(0, comma));
    if (part.empty()) return std::nullopt;
    parts.emplace_back(part);
    if (comma == std::string_view::npos) return parts;
    text.remove_prefix(comma + 1);
  }
}

std::string format_duration(double milliseconds) {
  constexpr std::array<Unit, 4> units = {Unit{"d", 86'400'000}, Unit{"h", 3'600'000},
                                         Unit{"m", 60'000}, Unit{"s", 1'000}};
  for (const auto& [name, factor] : units) {
    if (milliseconds >= factor && std::fmod(milliseconds, factor) == 0) {
      return fmt::format("{:.0f}{}", milliseconds / factor, name);
    }
  }
  return fmt::format("{:.0f}ms", milliseconds);
}

std::string format_size(double bytes) {
  constexpr std::array<Unit, 3> units = {Unit{"GiB", kib * kib * kib}, Unit{"MiB", kib * kib},
                                         Unit{"KiB", kib}};
  for (const auto& [name, factor] : units) {
    if (bytes >= factor && std::fmod(bytes, factor) == 0) {
      return fmt::format("{:.0f}{}", bytes / factor, name);
    }
  }
  return fmt::format("{:.0f}", bytes);
}

bool is_topic_name(std::string_view text) {
  return topic_fault(text).empty();
}

bool is_sql_name(std::string_view text) {
  return !text.empty() && text.size() <= 63 && !is_digit(text.front()) &&
         std::all_of(text.begin(), text.end(), is_word_letter);
}

std::string without_comment(std::string_view text) {
  const std::string_view whole = trimmed(text);
  if (whole.size() >= 2 && (whole.front() == '"' || whole.front() == '\'')) {
    const std::size_t close = whole.find(whole.front(), 1);
    const std::string_view after =
        close == std::string_view::npos ? whole : trimmed(whole.substr(close + 1));
    // Quotes protect where they enclose the value; a quote that merely begins a text is a letter.
    if (close != std::string_view::npos && (after.empty() || after.front() == '#')) {
      return std::string(whole.substr(1, close - 1));
    }
  }
  for (std::size_t place = 0; place < text.size(); ++place) {
    const bool after_space =
        place > 0 && white_space.find(text[place - 1]) != std::string_view::npos;
    if (text[place] == '#' && after_space) return std::string(trimmed(text.substr(0, place)));
  }
  return std::string(whole);
}

}  // namespace outbox::config
