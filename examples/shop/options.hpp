// SPDX-License-Identifier: Apache-2.0
//
// The command line: `shop COMMAND [WORD] [--flag=value | --flag value]`, with the environment
// behind the flags.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <outbox/database.hpp>

namespace shop {

struct Flag {
  std::string_view name;      ///< Without the dashes.
  std::string_view variable;  ///< Of the environment; empty: none.
  std::string_view fallback;  ///< Empty: none.
  std::string_view help;
};

class Options;

struct Command {
  std::string_view name;
  std::string_view words;  ///< What stands behind the name, for the help: `NAME`.
  std::string_view help;
  std::vector<Flag> flags;
  int (*run)(const Options&) = nullptr;  ///< Returns the exit code.
};

/// Flags that several commands have.
extern const Flag database_flag;
extern const Flag kafka_flag;
extern const Flag output_flag;

/// What was given to one command. Reading throws outbox::Error(usage), naming the flag.
class Options {
 public:
  /// Throws outbox::Error(usage) for a flag that the command has not.
  Options(const Command& command, std::span<const std::string> arguments);

  /// The value, or else the variable's, or else the fallback; may be empty.
  [[nodiscard]] std::string text(std::string_view flag) const;
  /// Where it is needed.
  [[nodiscard]] std::string needed(std::string_view flag) const;
  [[nodiscard]] std::int64_t number(std::string_view flag, std::int64_t least,
                                    std::int64_t most) const;
  /// `500ms`, `10s`, `5m`; nothing where it is empty.
  [[nodiscard]] std::optional<std::chrono::milliseconds> duration(std::string_view flag) const;
  /// True where `--output json` was asked for.
  [[nodiscard]] bool as_json() const;

  /// What stands there without a flag.
  [[nodiscard]] const std::vector<std::string>& words() const noexcept { return words_; }
  [[nodiscard]] bool wants_help() const noexcept { return wants_help_; }

 private:
  [[nodiscard]] const Flag& flag_of(std::string_view name) const;

  const Command& command_;
  std::map<std::string, std::string, std::less<>> values_;
  std::vector<std::string> words_;
  bool wants_help_ = false;
};

/// The text of `shop COMMAND --help`.
[[nodiscard]] std::string help_of(const Command& command);

}  // namespace shop
