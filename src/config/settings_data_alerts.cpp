// SPDX-License-Identifier: Apache-2.0
#include "config/settings_data.hpp"

namespace outbox::config {
namespace {

using enum SettingType;

// NAME stands for the alert's own name: 1 to 40 of a-z, 0-9 and '-'.
constexpr Setting entries[] = {
    {.name = "alerts.NAME.when",
     .type = word,
     .text = "The figure that is watched, see docs/alerts.md.",
     .example = "dead-letters",
     .words = "failed-events|dead-letters|oldest-pending-seconds|pending|replication-slot-bytes|"
              "store-down|broker-down|held-topics|consumer-lag|consumer-dead-letters"},
    {.name = "alerts.NAME.above",
     .type = decimal,
     .default_text = "0",
     .text = "The alert fires where the figure is greater than this.",
     .example = "300",
     .minimum = 0,
     .maximum = 1e15},
    {.name = "alerts.NAME.for",
     .type = duration,
     .default_text = "0s",
     .text = "How long the figure must stay above it before the alert fires.",
     .example = "2m",
     .minimum = 0,
     .maximum = 604'800'000,
     .bare_unit = "s"},
    {.name = "alerts.NAME.keep-firing-for",
     .type = duration,
     .default_text = "1m",
     .text = "How long the figure must stay at or below it before the alert is over.",
     .example = "5m",
     .minimum = 0,
     .maximum = 604'800'000,
     .bare_unit = "s"},
    {.name = "alerts.NAME.webhook",
     .text = "An http or https address that each message is posted to as JSON.",
     .example = "https://chat.example/hooks/outbox",
     .secret = true},
    {.name = "alerts.NAME.command",
     .type = list,
     .text = "A program with its arguments that is run for each message, without a shell; it gets "
             "the JSON on its standard input.",
     .example = "/usr/local/bin/page-somebody,--team,orders"},
    {.name = "alerts.NAME.repeat-interval",
     .type = duration,
     .default_text = "4h",
     .text = "How long after a message the next one is sent while the alert fires; 0 for never.",
     .example = "1h",
     .minimum = 0,
     .maximum = 2'592'000'000,
     .bare_unit = "s"},
    {.name = "alerts.NAME.resolve",
     .type = boolean,
     .default_text = "true",
     .text = "Whether a message says that it is over.",
     .example = "false"},
};

}  // namespace

std::span<const Setting> alert_settings() {
  return entries;
}

}  // namespace outbox::config
