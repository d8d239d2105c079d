// SPDX-License-Identifier: Apache-2.0
#include "config/settings_table.hpp"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

#include "config/kafka_properties.hpp"
#include "config/named_settings.hpp"
#include "config/settings_data.hpp"
#include "config/suggest.hpp"
#include "config/values.hpp"

namespace outbox::config {
namespace {

constexpr std::string_view variable_prefix = "OUTBOXD_";
constexpr std::string_view properties_prefix = "kafka.properties.";
constexpr std::string_view relays_prefix = "relays.";
constexpr std::string_view relay_prefix = "relay.";
constexpr std::string_view file_suffix = "-file";

std::string upper_snake(std::string_view name) {
  std::string result;
  for (const char letter : name) {
    const bool separator = letter == '.' || letter == '-';
    result += separator ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(letter)));
  }
  return result;
}

bool may_be_in_file(const Setting& setting) {
  return setting.secret || setting.type == SettingType::url;
}

std::optional<ResolvedName> resolve_named_relay(std::string_view name) {
  const std::string_view rest = name.substr(relays_prefix.size());
  const std::size_t dot = rest.find('.');
  const std::string_view relay = rest.substr(0, dot);
  if (!is_plain_name(relay)) return std::nullopt;
  if (dot == std::string_view::npos) return ResolvedName{std::string(name)};
  const Setting* setting =
      find_setting(std::string(relay_prefix) + std::string(rest.substr(dot + 1)));
  if (setting == nullptr || !is_per_relay(*setting)) return std::nullopt;
  return ResolvedName{
      fmt::format("{}{}.{}", relays_prefix, relay, setting->name.substr(relay_prefix.size())),
      setting};
}

// OUTBOXD_RELAYS_ORDERS_BATCH_SIZE: the relay's name is what stands before the longest setting.
std::optional<ResolvedName> resolve_relay_variable(std::string_view rest) {
  const Setting* found = nullptr;
  std::size_t found_size = 0;
  for (const Setting& setting : relay_settings()) {
    if (!is_per_relay(setting)) continue;
    for (const std::string_view known : {setting.name, setting.alias}) {
      if (known.empty()) continue;
      const std::string suffix = "_" + upper_snake(known.substr(relay_prefix.size()));
      if (rest.ends_with(suffix) && suffix.size() > found_size) {
        found = &setting;
        found_size = suffix.size();
      }
    }
  }
  if (found == nullptr) return std::nullopt;
  std::string relay;
  for (const char letter : rest.substr(0, rest.size() - found_size)) {
    relay +=
        letter == '_' ? '-' : static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
  }
  return resolve_name(
      fmt::format("{}{}.{}", relays_prefix, relay, found->name.substr(relay_prefix.size())));
}

std::vector<Setting> joined_table() {
  std::vector<Setting> table;
  for (const auto part :
       {connection_settings(), shard_settings(), outbox_settings(), relay_settings(),
        gateway_settings(), admin_settings(), alert_settings(), process_settings()}) {
    table.insert(table.end(), part.begin(), part.end());
  }
  return table;
}

std::string ranged(std::string_view what, const std::string& least, const std::string& most) {
  return fmt::format("{} from {} to {}", what, least, most);
}

}  // namespace

std::span<const Setting> settings_table() {
  static const std::vector<Setting> table = joined_table();
  return table;
}

std::string_view group_of(const Setting& setting) {
  const std::size_t dot = setting.name.find('.');
  return dot == std::string_view::npos ? std::string_view("process") : setting.name.substr(0, dot);
}

const Setting* find_setting(std::string_view name) {
  if (name.empty()) return nullptr;
  const std::string pattern = named_pattern(name);
  if (!pattern.empty()) name = pattern;
  for (const Setting& setting : settings_table()) {
    if (setting.name == name || setting.alias == name) return &setting;
  }
  return nullptr;
}

bool is_per_relay(const Setting& setting) {
  return setting.name.starts_with(relay_prefix) && setting.name != "relay.slots";
}

std::string environment_name(std::string_view name) {
  return std::string(variable_prefix) + upper_snake(name);
}

std::optional<ResolvedName> resolve_name(std::string_view name) {
  if (name.starts_with(relays_prefix)) return resolve_named_relay(name);
  if (is_of_named_group(name)) return resolve_named(name);
  if (name.starts_with(properties_prefix) && name.size() > properties_prefix.size()) {
    return ResolvedName{std::string(name)};
  }
  if (const Setting* setting = find_setting(name)) {
    return ResolvedName{std::string(setting->name), setting};
  }
  if (name.ends_with(file_suffix)) {
    const Setting* setting = find_setting(name.substr(0, name.size() - file_suffix.size()));
    if (setting != nullptr && may_be_in_file(*setting)) {
      return ResolvedName{std::string(setting->name), setting, true};
    }
  }
  return std::nullopt;
}

