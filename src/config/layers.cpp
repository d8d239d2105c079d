// SPDX-License-Identifier: Apache-2.0
#include "config/layers.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <utility>

#include <fmt/format.h>

#include <outbox/error.hpp>

#include "config/env_file.hpp"
#include "config/presets.hpp"
#include "config/suggest.hpp"
#include "config/values.hpp"
#include "config/yaml_file.hpp"

namespace outbox::config {
namespace {

constexpr std::string_view variable_prefix = "OUTBOXD_";

// Variables of the project's own scripts and tests, which share the prefix.
constexpr std::array<std::string_view, 4> foreign_variables = {"OUTBOXD_TEST_", "OUTBOXD_SERVICES_",
                                                               "OUTBOXD_PROGRAM", "OUTBOXD_SOURCE"};

[[noreturn]] void fail(const std::string& what, const std::string& hint) {
  throw Error(ErrorKind::configuration, what, hint);
}

std::string read_file(const std::filesystem::path& path, const std::string& what) {
  std::ifstream stream(path, std::ios::binary);
  std::ostringstream text;
  if (stream && !std::filesystem::is_directory(path)) text << stream.rdbuf();
  if (!stream || std::filesystem::is_directory(path)) {
    const char* reason = std::filesystem::is_directory(path) ? "it is a folder"
                         : errno != 0                        ? std::strerror(errno)
                                                             : "it cannot be read";
    fail(fmt::format("{} names the file '{}': {}", what, path.string(), reason),
         "correct the path or make the file readable");
  }
  return text.str();
}

// Types whose text may be empty: an empty topic is "none", an empty column "not in the table".
bool may_be_empty(const Setting* setting) {
  if (setting == nullptr) return true;
  switch (setting->type) {
    case SettingType::text:
      return !setting->secret;
    case SettingType::list:
    case SettingType::topic:
    case SettingType::name:
    case SettingType::routes:
    case SettingType::transform:
      return true;
    default:
      return false;
  }
}

// In numbers and words a comment cannot be meant as part of the value.
bool takes_comment(const Setting* setting) {
  if (setting == nullptr) return false;
  switch (setting->type) {
    case SettingType::boolean:
    case SettingType::integer:
    case SettingType::decimal:
    case SettingType::duration:
    case SettingType::size:
    case SettingType::word:
    case SettingType::list:
      return true;
    default:
      return false;
  }
}

const Setting* setting_of_plain_variable(std::string_view variable) {
  for (const Setting& setting : settings_table()) {
    if (!setting.plain_variable.empty() && setting.plain_variable == variable) return &setting;
  }
  return nullptr;
}

std::string nearest_variable(std::string_view variable) {
  std::vector<std::string> candidates;
  for (const Setting& setting : settings_table()) {
    candidates.push_back(environment_name(setting.name));
    if (!setting.alias.empty()) candidates.push_back(environment_name(setting.alias));
    if (setting.secret) candidates.push_back(environment_name(setting.name) + "_FILE");
  }
  return nearest(variable, candidates);
}

std::filesystem::path in_directory(const Sources& sources, std::string_view path) {
  return std::filesystem::path(sources.working_directory) / path;
}

}  // namespace

Layers Layers::read(const Sources& sources) {
  Layers layers;
  // Flags and environment first: they say which files to read.
  layers.read_flags(sources);
  layers.read_environment(sources);
  layers.read_env_file(sources);
  layers.read_yaml(sources);
  return layers;
}

const Given* Layers::find(std::string_view name) const {
  const auto found = given_.find(name);
  return found == given_.end() ? nullptr : &found->second;
}

void Layers::put(const ResolvedName& resolved, Given given) {
  const Setting* setting = resolved.setting;
  if (resolved.is_file) {
    const std::string path = std::exchange(given.text, {});
    given.text = read_file(path, fmt::format("{}-file ({})", resolved.name, given.origin));
    // An editor's or a secret store's line end is no part of the secret.
    if (given.text.ends_with('\n')) given.text.pop_back();
    if (given.text.ends_with('\r')) given.text.pop_back();
    given.origin += ", file " + path;
    given.is_from_file = true;
  }
  if (setting != nullptr && setting->startup_only && given.layer < Layer::env_file) {
    fail(fmt::format("{}: '{}' tells where to read the configuration from", given.origin,
                     resolved.name),
         "give it as a flag or in the environment");
  }
  const auto [place, fresh] = given_.try_emplace(resolved.name, given);
  if (fresh) return;
  Given& old = place->second;
  const bool same_source = old.layer == given.layer && given.layer != Layer::flag;
  if (same_source) {
    fail(fmt::format("{} is given twice: {} and {}", resolved.name, old.origin, given.origin),
         "remove one of the two");
  }
  if (given.layer >= old.layer) old = std::move(given);
}

void Layers::read_flags(const Sources& sources) {
  for (const auto& [name, text] : sources.flags) {
    const auto resolved = resolve_name(name);
    if (!resolved) {
      throw Error(ErrorKind::usage,
                  fmt::format("--{} is no flag{}", name, did_you_mean(nearest_setting(name))),
                  "outboxd help lists them");
    }
    put(*resolved, {text, "flag --" + name, Layer::flag});
  }
}

// `given` holds the layer of OUTBOXD_ names; A2's names belong one lower.
void Layers::read_variable(const std::string& variable, const std::string& value, Given given) {
  const bool from_file = given.layer == Layer::env_file;
  if (const Setting* setting = setting_of_plain_variable(variable)) {
    // The file's own syntax has taken comments and quotes off already.
    given.text = from_file ? value : without_comment(value);
    given.layer = from_file ? Layer::env_file_plain : Layer::plain;
    if (given.text.empty()) return;
    if (parse_decimal(given.text)) given.text += setting->plain_unit;
    return put({std::string(setting->name), setting}, std::move(given));
  }
  if (!variable.starts_with(variable_prefix)) return;
  for (const std::string_view foreign : foreign_variables) {
    if (variable.starts_with(foreign)) return;
  }
  const auto resolved = resolve_variable(variable);
  if (!resolved) {
    fail(fmt::format("{} is no setting{}", given.origin, did_you_mean(nearest_variable(variable))),
         "docs/configuration.md and `outboxd help settings` list the names");
  }
  if (from_file && resolved->name == "env-file") {
    fail(given.origin + " stands in the file that it would name", "set it in the environment");
  }
  given.text = !from_file && takes_comment(resolved->setting) ? without_comment(value) : value;
  if (given.text.empty() && (resolved->is_file || !may_be_empty(resolved->setting))) return;
  put(*resolved, std::move(given));
}

void Layers::read_environment(const Sources& sources) {
  for (const auto& [variable, value] : sources.environment) {
    read_variable(variable, value, {{}, "environment " + variable, Layer::environment});
  }
}

void Layers::read_env_file(const Sources& sources) {
  const Given* named = find("env-file");
  const std::string shown = named != nullptr ? named->text : ".env";
  const std::filesystem::path path = in_directory(sources, shown);
  if (named == nullptr && !std::filesystem::is_regular_file(path)) return;
  const std::string what = named != nullptr ? "env-file (" + named->origin + ")" : "the folder";
  for (const EnvEntry& entry : parse_env_file(read_file(path, what), shown)) {
    const std::string origin = fmt::format("{}:{} {}", shown, entry.line, entry.name);
    read_variable(entry.name, entry.value, {{}, origin, Layer::env_file});
  }
}

void Layers::read_yaml(const Sources& sources) {
  const Given* named = find("config");
  const std::string shown = named != nullptr ? named->text : "outboxd.yaml";
  const std::filesystem::path path = in_directory(sources, shown);
  if (named == nullptr && !std::filesystem::is_regular_file(path)) return;
  const std::string what = named != nullptr ? "config (" + named->origin + ")" : "the folder";
  const std::string text = read_file(path, what);
  consumers_ = parse_consumers(text, shown);
  for (const YamlEntry& entry : parse_yaml_file(text, shown)) {
    const std::string origin = fmt::format("{}:{}", shown, entry.line);
    const std::string name = without_document_root(entry.name);
    const auto resolved = resolve_name(name);
    const bool is_group =
        entry.is_null &&
        (name == "relays" || name == "shards" || name == "kafka.properties" ||
         std::any_of(settings_table().begin(), settings_table().end(),
                     [&](const Setting& setting) { return setting.name.starts_with(name + "."); }));
    if (!resolved && is_group) continue;  // `relay:` with nothing under it.
    if (!resolved) {
      fail(fmt::format("{}: '{}' is no setting{}", origin, entry.name,
                       did_you_mean(nearest_setting(name))),
           "docs/configuration.md lists the names");
    }
    if (entry.is_null && !may_be_empty(resolved->setting)) {
      fail(fmt::format("{}: {} has no value", origin, resolved->name),
           "give " + allowed_values(*resolved->setting) + ", or remove the line");
    }
    put(*resolved, {entry.value, origin, Layer::yaml});
  }
}

void Layers::add_preset(std::string_view name) {
  const Preset* preset = find_preset(name);
  if (preset == nullptr) return;
  const std::string origin = "preset " + std::string(name);
  for (const PresetValue& value : preset->values) {
    given_.try_emplace(std::string(value.setting),
                       Given{std::string(value.text), origin, Layer::preset});
  }
  for (const ColumnField& column : column_fields) {
    given_.try_emplace("outbox.columns." + std::string(column.name),
                       Given{{}, origin, Layer::preset});
  }
}

}  // namespace outbox::config
