// SPDX-License-Identifier: Apache-2.0
//
// The one table of settings. Flags, environment, `.env`, YAML, help, the reference page and shell
// completion are all made of it: a setting that is not here does not exist, one that is here works
// everywhere.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace outbox::config {

enum class SettingType : std::uint8_t {
  text,
  boolean,
  integer,
  decimal,
  duration,  // In milliseconds, where it stands as a number.
  size,      // In bytes.
  word,      // One of `words`.
  list,      // Texts, comma-separated.
  path,      // A file that must be there.
  url,       // database.url, which may hold a password.
  topic,
  name,  // An SQL name; may have a `?` at its end in outbox.columns.
  routes,
  transform,
};

struct Setting {
  std::string_view name;
  SettingType type = SettingType::text;
  std::string_view default_text = {};  // Empty: not set, or an empty text.
  std::string_view text = {};          // What it does: one or two sentences.
  std::string_view example = {};
  double minimum = 0;  // With `maximum`, of numbers, durations and sizes.
  double maximum = 0;
  std::string_view words = {};      // `lease|row`
  std::string_view bare_unit = {};  // What a bare number counts: `ms`, `s`, `d`.
  bool secret = false;              // Masked; may be read from a file, by the name with `-file`.
  char short_flag = 0;
  std::string_view needed_by = {};       // Commands that refuse to run without it.
  std::string_view plain_variable = {};  // One of A2's seven names.
  std::string_view plain_unit = {};      // What a bare number counts in that variable.
  std::string_view alias = {};           // A second name, from a document.
  bool startup_only = false;             // Tells where to read from: flag and environment only.
};

/// All settings, grouped, in the order of help and of the reference page.
[[nodiscard]] std::span<const Setting> settings_table();

/// A group of settings, `relay` of `relay.batch-size`; the ones without a dot are `process`.
[[nodiscard]] std::string_view group_of(const Setting& setting);

/// The setting of exactly this name, its alias included; null where there is none. A pattern's
/// members (`kafka.properties.*`, `relays.NAME.*`) and `-file` names are not found here; a
/// shard's are.
[[nodiscard]] const Setting* find_setting(std::string_view name);

/// True where `relays.NAME.*` may override it: all of `relay.*` but what belongs to the table.
[[nodiscard]] bool is_per_relay(const Setting& setting);

/// `relay.batch-size` is `OUTBOXD_RELAY_BATCH_SIZE` in the environment.
[[nodiscard]] std::string environment_name(std::string_view name);

/// A name as configuration sources may give it, brought to the table's.
struct ResolvedName {
  std::string name;                  // `relay.max-attempts`, `relays.orders.batch-size`, ...
  const Setting* setting = nullptr;  // Null for kafka.properties.* and for `relays.NAME` itself.
  bool is_file = false;              // The value is the path of a file that holds the secret.
};

/// Knows aliases, patterns and `-file` names; nothing for a name that is no setting.
[[nodiscard]] std::optional<ResolvedName> resolve_name(std::string_view name);

/// The same for a variable's name beginning with OUTBOXD_.
[[nodiscard]] std::optional<ResolvedName> resolve_variable(std::string_view variable);

/// What the named settings of D10 are called here: `outbox.relay.batch-size` and
/// `cupia.framework.outbox.relay.batch-size` are `relay.batch-size`. Others are returned as they
/// are.
[[nodiscard]] std::string without_document_root(std::string_view name);

/// The name of the table nearest to a mistyped one; empty where none is near.
[[nodiscard]] std::string nearest_setting(std::string_view name);

/// What is allowed, in words: `a whole number from 1 to 10000`.
[[nodiscard]] std::string allowed_values(const Setting& setting);

/// The words of a `word` setting, or of any list written as `a|b|c`.
[[nodiscard]] std::vector<std::string> split_words(std::string_view words);

}  // namespace outbox::config
