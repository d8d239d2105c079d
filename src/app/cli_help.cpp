// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "app/command_tables.hpp"
#include "config/reference.hpp"

namespace outbox::app {
namespace {

constexpr ExitCode codes[] = {
    {"0", "done; also a relay that a signal ended in good order"},
    {"1", "failed for a reason that the others do not name"},
    {"2", "wrong usage: an unknown command or flag, a missing argument"},
    {"3", "wrong configuration: a setting, or credentials that are refused"},
    {"4", "not found: a missing table, column or topic"},
    {"5", "conflict: locked by another, or settings that instances disagree on"},
    {"6", "unreachable: the database or the brokers, after start-timeout"},
    {"7", "partial: some of several things were done, some were not"},
    {"130", "ended at once by a second SIGINT (Ctrl-C)"},
    {"143", "ended at once by a second SIGTERM"},
};

std::string option_label(const CommandOption& option) {
  std::string label = "  ";
  if (option.short_name != 0) label += fmt::format("-{}, ", option.short_name);
  label += fmt::format("--{}", option.name);
  if (!option.value.empty()) label += fmt::format(" {}", option.value);
  return label;
}

// Breaks a paragraph at spaces.
std::string wrapped(std::string_view text) {
  constexpr std::size_t width = 80;
  std::string result;
  std::size_t column = 0;
  while (!text.empty()) {
    const std::size_t space = text.find(' ');
    const std::string_view word = text.substr(0, space);
    if (column > 0 && column + 1 + word.size() > width) {
      result += '\n';
      column = 0;
    } else if (column > 0) {
      result += ' ';
      ++column;
    }
    result += word;
    column += word.size();
    if (space == std::string_view::npos) break;
    text.remove_prefix(space + 1);
  }
  return result + "\n";
}

std::string list_of(const char* title, std::span<const Command> part) {
  std::string list = fmt::format("\n{}:\n", title);
  for (const Command& command : part)
    list += fmt::format("  {:<14}{}\n", command.name, command.summary);
  return list;
}

std::string options_help(std::span<const CommandOption> options) {
  std::string help;
  for (const CommandOption& option : options) {
    const std::string label = option_label(option);
    constexpr std::size_t label_width = 32;
    // A label that is too long for its column stands on a line of its own.
    help += label.size() < label_width
                ? fmt::format("{:<{}}{}\n", label, label_width, option.text)
                : fmt::format("{}\n{:<{}}{}\n", label, "", label_width, option.text);
  }
  return help;
}

std::string action_help(const Command& command, const Action& action) {
  std::string help = "\n" + wrapped(action.text);
  if (!action.options.empty()) help += "\nOptions:\n" + options_help(action.options);
  for (const std::string_view example : command.examples) {
    if (!example.starts_with("outboxd " + full_name(command, &action))) continue;
    if (help.find("\nExamples:\n") == std::string::npos) help += "\nExamples:\n";
    help += fmt::format("  {}\n", example);
  }
  return help;
}

std::string usage_lines(const Command& command) {
  if (command.actions.empty()) return fmt::format("\nUsage: {}\n", usage_of(command, nullptr));
  std::string lines;
  for (const Action& action : command.actions) {
    lines +=
        fmt::format("{}{}\n", lines.empty() ? "\nUsage: " : "       ", usage_of(command, &action));
  }
  return lines;
}

}  // namespace

std::span<const ExitCode> exit_codes() {
  return codes;
}

std::string help_overview() {
  std::string help =
      "outboxd relays a transactional outbox to Apache Kafka.\n\n"
      "Examples:\n"
      "  DATABASE_CONN=postgresql://owner@localhost/shop outboxd migrate\n"
      "  DATABASE_CONN=postgresql://relay@localhost/shop KAFKA_BOOTSTRAP_SERVERS=localhost:9092 "
      "outboxd relay\n\n"
      "Usage: outboxd COMMAND [options]\n";
  help += list_of("Commands", running_commands());
  help += list_of("For operators", operating_commands());
  help += list_of("About the program", program_commands());
  help +=
      "\nCommon options:\n"
      "  -c, --config FILE            Read settings from this YAML file (./outboxd.yaml)\n"
      "  -o, --output text|json       The form of what is printed to standard output\n"
      "  -b, --kafka.bootstrap-servers HOST:PORT,...\n"
      "  -t, --outbox.table TABLE     The outbox table\n"
      "  -p, --outbox.preset PRESET   Take over a document's table: publisher, shop, trading,\n"
      "                               framework or commerce\n"
      "  -h, --help                   Help on a command\n"
      "      --version                Versions of the program and its libraries\n\n"
      "Every setting is a flag, a variable and a line of YAML: see outboxd help settings.\n"
      "Exit codes: outboxd help exit-codes.\n";
  return help;
}

std::string help_of(const Command& command, const Action* action) {
  if (action != nullptr) {
    return fmt::format(
        "Usage: {}\n{}{}", usage_of(command, action), action_help(command, *action),
        fmt::format("\nSettings, which are flags too: outboxd help {}\n", command.name));
  }
  std::string help = fmt::format("{}.\n\nExamples:\n", command.summary);
  for (const std::string_view example : command.examples)
    help += fmt::format("  {}\n", example);
  help += usage_lines(command);
  if (!command.text.empty()) help += "\n" + wrapped(command.text);
  if (!command.options.empty()) help += "\nOptions:\n" + options_help(command.options);
  for (const Action& one : command.actions) {
    help += fmt::format("\n{} {}: {}", command.name, one.name, wrapped(one.text));
    help += options_help(one.options);
  }
  if (!command.settings.empty()) help += config::settings_help(command.settings);
  return help;
}

std::string help_exit_codes() {
  std::string help = "Exit codes:\n";
  for (const ExitCode& entry : codes) {
    help += fmt::format("  {:>3}  {}\n", entry.code, entry.text);
  }
  return help;
}

std::string help_settings() {
  return "Every setting as a flag and as a variable. In YAML it has the flag's name, nested at the "
         "dots.\n" +
         config::settings_help("");
}

std::string commands_page() {
  std::string page =
      "# Commands\n\nMade by `outboxd help commands`; a test compares the two. Each has a page for "
      "man(1), of the\nsame texts, and `outboxd help COMMAND`. All print JSON with `--output "
      "json`. "
      "Settings are flags of\nevery command: [configuration.md](configuration.md).\n";
  const auto add_options = [&page](std::span<const CommandOption> options) {
    if (options.empty()) return;
    page += "\n| option | what |\n|---|---|\n";
    for (const CommandOption& option : options) {
      std::string label = option_label(option).substr(2);
      for (std::size_t at = 0; (at = label.find('|', at)) != std::string::npos; at += 2)
        label.insert(at, 1, '\\');
      page += fmt::format("| `{}` | {} |\n", label, option.text);
    }
  };
  for (const Command& command : commands()) {
    page += fmt::format("\n## {}\n\n{}.\n", command.name, command.summary);
    if (!command.text.empty()) page += "\n" + wrapped(command.text);
    page += "\n";
    for (const std::string_view example : command.examples)
      page += fmt::format("    {}\n", example);
    add_options(command.options);
    for (const Action& action : command.actions) {
      page += fmt::format("\n### {}\n\n`{}`\n\n{}", full_name(command, &action),
                          usage_of(command, &action), wrapped(action.text));
      add_options(action.options);
    }
  }
  return page;
}

std::string configuration_page() {
  std::string page = config::reference_page();
  page += "\n## Exit codes\n\n| code | meaning |\n|---|---|\n";
  for (const ExitCode& entry : codes) {
    page += fmt::format("| {} | {} |\n", entry.code, entry.text);
  }
  return page;
}

}  // namespace outbox::app
