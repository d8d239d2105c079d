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
  if (with_subjects) names.insert(names.end(), {"exit-codes", "settings", "configuration"});
  return config::nearest(typed, names);
}

std::string help_about(std::string_view subject) {
  if (subject == "exit-codes") return help_exit_codes();
  if (subject == "settings") return help_settings();
  if (subject == "configuration") return configuration_page();
  if (const Command* command = find_command(subject)) return help_of(*command);
  refuse(fmt::format("there is no help on '{}'{}", subject,
                     config::did_you_mean(nearest_command(subject, true))),
         "outboxd help lists the commands");
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
      arguments_.print = arguments_.command == nullptr ? help_overview() : help_of(*command());
    } else if (arguments_.command == nullptr) {
      arguments_.print = help_overview();
    } else if (command()->name == "help") {
      arguments_.print =
          arguments_.words.empty() ? help_overview() : help_about(arguments_.words.front());
    } else {
      check_words();
    }
    return std::move(arguments_);
  }

 private:
  [[nodiscard]] const Command* command() const { return arguments_.command; }

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
    if (command() != nullptr) {
      for (const CommandOption& option : command()->options) {
        const bool matches = is_short ? option.short_name == name[0] : option.name == name;
        if (matches) return Flag{std::string(option.name), true, !option.value.empty()};
      }
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

  [[noreturn]] void refuse_flag(const std::string& typed) const {
    std::string suggestion;
    if (typed.starts_with("--")) {
      const std::string name = typed.substr(2);
      std::vector<std::string> options;
      if (command() != nullptr) {
        for (const CommandOption& option : command()->options)
          options.emplace_back(option.name);
      }
      suggestion = config::nearest(name, options);
      if (suggestion.empty()) suggestion = config::nearest_setting(name);
      if (!suggestion.empty()) suggestion = "--" + suggestion;
    }
    refuse(fmt::format("there is no flag {}{}", typed, config::did_you_mean(suggestion)),
           command() == nullptr ? "outboxd help settings lists them"
                                : fmt::format("outboxd help {} lists them", command()->name));
  }

  void check_words() const {
    const std::vector<std::string>& words = arguments_.words;
    const std::string usage = fmt::format("outboxd {} {}", command()->name, command()->arguments);
    if (command()->arguments.empty() && !words.empty()) {
      refuse(fmt::format("{} takes no argument '{}'", command()->name, words.front()),
             fmt::format("outboxd help {} shows what it takes", command()->name));
    }
    if (command()->words.empty()) return;
    const std::vector<std::string> allowed = config::split_words(command()->words);
    if (words.empty()) refuse(fmt::format("{} needs an argument", command()->name), usage);
    if (std::find(allowed.begin(), allowed.end(), words.front()) == allowed.end()) {
      refuse(fmt::format("{} does not take '{}'{}", command()->name, words.front(),
                         config::did_you_mean(config::nearest(words.front(), allowed))),
             usage);
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
