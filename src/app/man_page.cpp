// SPDX-License-Identifier: Apache-2.0
//
// Pages for man(1), of the very texts that help prints.
#include <fmt/format.h>

#include "app/command_tables.hpp"
#include "config/reference.hpp"

namespace outbox::app {
namespace {

// For groff: no letter is a request or an escape, and a hyphen can be pasted into a shell.
std::string escaped(std::string_view text) {
  std::string result;
  for (const char letter : text) {
    if (letter == '\\') {
      result += "\\e";
    } else if (letter == '-') {
      result += "\\-";
    } else {
      result += letter;
    }
  }
  const bool is_request = result.starts_with('.') || result.starts_with('\'');
  return is_request ? "\\&" + result : result;
}

// Words in backquotes are bold.
std::string prose(std::string_view text) {
  std::string result;
  bool bold = false;
  for (const char letter : escaped(text)) {
    if (letter != '`') {
      result += letter;
      continue;
    }
    bold = !bold;
    result += bold ? "\\fB" : "\\fR";
  }
  return result + "\n";
}

std::string page_name(const Command& command) {
  return fmt::format("outboxd-{}", command.name);
}

std::string title(const std::string& name, std::string_view summary) {
  std::string upper = name;
  for (char& letter : upper) {
    if (letter >= 'a' && letter <= 'z') letter = static_cast<char>(letter - 'a' + 'A');
  }
  return fmt::format(".TH {} 1 \"\" \"outboxd {}\" \"outboxd\"\n.SH NAME\n{} \\- {}\n",
                     escaped(upper), escaped(OUTBOX_VERSION), escaped(name), prose(summary));
}

std::string synopsis(const Command& command) {
  std::string text = ".SH SYNOPSIS\n.nf\n";
  for (const Action& action : command.actions)
    text += fmt::format("{}\n", escaped(usage_of(command, &action)));
  if (command.actions.empty()) text += fmt::format("{}\n", escaped(usage_of(command, nullptr)));
  return text + ".fi\n";
}

std::string options(std::span<const CommandOption> list) {
  std::string text;
  for (const CommandOption& option : list) {
    std::string label;
    if (option.short_name != 0) label = fmt::format("\\fB\\-{}\\fR, ", option.short_name);
    label += fmt::format("\\fB\\-\\-{}\\fR", escaped(option.name));
    if (!option.value.empty()) label += fmt::format(" \\fI{}\\fR", escaped(option.value));
    text += fmt::format(".TP\n{}\n{}", label, prose(option.text));
  }
  return text;
}

// settings_help() has titles at the margin, flags two spaces in, and their texts behind that.
std::string settings(std::string_view groups) {
  std::string text = ".SH SETTINGS\nEach is a flag, a variable and a line of YAML.\n";
  const std::string help = config::settings_help(groups);
  std::string_view rest = help;
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    const std::size_t indent = line.find_first_not_of(' ');
    if (indent == std::string_view::npos) continue;
    const std::string words = escaped(line.substr(indent));
    if (indent == 0) {
      text += fmt::format(".SS {}\n", words.substr(0, words.find_last_of(':')));
    } else if (indent == 2) {
      text += fmt::format(".TP\n.B {}\n", words);
    } else {
      text += words + "\n";
    }
  }
  return text;
}

std::string examples(std::span<const std::string_view> list) {
  std::string text = ".SH EXAMPLES\n.nf\n";
  for (const std::string_view example : list)
    text += escaped(example) + "\n";
  return text + ".fi\n";
}

std::string see_also(const Command* command) {
  std::string text = ".SH SEE ALSO\n";
  if (command != nullptr) return text + ".BR outboxd (1)\n";
  for (const Command& one : commands())
    text += fmt::format(".BR {} (1),\n", escaped(page_name(one)));
  return text + "and the folder docs of the sources.\n";
}

std::string exit_status() {
  std::string text = ".SH EXIT STATUS\n";
  for (const ExitCode& entry : exit_codes())
    text += fmt::format(".TP\n.B {}\n{}", entry.code, prose(entry.text));
  return text;
}

std::string overview_page() {
  std::string text = title("outboxd", "relays a transactional outbox to Apache Kafka");
  text += ".SH SYNOPSIS\n.B outboxd\n.I COMMAND\n[\\fIoptions\\fR]\n.SH DESCRIPTION\n";
  text += prose(
      "A back end writes an event into an outbox table in the transaction of its business "
      "change; outboxd relays it to Kafka, in order per key, and loses none.");
  text += ".SH COMMANDS\n";
  for (const Command& command : commands())
    text += fmt::format(".TP\n.BR {} (1)\n{}", escaped(page_name(command)), prose(command.summary));
  return text + exit_status() + settings("") + see_also(nullptr);
}

}  // namespace

std::string man_page(const Command* command) {
  if (command == nullptr) return overview_page();
  std::string text = title(page_name(*command), command->summary) + synopsis(*command);
  text += ".SH DESCRIPTION\n" + prose(command->text.empty() ? command->summary : command->text);
  for (const Action& action : command->actions) {
    text += fmt::format(".SS {}\n", escaped(usage_of(*command, &action)));
    text += prose(action.text) + options(action.options);
  }
  if (!command->options.empty()) text += ".SH OPTIONS\n" + options(command->options);
  text += examples(command->examples);
  if (!command->settings.empty()) text += settings(command->settings);
  return text + exit_status() + see_also(command);
}

}  // namespace outbox::app
