// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "app/cli.hpp"
#include "config/reference.hpp"

namespace outbox::app {
namespace {

struct ExitCode {
  std::string_view code;
  std::string_view text;
};

constexpr ExitCode exit_codes[] = {
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
  constexpr std::size_t width = 96;
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

}  // namespace

std::string help_overview() {
  std::string help =
      "outboxd relays a transactional outbox to Apache Kafka.\n\n"
      "Examples:\n"
      "  DATABASE_CONN=postgresql://owner@localhost/shop outboxd migrate\n"
      "  DATABASE_CONN=postgresql://relay@localhost/shop KAFKA_BOOTSTRAP_SERVERS=localhost:9092 "
      "outboxd relay\n\n"
      "Usage: outboxd COMMAND [options]\n\nCommands:\n";
  for (const Command& command : commands()) {
    help += fmt::format("  {:<14}{}\n", command.name, command.summary);
  }
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

std::string help_of(const Command& command) {
  std::string help = fmt::format("{}.\n\nExamples:\n", command.summary);
  for (const std::string_view example : command.examples)
    help += fmt::format("  {}\n", example);
  help += fmt::format("\nUsage: outboxd {}{}{} [options]\n", command.name,
                      command.arguments.empty() ? "" : " ", command.arguments);
  if (!command.text.empty()) help += "\n" + wrapped(command.text);
  if (!command.options.empty()) help += "\nOptions:\n";
  for (const CommandOption& option : command.options) {
    help += fmt::format("{:<32}{}\n", option_label(option), option.text);
  }
  if (!command.settings.empty()) help += config::settings_help(command.settings);
  return help;
}

std::string help_exit_codes() {
  std::string help = "Exit codes:\n";
  for (const ExitCode& entry : exit_codes) {
    help += fmt::format("  {:>3}  {}\n", entry.code, entry.text);
  }
  return help;
}

std::string help_settings() {
  return "Every setting as a flag and as a variable. In YAML it has the flag's name, nested at the "
         "dots.\n" +
         config::settings_help("");
}

std::string configuration_page() {
  std::string page = config::reference_page();
  page += "\n## Exit codes\n\n| code | meaning |\n|---|---|\n";
  for (const ExitCode& entry : exit_codes) {
    page += fmt::format("| {} | {} |\n", entry.code, entry.text);
  }
  return page;
}

}  // namespace outbox::app
