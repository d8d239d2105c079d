// SPDX-License-Identifier: Apache-2.0
#include "config/shard_names.hpp"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

#include "config/settings_data.hpp"

namespace outbox::config {
namespace {

constexpr std::string_view pattern_prefix = "shards.NAME.";
constexpr std::string_view file_suffix = "-file";

std::string in_variables(std::string_view name) {
  std::string result(name);
  for (char& letter : result) {
    letter =
        letter == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(letter)));
  }
  return result;
}

}  // namespace

bool is_plain_name(std::string_view name) {
  if (name.empty() || name.size() > 40) return false;
  return std::all_of(name.begin(), name.end(), [](char letter) {
    return (letter >= 'a' && letter <= 'z') || (letter >= '0' && letter <= '9') || letter == '-';
  });
}

std::string shard_pattern(std::string_view name) {
  if (!name.starts_with(shards_prefix)) return {};
  const std::string_view rest = name.substr(shards_prefix.size());
  const std::size_t dot = rest.find('.');
  if (dot == std::string_view::npos || !is_plain_name(rest.substr(0, dot))) return {};
  return std::string(pattern_prefix) + std::string(rest.substr(dot + 1));
}

std::optional<ResolvedName> resolve_shard(std::string_view name) {
  const std::string_view rest = name.substr(shards_prefix.size());
  // `shards: {eu: }` names one and says nothing of it: it lacks its url, which is told later on.
  if (is_plain_name(rest)) return ResolvedName{std::string(name)};
  if (shard_pattern(name).empty()) return std::nullopt;
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

std::optional<ResolvedName> resolve_shard_variable(std::string_view rest) {
  for (const Setting& setting : shard_settings()) {
    const std::string_view field = setting.name.substr(pattern_prefix.size());
    for (const std::string_view suffix : {std::string_view(), file_suffix}) {
      const std::string end = "_" + in_variables(std::string(field) + std::string(suffix));
      if (!rest.ends_with(end) || rest.size() == end.size()) continue;
      std::string shard;
      for (const char letter : rest.substr(0, rest.size() - end.size())) {
        shard += letter == '_'
                     ? '-'
                     : static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
      }
      if (auto resolved =
              resolve_shard(fmt::format("{}{}.{}{}", shards_prefix, shard, field, suffix))) {
        return resolved;
      }
    }
  }
  return std::nullopt;
}

}  // namespace outbox::config
