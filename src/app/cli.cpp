// SPDX-License-Identifier: Apache-2.0
#include "app/cli.hpp"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include <fmt/format.h>

#include "config/settings_table.hpp"
#include "config/suggest.hpp"

namespace outbox::app {
namespace {

using config::SettingType;

[[noreturn]] void refuse(const std::string& what, const std::string& hint) {
  throw Error(ErrorKind::usage, what, hint);
}

const Command* find_command(std::string_view name) {
  for (const Command& command : commands()) {
    if (command.name == name) return &command;
  }
  return nullptr;
}

std::string nearest_command(std::string_view typed, bool with_subjects) {
  std::vector<std::string> names;
  for (const Command& command : commands())
    names.emplace_back(command.name);
  if (with_subjects)
    names.insert(names.end(), {"exit-codes", "settings", "configuration", "commands", "man"});
  return config::nearest(typed, names);
}

const Action* find_action(const Command& command, std::string_view name) {
  for (const Action& action : command.actions) {
    if (action.name == name) return &action;
  }
  return nullptr;
}

[[noreturn]] void refuse_subject(std::string_view subject) {
  refuse(fmt::format("there is no help on '{}'{}", subject,
                     config::did_you_mean(nearest_command(subject, true))),
         "outboxd help lists the commands");
}

std::string help_about(const std::vector<std::string>& words) {
  const std::string& subject = words.front();
  if (subject == "exit-codes") return help_exit_codes();
  if (subject == "settings") return help_settings();
  if (subject == "configuration") return configuration_page();
  if (subject == "commands") return commands_page();
  const bool is_man = subject == "man";
  if (is_man && words.size() == 1) return man_page(nullptr);
  const Command* command = find_command(is_man ? words[1] : subject);
  if (command == nullptr) refuse_subject(is_man ? words[1] : subject);
  if (is_man) return man_page(command);
  if (words.size() == 1 || command->actions.empty()) return help_of(*command);
  const Action* action = find_action(*command, words[1]);
  if (action == nullptr) refuse_subject(fmt::format("{} {}", subject, words[1]));
  return help_of(*command, action);
}

const config::Setting* setting_with_short_flag(char letter) {
  for (const config::Setting& setting : config::settings_table()) {
    if (setting.short_flag != 0 && setting.short_flag == letter) return &setting;
  }
  return nullptr;
}

// What a flag is, whether typed long or short.
struct Flag {
  std::string name;        // As Arguments stores it.
  bool is_option = false;  // The command's own, else a setting.
  bool takes_value = true;
};

class Parser {
 public:
  explicit Parser(std::span<const std::string> words) : words_(words) {}

  Arguments parse() {
    find_the_command();
    for (place_ = 0; place_ < words_.size(); ++place_)
      take(words_[place_]);
    if (help_) {
      arguments_.print = asked_help();
    } else if (arguments_.command == nullptr) {
      arguments_.print = help_overview();
    } else if (command()->name == "help") {
      arguments_.print = arguments_.words.empty() ? help_overview() : help_about(arguments_.words);
    } else {
      check_words();
    }
    return std::move(arguments_);
  }

 private:
  [[nodiscard]] const Command* command() const { return arguments_.command; }

  [[nodiscard]] std::string asked_help() const {
    if (command() == nullptr) return help_overview();
    const bool has_word = !arguments_.words.empty();
    return help_of(*command(), has_word ? find_action(*command(), arguments_.words[0]) : nullptr);
  }

  // Flags may stand before the command, and which of them take a value depends on it: so the
  // command is the first word that is neither a flag nor the value of a setting.
  void find_the_command() {
    for (place_ = 0; place_ < words_.size(); ++place_) {
      const std::string& word = words_[place_];
      if (word == "--") return;
      if (word == "--version") return set_command("version");
      if (word.size() < 2 || word[0] != '-') return set_command(word);
      const std::string name = word.substr(0, word.find('='));
      const std::optional<Flag> flag = find_flag(name);
      const bool alone = flag && name.size() == word.size();
      if (alone && (flag->takes_value || is_truth_value_next(*flag))) ++place_;
    }
  }

  void set_command(std::string_view name) {
    arguments_.command = find_command(name);
    command_place_ = place_;
    if (arguments_.command == nullptr) {
      refuse(fmt::format("there is no command '{}'{}", name,
                         config::did_you_mean(nearest_command(name, false))),
             "outboxd help lists the commands");
    }
  }

  void take(const std::string& word) {
    if (command() != nullptr && place_ == command_place_) return;
    const bool is_flag = word.size() > 1 && word[0] == '-' && !only_words_;
    if (!is_flag) {
      arguments_.words.push_back(word);
    } else if (word == "--") {
      only_words_ = true;
    } else if (word == "-h" || word == "--help") {
      help_ = true;
    } else {
      take_flag(word);
    }
  }

