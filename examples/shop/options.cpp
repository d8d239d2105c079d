// SPDX-License-Identifier: Apache-2.0
#include "options.hpp"

#include <charconv>
#include <cstdlib>

#include <outbox/error.hpp>

#include <fmt/format.h>

namespace shop {

const Flag database_flag{"database", "DATABASE_CONN", "",
                         "the database's URL: postgresql://… or sqlite:///…"};
const Flag kafka_flag{"kafka", "KAFKA_BOOTSTRAP_SERVERS", "localhost:9092",
                      "Kafka's brokers, host:port,host:port"};
const Flag output_flag{"output", "", "text", "text or json"};

namespace {

[[noreturn]] void refuse(const std::string& what, std::string remedy = {}) {
  throw outbox::Error(outbox::ErrorKind::usage, what, std::move(remedy));
}

std::optional<std::int64_t> number_of(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

Options::Options(const Command& command, std::span<const std::string> arguments)
    : command_(command) {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (argument == "--help" || argument == "-h") {
      wants_help_ = true;
    } else if (!argument.starts_with("--")) {
      words_.push_back(argument);
    } else {
      const std::size_t equals = argument.find('=');
      const std::string name = argument.substr(2, equals - 2);
      const Flag& flag = flag_of(name);
      if (equals == std::string::npos && i + 1 == arguments.size()) {
        refuse(fmt::format("--{} is without its value", name));
      }
      values_[std::string(flag.name)] =
          equals == std::string::npos ? arguments[++i] : argument.substr(equals + 1);
    }
  }
}

const Flag& Options::flag_of(std::string_view name) const {
  for (const Flag& flag : command_.flags) {
    if (flag.name == name) return flag;
  }
  refuse(fmt::format("shop {} has no flag --{}", command_.name, name),
         fmt::format("see shop {} --help", command_.name));
}

std::string Options::text(std::string_view name) const {
  const Flag& flag = flag_of(name);
  if (const auto given = values_.find(name); given != values_.end()) return given->second;
  if (!flag.variable.empty()) {
    const char* value = std::getenv(std::string(flag.variable).c_str());
    if (value != nullptr && *value != '\0') return value;
  }
  return std::string(flag.fallback);
}

std::string Options::needed(std::string_view name) const {
  std::string value = text(name);
  if (!value.empty()) return value;
  const Flag& flag = flag_of(name);
  refuse(fmt::format("--{} is missing", name),
         flag.variable.empty() ? std::string(flag.help)
                               : fmt::format("give it, or set {}", flag.variable));
}

std::int64_t Options::number(std::string_view name, std::int64_t least, std::int64_t most) const {
  const auto value = number_of(text(name));
  if (value && *value >= least && *value <= most) return *value;
  refuse(fmt::format("--{}={} is no number from {} to {}", name, text(name), least, most));
}

std::optional<std::chrono::milliseconds> Options::duration(std::string_view name) const {
  const std::string value = text(name);
  if (value.empty()) return std::nullopt;
  const std::size_t digits = value.find_first_not_of("0123456789");
  const auto number = number_of(std::string_view(value).substr(0, digits));
  const std::string unit = digits == std::string::npos ? "" : value.substr(digits);
  const std::int64_t factor = unit == "ms" ? 1 : unit == "s" ? 1000 : unit == "m" ? 60'000 : 0;
  constexpr std::int64_t most = 10'000'000;
  if (!number || factor == 0 || *number > most) {
    refuse(fmt::format("--{}={} is no duration", name, value), "write 500ms, 10s or 5m");
  }
  return std::chrono::milliseconds(*number * factor);
}

bool Options::as_json() const {
  const std::string value = text("output");
  if (value == "json") return true;
  if (value == "text") return false;
  refuse(fmt::format("--output={} is neither text nor json", value));
}

std::string help_of(const Command& command) {
  std::string text =
      fmt::format("shop {}{}{}{}\n\n{}\n", command.name, command.words.empty() ? "" : " ",
                  command.words, command.flags.empty() ? "" : " [--flag=value …]", command.help);
  if (!command.flags.empty()) text += '\n';
  for (const Flag& flag : command.flags) {
    text += fmt::format("  --{:<13} {}", flag.name, flag.help);
    if (!flag.variable.empty()) text += fmt::format(" ({})", flag.variable);
    if (!flag.fallback.empty()) text += fmt::format(" [{}]", flag.fallback);
    text += '\n';
  }
  return text;
}

}  // namespace shop
