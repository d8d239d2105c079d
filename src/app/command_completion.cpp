// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdio>

#include <fmt/format.h>

#include "app/cli.hpp"
#include "config/settings_table.hpp"

namespace outbox::app {
namespace {

using config::Setting;
using config::SettingType;

// One flag as a shell completes it: a setting, or a command's own option.
struct FlagView {
  std::string name;
  std::string text;
  std::string command;  // Empty: a flag of every command.
  std::string words;    // What its value may be, space-separated.
  bool takes_value = true;
  bool takes_file = false;
};

std::string spaced(std::string_view words) {
  std::string result(words);
  std::replace(result.begin(), result.end(), '|', ' ');
  return result;
}

// Quotes, backquotes and colons end a word or a description in one shell or another.
std::string plain(std::string_view text) {
  std::string result;
  for (const char letter : text.substr(0, text.find(". "))) {
    if (letter == '\'') {
      result += "\u2019";
    } else if (letter == ':') {
      result += ',';
    } else if (std::string_view("\"`[]$\\").find(letter) == std::string_view::npos) {
      result += letter;
    }
  }
  return result;
}

std::vector<FlagView> all_flags() {
  std::vector<FlagView> flags;
  for (const Setting& setting : config::settings_table()) {
    const bool is_boolean = setting.type == SettingType::boolean;
    flags.push_back({std::string(setting.name),
                     plain(setting.text),
                     {},
                     spaced(setting.words),
                     !is_boolean,
                     setting.type == SettingType::path});
    if (setting.secret) {
      flags.push_back({fmt::format("{}-file", setting.name),
                       fmt::format("File that holds {}", setting.name),
                       {},
                       {},
                       true,
                       true});
    }
  }
  for (const Command& command : commands()) {
    for (const CommandOption* option : options_of(command)) {
      const bool takes_value = !option->value.empty();
      flags.push_back({std::string(option->name),
                       plain(option->text),
                       std::string(command.name),
                       {},
                       takes_value,
                       false});
    }
  }
  flags.push_back({"help", "Help on the command", {}, {}, false, false});
  return flags;
}

std::string command_names() {
  std::string names;
  for (const Command& command : commands()) {
    names += fmt::format("{}{}", names.empty() ? "" : " ", command.name);
  }
  return names;
}

// What may stand right behind the command.
std::string first_words(const Command& command) {
  if (command.name == "help")
    return command_names() + " exit-codes settings configuration commands man";
  std::string words = spaced(command.words);
  for (const Action& action : command.actions)
    words += fmt::format("{}{}", words.empty() ? "" : " ", action.name);
  return words;
}

std::string short_alternative(std::string_view name) {
  const Setting* setting = config::find_setting(name);
  if (setting == nullptr || setting->short_flag == 0) return {};
  return fmt::format("|-{}", setting->short_flag);
}

std::string bash_script() {
  std::string values;
  std::string common;
  std::string valued;
  for (const FlagView& flag : all_flags()) {
    if (flag.command.empty()) common += fmt::format(" --{}", flag.name);
    if (!flag.takes_value) continue;
    valued +=
        fmt::format("{}--{}{}", valued.empty() ? "" : "|", flag.name, short_alternative(flag.name));
    if (!flag.words.empty()) {
      values +=
          fmt::format("    --{}{}) COMPREPLY=($(compgen -W '{}' -- \"$current\")); return 0 ;;\n",
                      flag.name, short_alternative(flag.name), flag.words);
    } else if (flag.takes_file) {
      values += fmt::format("    --{}{}) COMPREPLY=($(compgen -f -- \"$current\")); return 0 ;;\n",
                            flag.name, short_alternative(flag.name));
    }
  }
  std::string options;
  std::string words;
  for (const Command& command : commands()) {
    std::string own;
    for (const CommandOption* option : options_of(command))
      own += fmt::format(" --{}", option->name);
    if (!own.empty()) options += fmt::format("    {}) flags+='{}' ;;\n", command.name, own);
    const std::string taken = first_words(command);
    if (!taken.empty()) words += fmt::format("    {}) words='{}' ;;\n", command.name, taken);
  }
  return fmt::format(
      R"(# bash completion for outboxd; load it with: source <(outboxd completion bash)
_outboxd() {{
  local current="${{COMP_WORDS[COMP_CWORD]}}" previous="${{COMP_WORDS[COMP_CWORD-1]}}"
  local command='' word skip='' index words='' flags='{}'
  COMPREPLY=()
  # With '=' among the word breaks, --flag=value comes as three words.
  if [[ $current == '=' ]]; then current=''; elif [[ $previous == '=' ]]; then
    previous="${{COMP_WORDS[COMP_CWORD-2]}}"
  fi
  case $previous in
{}  esac
  for ((index = 1; index < COMP_CWORD; index++)); do
    word="${{COMP_WORDS[index]}}"
    if [[ -n $skip ]]; then skip=''; continue; fi
    case $word in
      {}) skip=1 ;;
      -*|=) ;;
      *) command=$word; break ;;
    esac
  done
  case $command in
{}  esac
  case $command in
    '') words='{}' ;;
{}  esac
  if [[ $current == -* ]]; then words=$flags; fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  return 0
}}
complete -F _outboxd outboxd
)",
      common.substr(1), values, valued, options, command_names(), words);
}