  void take_flag(const std::string& word) {
    const std::size_t equals = word.find('=');
    std::string name = word.substr(0, equals);
    std::optional<std::string> value;
    if (equals != std::string::npos) value = word.substr(equals + 1);
    const bool is_short = name[1] != '-';
    if (is_short && name.size() > 2) {  // -ojson
      value = word.substr(2);
      name = name.substr(0, 2);
    }
    const std::optional<Flag> flag = find_flag(name);
    if (!flag) refuse_flag(name);
    if (!value && is_truth_value_next(*flag)) value = words_[++place_];
    if (!value) value = flag->takes_value ? next_word(name) : "true";
    auto& place = flag->is_option ? arguments_.options : arguments_.flags;
    place.emplace_back(flag->name, *value);
  }

  // `--outbox.enabled false` means what it says, though a flag of true or false needs no value.
  [[nodiscard]] bool is_truth_value_next(const Flag& flag) const {
    if (flag.takes_value || flag.is_option || place_ + 1 >= words_.size()) return false;
    return words_[place_ + 1] == "true" || words_[place_ + 1] == "false";
  }

  std::string next_word(const std::string& flag) {
    const bool missing = place_ + 1 >= words_.size() || words_[place_ + 1].starts_with("--") ||
                         (command() != nullptr && place_ + 1 == command_place_);
    if (missing) refuse(fmt::format("{} needs a value", flag), fmt::format("write {} VALUE", flag));
    return words_[++place_];
  }

  [[nodiscard]] std::optional<Flag> find_flag(const std::string& typed) const {
    const bool is_short = typed.size() == 2;
    if (!is_short && !typed.starts_with("--")) return std::nullopt;
    const std::string name = typed.substr(is_short ? 1 : 2);
    if (const CommandOption* option = find_option(name, is_short)) {
      return Flag{std::string(option->name), true, !option->value.empty()};
    }
    if (is_short) {
      const config::Setting* setting = setting_with_short_flag(name[0]);
      if (setting == nullptr) return std::nullopt;
      return Flag{std::string(setting->name), false, setting->type != SettingType::boolean};
    }
    const auto resolved = config::resolve_name(name);
    if (!resolved) return std::nullopt;
    const bool is_boolean =
        resolved->setting != nullptr && resolved->setting->type == SettingType::boolean;
    return Flag{name, false, !is_boolean};
  }

  // Those of all actions: which it is may be typed later, and is checked at the end.
  [[nodiscard]] const CommandOption* find_option(const std::string& name, bool is_short) const {
    if (command() == nullptr) return nullptr;
    for (const CommandOption* option : options_of(*command())) {
      const bool matches = is_short ? option->short_name == name[0] : option->name == name;
      if (matches) return option;
    }
    // A shard is a store; older commands say the one, the API's fields the other.
    if (!is_short && name == "shard") return find_option("store", false);
    return nullptr;
  }

  [[noreturn]] void refuse_flag(const std::string& typed) const {
    std::string suggestion;
    if (typed.starts_with("--")) {
      const std::string name = typed.substr(2);
      std::vector<std::string> options;
      if (command() != nullptr) {
        for (const CommandOption* option : options_of(*command()))
          options.emplace_back(option->name);
      }
      suggestion = config::nearest(name, options);
      if (suggestion.empty()) suggestion = config::nearest_setting(name);
      if (!suggestion.empty()) suggestion = "--" + suggestion;
    }
    refuse(fmt::format("there is no flag {}{}", typed, config::did_you_mean(suggestion)),
           command() == nullptr ? "outboxd help settings lists them"
                                : fmt::format("outboxd help {} lists them", command()->name));
  }

  void check_words() {
    const std::vector<std::string>& words = arguments_.words;
    std::vector<std::string> allowed = config::split_words(command()->words);
    for (const Action& action : command()->actions)
      allowed.emplace_back(action.name);
    const std::string usage = usage_of(*command(), nullptr);
    if (!allowed.empty() && words.empty()) {
      refuse(fmt::format("{} needs an argument", command()->name), usage);
    }
    if (!allowed.empty() &&
        std::find(allowed.begin(), allowed.end(), words.front()) == allowed.end()) {
      refuse(fmt::format("{} does not take '{}'{}", command()->name, words.front(),
                         config::did_you_mean(config::nearest(words.front(), allowed))),
             usage);
    }
    if (!command()->actions.empty()) {
      arguments_.action = find_action(*command(), words.front());
      check_options();
    }
    check_count();
  }

