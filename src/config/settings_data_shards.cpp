// SPDX-License-Identifier: Apache-2.0
#include "config/settings_data.hpp"

namespace outbox::config {
namespace {

using enum SettingType;

// NAME stands for the shard's own name: 1 to 40 of a-z, 0-9 and '-'.
constexpr Setting entries[] = {
    {.name = "shards.NAME.url",
     .type = url,
     .text = "The shard's database, written as `database.url` is. `database.url` itself is, where "
             "it is set beside shards, the one named `global`.",
     .example = "postgresql://relay@eu.example:5432/shop?sslmode=verify-full"},
    {.name = "shards.NAME.password",
     .text = "The password, where it should not stand in the URL.",
     .example = "OUTBOXD_SHARDS_EU_PASSWORD_FILE=/run/secrets/eu",
     .secret = true},
    {.name = "shards.NAME.active",
     .type = boolean,
     .default_text = "true",
     .text = "False: the shard stays in the configuration, and nothing connects to it.",
     .example = "false"},
    {.name = "shards.NAME.max-connections",
     .type = integer,
     .default_text = "0",
     .text = "How many connections one instance may open to the shard; 0 sets no limit. A relay "
             "takes 4, the clean-up 3, the look after them 1: with less than all need the start is "
             "refused. Metrics, alerts and the admin server come beside, see docs/shards.md.",
     .example = "8",
     .minimum = 0,
     .maximum = 10'000},
    {.name = "shards.NAME.max-rows-per-second",
     .type = integer,
     .default_text = "0",
     .text = "The cap on this shard of each relay of an instance, instead of "
             "`relay.max-rows-per-second`; 0: that one holds.",
     .example = "5000",
     .minimum = 0,
     .maximum = 10'000'000},
};

}  // namespace

std::span<const Setting> shard_settings() {
  return entries;
}

}  // namespace outbox::config
