// SPDX-License-Identifier: Apache-2.0
#include <set>
#include <string>

#include <fmt/format.h>

#include "config/named_settings.hpp"
#include "config/settings_builder.hpp"

namespace outbox::config {

void SettingsBuilder::read_alerts() {
  for (const std::string& name : names_in(layers_, alerts_prefix)) {
    const std::string prefix = fmt::format("{}{}.", alerts_prefix, name);
    AlertSettings alert;
    alert.name = name;
    alert.when = reader_.word(prefix + "when");
    if (alert.when.empty()) {
      reader_.fail(prefix + "when", "is not set",
                   "give " + allowed_values(*find_setting(prefix + "when")));
    }
    alert.above = reader_.decimal(prefix + "above");
    alert.hold = reader_.duration(prefix + "for");
    alert.keep_firing = reader_.duration(prefix + "keep-firing-for");
    alert.webhook = reader_.text(prefix + "webhook");
    alert.command = reader_.list(prefix + "command");
    alert.repeat_interval = reader_.duration(prefix + "repeat-interval");
    alert.tells_recovery = reader_.boolean(prefix + "resolve");
    const bool is_web = alert.webhook.starts_with("http://") ||
                        alert.webhook.starts_with("https://") || alert.webhook.empty();
    if (!is_web) {
      reader_.fail(prefix + "webhook", "is no address of the web",
                   "give one that begins with https:// or http://");
    }
    if (alert.webhook.empty() && alert.command.empty()) {
      reader_.fail(prefix + "webhook", "and the alert's command are not set: nobody would hear it",
                   fmt::format("set {0}webhook or {0}command", prefix));
    }
    settings_.alerts_.push_back(std::move(alert));
  }
}

}  // namespace outbox::config