  // An option that another action takes would be forgotten without a word.
  void check_options() const {
    const Action& action = *arguments_.action;
    for (const auto& [name, value] : arguments_.options) {
      const auto named = [&name = name](const CommandOption& one) { return one.name == name; };
      const auto& common = command()->options;
      if (std::any_of(common.begin(), common.end(), named)) continue;
      if (std::any_of(action.options.begin(), action.options.end(), named)) continue;
      refuse(fmt::format("{} {} takes no --{}", command()->name, action.name, name),
             fmt::format("outboxd help {} {} lists what it takes", command()->name, action.name));
    }
  }

  void check_count() const {
    const Action* action = arguments_.action;
    const WordCount count =
        word_count(action != nullptr ? action->arguments : command()->arguments);
    const int given = static_cast<int>(arguments_.words.size()) - (action != nullptr ? 1 : 0);
    const std::string name = full_name(*command(), action);
    if (given < count.least) {
      refuse(fmt::format("{} needs an argument", name), usage_of(*command(), action));
    }
    if (count.most >= 0 && given > count.most) {
      refuse(fmt::format("{} takes no argument '{}'", name, arguments_.words.back()),
             fmt::format("outboxd help {} shows what it takes", name));
    }
  }

  std::span<const std::string> words_;
  Arguments arguments_;
  std::size_t place_ = 0;
  std::size_t command_place_ = 0;
  bool only_words_ = false;
  bool help_ = false;
};

}  // namespace

bool Arguments::has(std::string_view option) const {
  return value(option).has_value();
}

std::optional<std::string> Arguments::value(std::string_view option) const {
  std::optional<std::string> found;
  for (const auto& [name, text] : options) {
    if (name == option) found = text;
  }
  return found;
}

std::vector<std::string> Arguments::values(std::string_view option) const {
  std::vector<std::string> found;
  for (const auto& [name, text] : options) {
    if (name == option) found.push_back(text);
  }
  return found;
}

std::string full_name(const Command& command, const Action* action) {
  return action == nullptr ? std::string(command.name)
                           : fmt::format("{} {}", command.name, action->name);
}

std::string usage_of(const Command& command, const Action* action) {
  std::string arguments(action != nullptr ? action->arguments : command.arguments);
  if (action == nullptr) {
    for (const Action& one : command.actions)
      arguments += fmt::format("{}{}", arguments.empty() ? "" : "|", one.name);
  }
  return fmt::format("outboxd {}{}{} [options]", full_name(command, action),
                     arguments.empty() ? "" : " ", arguments);
}

WordCount word_count(std::string_view arguments) {
  WordCount count;
  bool in_word = false;
  int depth = 0;
  for (const char letter : arguments) {
    if (letter == '[') {
      if (depth++ == 0) ++count.most;
    } else if (letter == ']') {
      --depth;
    } else if (depth == 0 && letter != ' ' && !in_word) {
      in_word = true;
      ++count.least;
      ++count.most;
    }
    if (letter == ' ' && depth == 0) in_word = false;
  }
  if (arguments.find("...") != std::string_view::npos) count.most = -1;
  return count;
}

std::vector<const CommandOption*> options_of(const Command& command) {
  std::vector<const CommandOption*> options;
  const auto add = [&options](std::span<const CommandOption> more) {
    for (const CommandOption& option : more) {
      const auto same = [&option](const CommandOption* one) { return one->name == option.name; };
      if (std::none_of(options.begin(), options.end(), same)) options.push_back(&option);
    }
  };
  add(command.options);
  for (const Action& action : command.actions)
    add(action.options);
  return options;
}

int whole_number(const Arguments& arguments, std::string_view option, int otherwise) {
  const auto text = arguments.value(option);
  if (!text) return otherwise;
  int number = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (error != std::errc{} || end != text->data() + text->size() || number < 1) {
    refuse(fmt::format("--{} '{}' is no whole number above 0", option, *text), {});
  }
  return number;
}

Arguments parse_arguments(std::span<const std::string> words) {
  return Parser(words).parse();
}

config::Sources sources_of(const Arguments& arguments) {
  config::Sources sources;
  if (arguments.command != nullptr) sources.command = arguments.command->name;
  sources.flags = arguments.flags;
  sources.environment = config::process_environment();
  return sources;
}

int exit_code(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::usage:
      return 2;
    case ErrorKind::configuration:
      return 3;
    case ErrorKind::not_found:
      return 4;
    case ErrorKind::conflict:
      return 5;
    case ErrorKind::unreachable:
      return 6;
    case ErrorKind::failed:
      break;
  }
  return 1;
}

bool colour_wanted(int descriptor) {
  const char* no_colour = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  const bool dumb = terminal == nullptr || std::string_view(terminal) == "dumb";
  return isatty(descriptor) == 1 && (no_colour == nullptr || *no_colour == 0) && !dumb;
}

}  // namespace outbox::app
