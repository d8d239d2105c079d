// SPDX-License-Identifier: Apache-2.0
#include "config/settings_builder.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include <outbox/error.hpp>

#include "config/database_url.hpp"
#include "config/fault.hpp"
#include "config/named_settings.hpp"

namespace outbox::config {
namespace {

constexpr std::string_view masked = "***";

std::string shown_of_named(std::string_view name, const std::string& text) {
  if (name.ends_with(".password") || name.ends_with(".webhook")) return std::string(masked);
  return name.starts_with(shards_prefix) && name.ends_with(".url")
             ? parse_database_url(text, {}).settings.shown
             : text;
}

bool has_word(std::string_view words, std::string_view word) {
  while (!words.empty()) {
    const std::size_t space = words.find(' ');
    if (words.substr(0, space) == word) return true;
    if (space == std::string_view::npos) break;
    words.remove_prefix(space + 1);
  }
  return false;
}

LogLevel level_of(const std::string& word) {
  if (word == "debug") return LogLevel::debug;
  if (word == "warn") return LogLevel::warn;
  return word == "error" ? LogLevel::error : LogLevel::info;
}

LogFormat format_of(const std::string& word) {
  if (word == "logfmt") return LogFormat::logfmt;
  return word == "json" ? LogFormat::json : LogFormat::text;
}

}  // namespace

Settings SettingsBuilder::build(std::string_view command) {
  read_process();
  read_database();
  read_stores();
  read_kafka();
  read_outbox();
  read_relays();
  read_cleanup();
  settings_.consumers_ = layers_.consumers();
  read_gateway();
  if (command == "gateway") warn_of_gateway();
  read_admin();
  read_alerts();
  check_admin(command);
  check_needed(command);
  record_effective();
  return std::move(settings_);
}

void SettingsBuilder::warn(std::string warning) {
  settings_.warnings_.push_back(std::move(warning));
}

void SettingsBuilder::read_process() {
  settings_.process_.start_timeout = reader_.duration("start-timeout");
  settings_.process_.shutdown_timeout = reader_.duration("shutdown-timeout");
  settings_.process_.output =
      reader_.word("output") == "json" ? OutputFormat::json : OutputFormat::text;
  settings_.log_.level = level_of(reader_.word("log.level"));
  settings_.log_.format = format_of(reader_.word("log.format"));
}

void SettingsBuilder::check_needed(std::string_view command) const {
  if (command.empty()) return;
  // A switched-off outbox relays nothing, so nothing is needed for it.
  if (!settings_.outbox_.enabled && (command == "relay" || command == "run")) return;
  for (const Setting& setting : settings_table()) {
    if (!has_word(setting.needed_by, command)) continue;
    // A consumer's inbox is in one database; all else goes by the shards.
    if (setting.name == "database.url" && command != "consume" && settings_.has_shards_) continue;
    if (!reader_.text(setting.name).empty()) continue;
    const std::string plain = setting.plain_variable.empty()
                                  ? std::string()
                                  : fmt::format(" {},", setting.plain_variable);
    throw Error(ErrorKind::configuration,
                fmt::format("{} is not set, and `{}` needs it", setting.name, command),
                fmt::format("set{} {} or --{}, such as {}", plain, environment_name(setting.name),
                            setting.name, setting.example));
  }
}

std::string SettingsBuilder::shown_text(const Setting& setting) const {
  if (setting.name == "database.url") return settings_.database_.shown;
  // Those two follow from others where nobody gave them; what holds is what is shown.
  if (setting.name == "kafka.security-protocol") return settings_.kafka_.security_protocol;
  if (setting.name == "kafka.sasl-mechanism") return settings_.kafka_.sasl_mechanism;
  if (setting.name == "kafka.bootstrap-servers") return settings_.kafka_.bootstrap_servers;
  const std::string text = reader_.text(setting.name);
  return setting.secret && !text.empty() ? std::string(masked) : text;
}

void SettingsBuilder::record_effective() {
  for (const Setting& setting : settings_table()) {
    if (is_of_named_group(setting.name)) continue;  // Each by its own name, below.
    const Given* given = layers_.find(setting.name);
    const bool is_flag = given != nullptr && given->layer == Layer::flag && !given->is_from_file;
    if (setting.secret && is_flag) {
      warn(
          fmt::format("{} is given as a flag, which every user of this machine can read; set {} "
                      "or name a file by --{}-file",
                      setting.name, environment_name(setting.name), setting.name));
    }
    settings_.effective_.push_back(
        {std::string(setting.name), shown_text(setting), reader_.origin(setting.name)});
  }
  for (const ConsumerSettings& consumer : settings_.consumers_) {
    settings_.effective_.push_back(
        {"consume." + consumer.name,
         fmt::format("group {}, topics {}, {} handler{}", consumer.group_id,
                     fmt::join(consumer.topics, ","), consumer.handlers.size(),
                     consumer.handlers.size() == 1 ? "" : "s"),
         consumer.origin});
  }
  for (const auto& [name, given] : layers_.all()) {
    const bool is_pattern = name.starts_with("kafka.properties.") || name.starts_with("relays.");
    if (is_pattern) settings_.effective_.push_back({name, given.text, given.origin});
    if (is_of_named_group(name)) {
      settings_.effective_.push_back({name, shown_of_named(name, given.text), given.origin});
    }
  }
}

std::vector<std::string> Settings::relay_names() const {
  std::vector<std::string> names;
  for (const auto& [name, relay] : relays_) {
    if (relay.enabled) names.push_back(name);
  }
  return names;
}

const RelaySettings& Settings::relay(std::string_view name) const {
  const auto found = relays_.find(name);
  if (found == relays_.end() || !found->second.enabled) {
    throw Error(ErrorKind::configuration, fmt::format("there is no relay '{}'", name),
                fmt::format("the relays are: {}", fmt::join(relay_names(), ", ")));
  }
  return found->second;
}

std::string Settings::origin(std::string_view name) const {
  for (const EffectiveValue& value : effective_) {
    if (value.name == name) return value.origin;
  }
  return "default";
}

Settings load(const Sources& sources) {
  Layers layers = Layers::read(sources);
  // The preset lies under all that was given, so which one it is must be known first.
  layers.add_preset(Reader(layers).word("outbox.preset"));
  return SettingsBuilder(layers).build(sources.command);
}

}  // namespace outbox::config
