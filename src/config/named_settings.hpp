// SPDX-License-Identifier: Apache-2.0
//
// `shards.NAME.*` and `alerts.NAME.*`: how names of the user's own stand in settings and in
// variables.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "config/layers.hpp"
#include "config/settings_table.hpp"

namespace outbox::config {

inline constexpr std::string_view shards_prefix = "shards.";
inline constexpr std::string_view alerts_prefix = "alerts.";

/// Relays, shards and alerts: 1 to 40 of a-z, 0-9 and '-', because they stand in variables and in
/// tables.
[[nodiscard]] bool is_plain_name(std::string_view name);

/// It begins with `shards.` or `alerts.`.
[[nodiscard]] bool is_of_named_group(std::string_view name);

/// `shards.eu.url` is the table's `shards.NAME.url`; empty for what is no such name.
[[nodiscard]] std::string named_pattern(std::string_view name);

/// Of a name of a named group; nothing for one that is no setting.
[[nodiscard]] std::optional<ResolvedName> resolve_named(std::string_view name);

/// Of a variable that begins with OUTBOXD_SHARDS_ or OUTBOXD_ALERTS_; nothing for any other.
[[nodiscard]] std::optional<ResolvedName> resolve_named_variable(std::string_view variable);

/// The names that `layers` give in a group, sorted: `eu` of `shards.eu.url`.
[[nodiscard]] std::set<std::string> names_in(const Layers& layers, std::string_view prefix);

}  // namespace outbox::config
