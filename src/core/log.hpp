// SPDX-License-Identifier: Apache-2.0
//
// Log lines on standard error by level, as text, logfmt or JSON. Values are escaped in all three,
// so that a row's content can never forge a line (CWE-117). Secrets never come here: what may hold
// one is masked by whoever made it.
//
// Thread-safety: a Logger may be used from any thread; a line is written whole.
#pragma once

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace outbox {

enum class LogLevel : std::uint8_t { debug, info, warn, error };
enum class LogFormat : std::uint8_t { text, logfmt, json };

struct LogField {
  std::string_view name;
  std::string value;
  bool is_number = false;

  LogField(std::string_view field, std::string text) : name(field), value(std::move(text)) {}
  LogField(std::string_view field, std::string_view text) : name(field), value(text) {}
  LogField(std::string_view field, const char* text) : name(field), value(text) {}
  template <class Number>
  requires std::is_arithmetic_v<Number> LogField(std::string_view field, Number number)
      : name(field), value(std::to_string(number)), is_number(true) {}
};

class Logger {
 public:
  /// `file_descriptor` is written to and not closed.
  explicit Logger(LogLevel level = LogLevel::info, LogFormat format = LogFormat::text,
                  int file_descriptor = 2);

  /// Stands in every line from now on, before the line's own fields. Not thread-safe: before use.
  void add_to_all(std::string_view name, std::string value) {
    fields_.emplace_back(name, std::move(value));
  }

  [[nodiscard]] bool enabled(LogLevel level) const noexcept { return level >= level_; }

  void log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields = {});

  void debug(std::string_view message, std::initializer_list<LogField> fields = {}) {
    log(LogLevel::debug, message, fields);
  }
  void info(std::string_view message, std::initializer_list<LogField> fields = {}) {
    log(LogLevel::info, message, fields);
  }
  void warn(std::string_view message, std::initializer_list<LogField> fields = {}) {
    log(LogLevel::warn, message, fields);
  }
  void error(std::string_view message, std::initializer_list<LogField> fields = {}) {
    log(LogLevel::error, message, fields);
  }

  /// True where a line about `subject` may be written now: the first at once, then one per
  /// `interval`; `suppressed` is the number of lines left out since the last one. At most 1,000
  /// subjects are remembered; beyond that all are forgotten, so that memory stays bounded.
  bool may_repeat(const std::string& subject, std::chrono::nanoseconds interval,
                  std::uint64_t& suppressed);

 private:
  struct Repeat {
    std::chrono::nanoseconds last{};
    std::uint64_t suppressed = 0;
  };

  const LogLevel level_;
  const LogFormat format_;
  const int file_descriptor_;
  std::vector<LogField> fields_;
  std::mutex mutex_;
  std::map<std::string, Repeat> repeats_;
};

}  // namespace outbox
