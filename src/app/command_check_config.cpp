// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdio>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/cli.hpp"
#include "config/settings_table.hpp"

namespace outbox::app {
namespace {

// Nothing needs them to be set until a command runs; who checks a configuration wants to know now.
std::vector<std::string> notes_on_missing(const config::Settings& settings) {
  std::vector<std::string> notes;
  for (const config::EffectiveValue& value : settings.effective()) {
    const config::Setting* setting = config::find_setting(value.name);
    if (setting == nullptr || setting->needed_by.empty() || !value.text.empty()) continue;
    std::string commands(setting->needed_by);
    for (std::size_t at = 0; (at = commands.find(' ', at)) != std::string::npos; at += 2) {
      commands.replace(at, 1, ", ");
    }
    notes.push_back(fmt::format("{} is not set; needed by: {}", value.name, commands));
  }
  return notes;
}

}  // namespace

std::string check_config_text(const config::Settings& settings, bool all) {
  std::vector<const config::EffectiveValue*> shown;
  for (const config::EffectiveValue& value : settings.effective()) {
    if (all || value.origin != "default") shown.push_back(&value);
  }
  std::size_t name_width = 0;
  std::size_t text_width = 0;
  constexpr std::size_t text_width_max = 60;
  for (const config::EffectiveValue* value : shown) {
    name_width = std::max(name_width, value->name.size());
    text_width = std::max(text_width, std::min(value->text.size(), text_width_max));
  }
  std::string text;
  for (const config::EffectiveValue* value : shown) {
    text += fmt::format("{:<{}}  {:<{}}  {}\n", value->name, name_width,
                        value->text.empty() ? "-" : value->text, text_width, value->origin);
  }
  if (const std::size_t hidden = settings.effective().size() - shown.size(); hidden > 0) {
    text += fmt::format("{}{} settings have their default: --all shows them\n",
                        shown.empty() ? "" : "\n", hidden);
  }
  text += fmt::format("\nrelays: {}\n",
                      settings.relay_names().empty()
                          ? std::string("none")
                          : fmt::format("{}", fmt::join(settings.relay_names(), ", ")));
  for (const std::string& note : notes_on_missing(settings))
    text += "note: " + note + "\n";
  for (const std::string& warning : settings.warnings())
    text += "warning: " + warning + "\n";
  return text;
}

std::string check_config_json(const config::Settings& settings) {
  auto values = nlohmann::ordered_json::array();
  for (const config::EffectiveValue& value : settings.effective()) {
    values.push_back({{"name", value.name}, {"value", value.text}, {"origin", value.origin}});
  }
  const nlohmann::ordered_json json = {{"settings", values},
                                       {"relays", settings.relay_names()},
                                       {"notes", notes_on_missing(settings)},
                                       {"warnings", settings.warnings()}};
  // A value that is no UTF-8 is shown as far as it goes; it must not end the check.
  return json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

int command_check_config(const Arguments& arguments) {
  const config::Settings settings = config::load(sources_of(arguments));
  const bool json = settings.process().output == config::OutputFormat::json;
  const std::string text =
      json ? check_config_json(settings) : check_config_text(settings, arguments.has("all"));
  std::fputs(text.c_str(), stdout);
  return 0;
}

}  // namespace outbox::app
