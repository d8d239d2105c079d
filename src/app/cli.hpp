// SPDX-License-Identifier: Apache-2.0
//
// The command line: which commands there are, what each takes, and the parsing of what was typed.
// Help and shell completion are made of the same table and of the table of settings, so that
// neither can forget a flag.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <outbox/error.hpp>

#include "config/settings.hpp"

namespace outbox::app {

/// An option of one command alone. All settings are flags of every command besides.
struct CommandOption {
  std::string_view name;  ///< Without dashes.
  char short_name = 0;
  std::string_view value;  ///< What stands for the value in help; empty: a switch without one.
  std::string_view text;
};

/// What a command of several does, by its first word: `list` of `dlq list`.
struct Action {
  std::string_view name;
  std::string_view arguments;  ///< After the word in the usage line: `ID`, `[ID...]`; or empty.
  std::string_view text;       ///< Sentences.
  std::span<const CommandOption> options;
};

struct Command {
  std::string_view name;
  std::string_view summary;    ///< One line, for the list of commands.
  std::string_view arguments;  ///< After the options in the usage line; empty: takes none.
  std::string_view words;  ///< What the first argument may be, for checks and completion: `a|b`.
  std::string_view text;   ///< A paragraph.
  std::span<const std::string_view> examples;
  std::span<const CommandOption> options;
  std::string_view settings;  ///< Groups of settings that help lists: `database kafka relay`.
  /// An option of one name means the same in all of a command's actions.
  std::span<const Action> actions = {};
};

/// All commands, in the order of help: those that run and set up, the operators', the program's
/// own.
[[nodiscard]] std::span<const Command> commands();

/// What was typed, split up. Flags that are settings are not checked here but by config::load.
struct Arguments {
  const Command* command = nullptr;  ///< Never null where `print` is empty.
  const Action* action = nullptr;    ///< Never null where the command has actions.
  std::vector<std::string> words;    ///< What is no option, after the command's name.
  std::vector<std::pair<std::string, std::string>>
      options;                                             ///< The command's own; switches: "true".
  std::vector<std::pair<std::string, std::string>> flags;  ///< Settings, for Sources::flags.
  std::string print;  ///< Not empty: help was asked for; print this to standard output, exit 0.

  [[nodiscard]] bool has(std::string_view option) const;
  /// The last value given, if any.
  [[nodiscard]] std::optional<std::string> value(std::string_view option) const;
  /// All values of an option that may be repeated, in order.
  [[nodiscard]] std::vector<std::string> values(std::string_view option) const;
};

/// The command's name, and the action's where it has one: `dlq list`.
[[nodiscard]] std::string full_name(const Command& command, const Action* action);
/// The command's own options and those of its actions, each once.
[[nodiscard]] std::vector<const CommandOption*> options_of(const Command& command);
/// `outboxd dlq show ID [options]`.
[[nodiscard]] std::string usage_of(const Command& command, const Action* action);

/// How many words arguments such as `KIND NAME` or `[ID...]` stand for; -1: any number.
struct WordCount {
  int least = 0;
  int most = 0;
};
[[nodiscard]] WordCount word_count(std::string_view arguments);

/// The value of an option that counts something, `otherwise` where it is not given. Throws
/// Error(usage) for what is no whole number above 0.
[[nodiscard]] int whole_number(const Arguments& arguments, std::string_view option, int otherwise);

/// Parses what follows the program's name. Throws Error(usage), with the nearest name as
/// suggestion, for an unknown command or flag, a missing value, or an argument that the command
/// does not take.
[[nodiscard]] Arguments parse_arguments(std::span<const std::string> words);

/// The sources of the configuration for these arguments: flags, the process's environment, its
/// folder.
[[nodiscard]] config::Sources sources_of(const Arguments& arguments);

/// What `help` prints: alone, on a command, `exit-codes`, `settings`.
[[nodiscard]] std::string help_overview();
[[nodiscard]] std::string help_of(const Command& command, const Action* action = nullptr);
[[nodiscard]] std::string help_exit_codes();
[[nodiscard]] std::string help_settings();

/// A page for groff's man macros, made of the texts of help: outboxd(1) where `command` is null,
/// or outboxd-events(1) and so on.
[[nodiscard]] std::string man_page(const Command* command);

/// The whole of docs/commands.md, as `help commands` prints it.
[[nodiscard]] std::string commands_page();

/// The whole of docs/configuration.md, as `help configuration` prints it.
[[nodiscard]] std::string configuration_page();

/// The script for `bash`, `zsh` or `fish`; Error(usage) for another.
[[nodiscard]] std::string completion_script(std::string_view shell);

/// Exit codes: 0 ok, 1 failed, 2 usage, 3 configuration, 4 not found, 5 conflict or locked, 6
/// dependency unreachable, 7 partial (some done, some not), 130 and 143 ended by SIGINT and
/// SIGTERM.
[[nodiscard]] int exit_code(ErrorKind kind);
inline constexpr int exit_partial = 7;

/// True where `descriptor` is a terminal that shows colour, NO_COLOR is unset and TERM is not
/// `dumb`.
[[nodiscard]] bool colour_wanted(int descriptor);

/// What the version command names besides the program; the wiring asks the homes.
struct LibraryVersions {
  std::string librdkafka;
  std::string libpq;
  std::string libmariadb;
  std::string sqlite;
};

/// The commands that are all about configuration. Each prints to standard output and returns the
/// exit code; errors are thrown as Error.
int command_check_config(const Arguments& arguments);
int command_completion(const Arguments& arguments);
int command_version(const Arguments& arguments, const LibraryVersions& versions);

/// What the two with logic print, for tests.
[[nodiscard]] std::string check_config_text(const config::Settings& settings, bool all);
[[nodiscard]] std::string check_config_json(const config::Settings& settings);
[[nodiscard]] std::string version_text(const LibraryVersions& versions);
[[nodiscard]] std::string version_json(const LibraryVersions& versions);

}  // namespace outbox::app
