// SPDX-License-Identifier: Apache-2.0
//
// `shards.NAME.*`: how the names of shards stand in settings and in variables.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "config/settings_table.hpp"

namespace outbox::config {

inline constexpr std::string_view shards_prefix = "shards.";

/// Relays and shards: 1 to 40 of a-z, 0-9 and '-', because they stand in variables and in tables.
[[nodiscard]] bool is_plain_name(std::string_view name);

/// `shards.eu.url` is the table's `shards.NAME.url`; empty for what is no such name.
[[nodiscard]] std::string shard_pattern(std::string_view name);

/// Of a name that begins with `shards.`; nothing for one that is no setting.
[[nodiscard]] std::optional<ResolvedName> resolve_shard(std::string_view name);

/// Of what follows OUTBOXD_SHARDS_.
[[nodiscard]] std::optional<ResolvedName> resolve_shard_variable(std::string_view rest);

}  // namespace outbox::config
