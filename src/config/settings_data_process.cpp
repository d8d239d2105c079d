// SPDX-License-Identifier: Apache-2.0
#include "config/settings_data.hpp"

namespace outbox::config {
namespace {

using enum SettingType;

constexpr double second = 1'000;
constexpr double hour = 3'600 * second;
constexpr double day = 24 * hour;

constexpr Setting entries[] = {
    {.name = "cleanup.retention-days",
     .type = duration,
     .default_text = "30d",
     .text =
         "How long published rows are kept. Read and checked; the job that cleans up comes with "
         "a later version, until then nothing is removed.",
     .example = "7",
     .minimum = hour,
     .maximum = 36'500 * day,
     .bare_unit = "d"},
    {.name = "cleanup.cleanup-interval",
     .type = duration,
     .default_text = "86400000",
     .text = "How often the clean-up is to run. Read and checked; comes with a later version.",
     .example = "1h",
     .minimum = second,
     .maximum = 365 * day,
     .bare_unit = "ms"},

    {.name = "log.level",
     .type = word,
     .default_text = "info",
     .text = "The least level that is logged, to standard error.",
     .example = "debug",
     .words = "debug|info|warn|error"},
    {.name = "log.format",
     .type = word,
     .default_text = "text",
     .text = "The form of a log line.",
     .example = "json",
     .words = "text|logfmt|json"},

    {.name = "config",
     .type = path,
     .text = "The YAML file. Without a word `./outboxd.yaml` is read where it is there.",
     .example = "/etc/outboxd/outboxd.yaml",
     .short_flag = 'c',
     .startup_only = true},
    {.name = "env-file",
     .type = path,
     .text = "The file of variables. Without a word `./.env` is read where it is there.",
     .example = "/etc/outboxd/outboxd.env",
     .startup_only = true},
    {.name = "output",
     .type = word,
     .default_text = "text",
     .text = "The form of what a command prints to standard output.",
     .example = "json",
     .words = "text|json",
     .short_flag = 'o'},
    {.name = "start-timeout",
     .type = duration,
     .default_text = "30s",
     .text = "How long a start waits for a database or a broker that is away.",
     .example = "2m",
     .minimum = 0,
     .maximum = day,
     .bare_unit = "s"},
    {.name = "shutdown-timeout",
     .type = duration,
     .default_text = "10s",
     .text = "How long a stop may take to finish what is in flight.",
     .example = "5s",
     .minimum = 100,
     .maximum = hour,
     .bare_unit = "s"},
};

}  // namespace

std::span<const Setting> process_settings() {
  return entries;
}

}  // namespace outbox::config
