// SPDX-License-Identifier: Apache-2.0
#include "config/named_settings.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "config/settings_data.hpp"

namespace outbox::config {
namespace {

constexpr std::string_view any_name = "NAME.";
constexpr std::string_view file_suffix = "-file";
constexpr std::array prefixes = {shards_prefix, alerts_prefix};

std::span<const Setting> settings_of(std::string_view prefix) {
  return prefix == shards_prefix ? shard_settings() : alert_settings();
}

/// The prefix that `name` begins with; empty: none.
std::string_view prefix_of(std::string_view name) {
  const auto* const found = std::find_if(prefixes.begin(), prefixes.end(), [&](const auto& prefix) {
    return name.starts_with(prefix);
  });
  return found == prefixes.end() ? std::string_view() : *found;
}

std::string in_variables(std::string_view name) {
  std::string result(name);
  for (char& letter : result) {
    letter =
        letter == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(letter)));
  }
  return result;
}

/// Of what follows OUTBOXD_SHARDS_, say: the name is what stands before a setting's, the longest of
/// those that fit: X_KEEP_FIRING_FOR is keep-firing-for of x, and not `for` of x-keep-firing.
std::optional<ResolvedName> resolve_rest(std::string_view prefix, std::string_view rest) {
  std::optional<ResolvedName> found;
  std::size_t longest = 0;
  for (const Setting& setting : settings_of(prefix)) {
    const std::string_view field = setting.name.substr(prefix.size() + any_name.size());
    for (const std::string_view suffix : {std::string_view(), file_suffix}) {
      const std::string end = "_" + in_variables(std::string(field) + std::string(suffix));
      if (!rest.ends_with(end) || rest.size() == end.size() || end.size() <= longest) continue;
      std::string name;
      for (const char letter : rest.substr(0, rest.size() - end.size())) {
        name += letter == '_' ? '-'
                              : static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
      }
      if (auto resolved = resolve_named(fmt::format("{}{}.{}{}", prefix, name, field, suffix))) {
        found = std::move(resolved);
        longest = end.size();
      }
    }
  }
  return found;
}

}  // namespace

bool is_plain_name(std::string_view name) {
  if (name.empty() || name.size() > 40) return false;
  return std::all_of(name.begin(), name.end(), [](char letter) {
    return (letter >= 'a' && letter <= 'z') || (letter >= '0' && letter <= '9') || letter == '-';
  });
}

bool is_of_named_group(std::string_view name) {
  return !prefix_of(name).empty();
}

std::string named_pattern(std::string_view name) {
  const std::string_view prefix = prefix_of(name);
  if (prefix.empty()) return {};
  const std::string_view rest = name.substr(prefix.size());
  const std::size_t dot = rest.find('.');
  if (dot == std::string_view::npos || !is_plain_name(rest.substr(0, dot))) return {};
  return std::string(prefix) + std::string(any_name) + std::string(rest.substr(dot + 1));
}

std::optional<ResolvedName> resolve_named(std::string_view name) {
  const std::string_view rest = name.substr(prefix_of(name).size());
  // `shards: {eu: }` names one and says nothing of it: it lacks its url, which is told later on.
  if (is_plain_name(rest)) return ResolvedName{std::string(name)};
  if (named_pattern(name).empty()) return std::nullopt;
  if (const Setting* setting = find_setting(name)) {
    return ResolvedName{std::string(name), setting};
  }
  if (!name.ends_with(file_suffix)) return std::nullopt;
  const std::string_view secret = name.substr(0, name.size() - file_suffix.size());
  const Setting* setting = find_setting(secret);
  if (setting == nullptr || (!setting->secret && setting->type != SettingType::url)) {
    return std::nullopt;
  }
  return ResolvedName{std::string(secret), setting, true};
}

std::optional<ResolvedName> resolve_named_variable(std::string_view variable) {
  for (const std::string_view prefix : prefixes) {
    const std::string begin = environment_name(prefix);
    if (variable.starts_with(begin)) return resolve_rest(prefix, variable.substr(begin.size()));
  }
  return std::nullopt;
}

std::set<std::string> names_in(const Layers& layers, std::string_view prefix) {
  std::set<std::string> names;
  for (const auto& [name, given] : layers.all()) {
    if (!name.starts_with(prefix)) continue;
    const std::string rest = name.substr(prefix.size());
    names.insert(rest.substr(0, rest.find('.')));
  }
  return names;
}

}  // namespace outbox::config
