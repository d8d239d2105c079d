// SPDX-License-Identifier: Apache-2.0
#include "core/log.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <array>

#include "core/clock.hpp"

namespace outbox {

namespace {

constexpr std::array level_names = {"debug", "info", "warn", "error"};
constexpr std::size_t subjects_max = 1000;

std::string_view name_of(LogLevel level) {
  return level_names[static_cast<std::size_t>(level)];
}

void append_escaped(std::string& out, std::string_view text) {
  for (const char character : text) {
    const auto byte = static_cast<unsigned char>(character);
    if (character == '"' || character == '\\') {
      out += '\\';
      out += character;
    } else if (character == '\n') {
      out += "\\n";
    } else if (byte < 0x20 || byte == 0x7f) {
      out += fmt::format("\\u{:04x}", byte);
    } else {
      out += character;
    }
  }
}

bool is_plain(std::string_view text) {
  for (const char character : text) {
    const auto byte = static_cast<unsigned char>(character);
    if (byte <= 0x20 || byte == 0x7f || character == '"' || character == '=' || character == '\\') {
      return false;
    }
  }
  return !text.empty();
}

void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  append_escaped(out, text);
  out += '"';
}

void append_word(std::string& out, std::string_view text) {
  if (is_plain(text)) {
    out += text;
  } else {
    append_quoted(out, text);
  }
}

using Fields = std::vector<LogField>;

void append_fields(std::string& out, const Fields& fields) {
  for (const LogField& field : fields) {
    out += ' ';
    out += field.name;
    out += '=';
    append_word(out, field.value);
  }
}

std::string text_line(std::string_view time, LogLevel level, std::string_view message,
                      const Fields& fields) {
  std::string line = fmt::format("{} {:<5} ", time, name_of(level));
  append_escaped(line, message);
  append_fields(line, fields);
  return line;
}

std::string logfmt_line(std::string_view time, LogLevel level, std::string_view message,
                        const Fields& fields) {
  std::string line = fmt::format("ts={} level={} msg=", time, name_of(level));
  append_quoted(line, message);
  append_fields(line, fields);
  return line;
}

std::string json_line(std::string_view time, LogLevel level, std::string_view message,
                      const Fields& fields) {
  std::string line = fmt::format(R"({{"ts":"{}","level":"{}","msg":)", time, name_of(level));
  append_quoted(line, message);
  for (const LogField& field : fields) {
    line += ',';
    append_quoted(line, field.name);
    line += ':';
    if (field.is_number) {
      line += field.value;
    } else {
      append_quoted(line, field.value);
    }
  }
  line += '}';
  return line;
}

}  // namespace

Logger::Logger(LogLevel level, LogFormat format, int file_descriptor)
    : level_(level), format_(format), file_descriptor_(file_descriptor) {}

void Logger::log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields) {
  if (!enabled(level)) return;
  const TimestampText time = format_timestamp(wall_clock_us());
  Fields all = fields_;
  all.insert(all.end(), fields.begin(), fields.end());
  std::string line;
  switch (format_) {
    case LogFormat::text:
      line = text_line(time.text, level, message, all);
      break;
    case LogFormat::logfmt:
      line = logfmt_line(time.text, level, message, all);
      break;
    case LogFormat::json:
      line = json_line(time.text, level, message, all);
      break;
  }
  line += '\n';
  const std::lock_guard lock(mutex_);
  // A closed or full log must not stop the relay: what could not be written at once is dropped.
  pollfd ready{file_descriptor_, POLLOUT, 0};
  if (poll(&ready, 1, 0) != 1 || (ready.revents & POLLOUT) == 0) return;
  [[maybe_unused]] const auto written = write(file_descriptor_, line.data(), line.size());
}

bool Logger::may_repeat(const std::string& subject, std::chrono::nanoseconds interval,
                        std::uint64_t& suppressed) {
  const auto now = BootClock::now().time_since_epoch();
  const std::lock_guard lock(mutex_);
  const auto found = repeats_.find(subject);
  if (found == repeats_.end()) {
    if (repeats_.size() >= subjects_max) repeats_.clear();
    repeats_.emplace(subject, Repeat{now, 0});
    suppressed = 0;
    return true;
  }
  if (now - found->second.last < interval) {
    ++found->second.suppressed;
    return false;
  }
  suppressed = found->second.suppressed;
  found->second = Repeat{now, 0};
  return true;
}

}  // namespace outbox