std::optional<ResolvedName> resolve_variable(std::string_view variable) {
  if (!variable.starts_with(variable_prefix)) return std::nullopt;
  const std::string properties = environment_name(properties_prefix);
  if (variable.starts_with(properties) && variable.size() > properties.size()) {
    return resolve_name(std::string(properties_prefix) +
                        property_of_variable(variable.substr(properties.size())));
  }
  const std::string relays = environment_name(relays_prefix);
  if (variable.starts_with(relays)) {
    return resolve_relay_variable(variable.substr(relays.size()));
  }
  if (auto named = resolve_named_variable(variable)) return named;
  for (const Setting& setting : settings_table()) {
    const std::string name = environment_name(setting.name);
    const bool aliased = !setting.alias.empty() && variable == environment_name(setting.alias);
    if (variable == name || aliased) return ResolvedName{std::string(setting.name), &setting};
    if (may_be_in_file(setting) && variable == name + "_FILE") {
      return ResolvedName{std::string(setting.name), &setting, true};
    }
  }
  return std::nullopt;
}

std::string without_document_root(std::string_view name) {
  constexpr std::string_view document_root = "cupia.framework.outbox.";
  std::string result(name);
  if (name.starts_with(document_root)) {
    result = "outbox." + result.substr(document_root.size());
  }
  for (const std::string_view nested : {"outbox.relay.", "outbox.cleanup."}) {
    if (result.starts_with(nested)) return result.substr(std::string_view("outbox.").size());
  }
  return result;
}

std::string nearest_setting(std::string_view name) {
  std::vector<std::string> candidates;
  for (const Setting& setting : settings_table()) {
    candidates.emplace_back(setting.name);
    if (!setting.alias.empty()) candidates.emplace_back(setting.alias);
  }
  if (name.starts_with(relays_prefix)) {
    const std::size_t dot = name.find('.', relays_prefix.size());
    if (dot == std::string_view::npos) return {};
    const std::string near =
        nearest(std::string(relay_prefix) + std::string(name.substr(dot + 1)), candidates);
    if (!near.starts_with(relay_prefix)) return {};
    return std::string(name.substr(0, dot + 1)) + near.substr(relay_prefix.size());
  }
  if (is_of_named_group(name)) {
    const std::size_t dot = name.find('.', name.find('.') + 1);
    if (dot == std::string_view::npos) return {};
    const std::string near = nearest(named_pattern(name), candidates);
    if (!near.starts_with(name.substr(0, name.find('.') + 1))) return {};
    return std::string(name.substr(0, dot + 1)) + near.substr(near.rfind('.') + 1);
  }
  const std::string near = nearest(name, candidates);
  if (!near.empty()) return near;
  // A name without its group (`batch-size`) is the commonest slip after a typing error.
  for (const Setting& setting : settings_table()) {
    const std::size_t dot = setting.name.rfind('.');
    if (dot != std::string_view::npos && setting.name.substr(dot + 1) == name) {
      return std::string(setting.name);
    }
  }
  return {};
}

std::string allowed_values(const Setting& setting) {
  switch (setting.type) {
    case SettingType::boolean:
      return "true or false";
    case SettingType::integer:
      return ranged("a whole number", fmt::format("{:.0f}", setting.minimum),
                    fmt::format("{:.0f}", setting.maximum));
    case SettingType::decimal:
      return ranged("a number", fmt::format("{}", setting.minimum),
                    fmt::format("{}", setting.maximum));
    case SettingType::duration:
      return ranged("a duration", format_duration(setting.minimum),
                    format_duration(setting.maximum)) +
             fmt::format(" (a bare number counts {})", setting.bare_unit == "d"   ? "days"
                                                       : setting.bare_unit == "s" ? "seconds"
                                                                                  : "milliseconds");
    case SettingType::size:
      return ranged("a size", format_size(setting.minimum), format_size(setting.maximum));
    case SettingType::word: {
      const std::vector<std::string> words = split_words(setting.words);
      return fmt::format("one of {}", fmt::join(words, ", "));
    }
    case SettingType::list:
      return "a comma-separated list";
    case SettingType::path:
      return "the path of a file that can be read";
    case SettingType::url:
      return "a database URL";
    case SettingType::topic:
      return "a topic: 1 to 249 of the letters a-z, A-Z, 0-9, '.', '_' and '-'";
    case SettingType::name:
      return "an SQL name of at most 63 letters, digits and '_'";
    case SettingType::routes:
      return "TYPE=topic,TYPE2=topic2";
    case SettingType::transform:
      return "a list of steps";
    case SettingType::text:
      break;
  }
  return "a text";
}

std::vector<std::string> split_words(std::string_view words) {
  std::vector<std::string> result;
  while (!words.empty()) {
    const std::size_t bar = words.find('|');
    result.emplace_back(words.substr(0, bar));
    if (bar == std::string_view::npos) break;
    words.remove_prefix(bar + 1);
  }
  return result;
}

}  // namespace outbox::config