std::string zsh_script() {
  std::string described;
  std::string cases;
  for (const Command& command : commands()) {
    described += fmt::format("    '{}:{}'\n", command.name, plain(command.summary));
    std::string own;
    for (const FlagView& flag : all_flags()) {
      if (flag.command != command.name) continue;
      own += fmt::format(" '--{}[{}]{}'", flag.name, flag.text, flag.takes_value ? ":value:" : "");
    }
    const std::string words = first_words(command);
    if (!words.empty()) own += fmt::format(" '1:argument:({})'", words);
    cases += fmt::format("    {}) _arguments $flags{} ;;\n", command.name, own);
  }
  std::string flags;
  for (const FlagView& flag : all_flags()) {
    if (!flag.command.empty()) continue;
    const std::string value = !flag.takes_value    ? std::string()
                              : flag.takes_file    ? std::string(":file:_files")
                              : flag.words.empty() ? std::string(":value:")
                                                   : fmt::format(":value:({})", flag.words);
    flags += fmt::format("    '--{}[{}]{}'\n", flag.name, flag.text, value);
  }
  return fmt::format(R"(#compdef outboxd
_outboxd() {{
  local state line
  local -a commands flags
  commands=(
{}  )
  flags=(
{}  )
  _arguments -C $flags '1:command:->command' '*::argument:->argument'
  case $state in
    command) _describe command commands ;;
    argument) case $line[1] in
{}    esac ;;
  esac
}}
if [[ $funcstack[1] == _outboxd ]]; then _outboxd "$@"; else compdef _outboxd outboxd; fi
)",
                     described, flags, cases);
}

std::string fish_script() {
  std::string script = "# fish completion for outboxd\ncomplete -c outboxd -f\n";
  const std::string names = command_names();
  for (const Command& command : commands()) {
    script +=
        fmt::format("complete -c outboxd -n 'not __fish_seen_subcommand_from {}' -a '{}' -d '{}'\n",
                    names, command.name, plain(command.summary));
    const std::string words = first_words(command);
    if (words.empty()) continue;
    script += fmt::format("complete -c outboxd -n '__fish_seen_subcommand_from {}' -a '{}'\n",
                          command.name, words);
  }
  for (const FlagView& flag : all_flags()) {
    script += fmt::format("complete -c outboxd -l '{}' -d '{}'", flag.name, flag.text);
    const Setting* setting = config::find_setting(flag.name);
    if (setting != nullptr && setting->short_flag != 0) {
      script += fmt::format(" -s {}", setting->short_flag);
    }
    if (!flag.command.empty()) {
      script += fmt::format(" -n '__fish_seen_subcommand_from {}'", flag.command);
    }
    if (flag.takes_file)
      script += " -r -F";
    else if (!flag.words.empty())
      script += fmt::format(" -x -a '{}'", flag.words);
    else if (flag.takes_value)
      script += " -x";
    script += '\n';
  }
  return script;
}

}  // namespace

std::string completion_script(std::string_view shell) {
  if (shell == "bash") return bash_script();
  if (shell == "zsh") return zsh_script();
  if (shell == "fish") return fish_script();
  throw Error(ErrorKind::usage, fmt::format("there are no completions for '{}'", shell),
              "use bash, zsh or fish");
}

int command_completion(const Arguments& arguments) {
  const std::string script = completion_script(arguments.words.front());
  std::fputs(script.c_str(), stdout);
  return 0;
}

}  // namespace outbox::app
