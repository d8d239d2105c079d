// SPDX-License-Identifier: Apache-2.0
#include "config/settings_data.hpp"

namespace outbox::config {
namespace {

using enum SettingType;

constexpr double second = 1'000;
constexpr double hour = 3'600 * second;
constexpr double day = 24 * hour;

constexpr Setting entries[] = {
    {.name = "cleanup.enabled",
     .type = word,
     .default_text = "auto",
     .text = "Whether `relay` and `run` clean up by themselves. `auto`: where the table is "
             "outboxd's own, and where cleanup.retention-days is given. `outboxd cleanup` works "
             "either way.",
     .example = "true",
     .words = "auto|true|false"},
    {.name = "cleanup.retention-days",
     .type = duration,
     .default_text = "30d",
     .text = "How long published rows are kept; then they are removed, or moved to "
             "cleanup.archive-table.",
     .example = "7",
     .minimum = hour,
     .maximum = 36'500 * day,
     .bare_unit = "d"},
    {.name = "cleanup.cleanup-interval",
     .type = duration,
     .default_text = "86400000",
     .text = "How often it is cleaned up: at the multiples of this time since 1970 UTC, by one of "
             "all instances.",
     .example = "1h",
     .minimum = second,
     .maximum = 365 * day,
     .bare_unit = "ms"},
    {.name = "cleanup.archive-table",
     .type = name,
     .text = "The table that old rows are moved to: the outbox's columns and `archived_at`. "
             "`migrate` makes it. Without one they are removed.",
     .example = "outbox_archive"},
    {.name = "cleanup.batch-size",
     .type = integer,
     .default_text = "1000",
     .text = "How many rows go in one transaction.",
     .example = "500",
     .minimum = 1,
     .maximum = 5'000},
    {.name = "cleanup.batch-pause",
     .type = duration,
     .default_text = "20ms",
     .text = "How long it rests after each transaction.",
     .example = "100ms",
     .minimum = 0,
     .maximum = hour,
     .bare_unit = "ms"},
    {.name = "cleanup.inbox-retention",
     .type = duration,
     .default_text = "0",
     .text = "How long the inbox (`processed_events`) remembers an event; 0: for ever. It must be "
             "longer than the topics and dead-letter topics keep their messages and than anybody "
             "waits with a replay: what is forgotten takes effect again.",
     .example = "90d",
     .minimum = 0,
     .maximum = 36'500 * day,
     .bare_unit = "d"},
    {.name = "cleanup.partitions-ahead",
     .type = integer,
     .default_text = "3",
     .text = "For how many days ahead partitions are made; see outbox.partitions.",
     .example = "7",
     .minimum = 1,
     .maximum = 366},

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
