// SPDX-License-Identifier: Apache-2.0
#include "config/reader.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <system_error>

#include <fmt/format.h>

#include <outbox/error.hpp>

#include "config/suggest.hpp"
#include "config/values.hpp"

namespace outbox::config {
namespace {

constexpr std::string_view relay_prefix = "relay.";

const Setting& setting_of(std::string_view name) {
  const Setting* setting = find_setting(name);
  // A name in our own code that the table lacks is a fault of the program, not of the user.
  if (setting == nullptr) throw std::logic_error("no setting " + std::string(name));
  return *setting;
}

bool same_word(std::string_view left, std::string_view right) {
  return std::equal(left.begin(), left.end(), right.begin(), right.end(), [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) ==
           std::tolower(static_cast<unsigned char>(b));
  });
}

std::string example_of(const Setting& setting) {
  return setting.example.empty() ? std::string() : fmt::format(", such as {}", setting.example);
}

}  // namespace

Reader::Found Reader::find(std::string_view name) const {
  if (!relay_.empty() && name.starts_with(relay_prefix)) {
    const std::string own = fmt::format("relays.{}.{}", relay_, name.substr(relay_prefix.size()));
    if (const Given* given = layers_.find(own)) return {own, given->text, given->origin};
  }
  if (const Given* given = layers_.find(name)) {
    return {std::string(name), given->text, given->origin};
  }
  return {std::string(name), std::string(setting_of(name).default_text), "default"};
}

bool Reader::is_given(std::string_view name) const {
  return find(name).origin != "default";
}

bool Reader::is_given_by_user(std::string_view name) const {
  const Given* given = layers_.find(find(name).name);
  return given != nullptr && given->layer != Layer::preset;
}

std::string Reader::origin(std::string_view name) const {
  return find(name).origin;
}

void Reader::fail(std::string_view name, const std::string& what, const std::string& hint) const {
  const Found found = find(name);
  throw Error(ErrorKind::configuration, fmt::format("{} ({}) {}", found.name, found.origin, what),
              hint);
}

std::string Reader::quoted(std::string_view name) const {
  if (setting_of(name).secret) return "***";
  std::string text = find(name).text;
  constexpr std::size_t shown_max = 80;
  if (text.size() > shown_max) text = text.substr(0, shown_max) + "...";
  for (char& letter : text) {
    // Messages are one line each, whatever stands in a value.
    if (static_cast<unsigned char>(letter) < ' ') letter = ' ';
  }
  return "'" + text + "'";
}

void Reader::refuse(std::string_view name) const {
  const Setting& setting = setting_of(name);
  std::string suggestion;
  if (setting.type == SettingType::word) {
    const std::vector<std::string> words = split_words(setting.words);
    suggestion = did_you_mean(nearest(find(name).text, words));
  }
  fail(name, fmt::format("is {}{}", quoted(name), suggestion),
       fmt::format("give {}{}", allowed_values(setting), example_of(setting)));
}

double Reader::in_range(std::string_view name, double value) const {
  const Setting& setting = setting_of(name);
  if (!(value >= setting.minimum && value <= setting.maximum)) refuse(name);
  return value;
}

bool Reader::boolean(std::string_view name) const {
  const auto value = parse_boolean(find(name).text);
  if (!value) refuse(name);
  return *value;
}

int Reader::integer(std::string_view name) const {
  const auto value = parse_integer(find(name).text);
  if (!value) refuse(name);
  return static_cast<int>(in_range(name, static_cast<double>(*value)));
}

double Reader::decimal(std::string_view name) const {
  const auto value = parse_decimal(find(name).text);
  if (!value) refuse(name);
  return in_range(name, *value);
}

std::chrono::milliseconds Reader::duration(std::string_view name) const {
  const auto value = parse_duration_ms(find(name).text, setting_of(name).bare_unit);
  if (!value) refuse(name);
  return std::chrono::milliseconds(std::llround(in_range(name, *value)));
}

std::size_t Reader::size(std::string_view name) const {
  const auto value = parse_size(find(name).text);
  if (!value) refuse(name);
  return static_cast<std::size_t>(in_range(name, *value));
}

std::string Reader::word(std::string_view name) const {
  const std::string given(trimmed(find(name).text));
  if (given.empty() && setting_of(name).default_text.empty()) return {};
  for (const std::string& word : split_words(setting_of(name).words)) {
    if (same_word(word, given)) return word;
  }
  refuse(name);
}

std::vector<std::string> Reader::list(std::string_view name) const {
  const auto values = parse_list(find(name).text);
  if (!values) {
    fail(name, fmt::format("is {}, which has an empty part", quoted(name)),
         fmt::format("give a comma-separated list{}", example_of(setting_of(name))));
  }
  return *values;
}

std::string Reader::topic(std::string_view name) const {
  const std::string value(trimmed(find(name).text));
  if (!value.empty() && !is_topic_name(value)) refuse(name);
  return value;
}

std::string Reader::path(std::string_view name) const {
  const std::string value = find(name).text;
  std::error_code ignored;
  const bool is_folder = std::filesystem::is_directory(value, ignored);
  if (!value.empty() && (is_folder || !std::ifstream(value))) {
    fail(name, fmt::format("names the file {}, which cannot be read", quoted(name)),
         "correct the path or make the file readable");
  }
  return value;
}

std::string Reader::text(std::string_view name) const {
  return find(name).text;
}

}  // namespace outbox::config
