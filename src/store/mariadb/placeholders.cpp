// SPDX-License-Identifier: Apache-2.0
#include "store/mariadb/placeholders.hpp"

#include <algorithm>
#include <vector>

#include <outbox/error.hpp>

#include <fmt/format.h>

namespace outbox::store::mariadb {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_of_a_name(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$' ||
         static_cast<unsigned char>(c) >= 0x80;
}

// Where the quoted text ends that begins at `at`.
std::size_t end_of_quoted(std::string_view sql, std::size_t at, bool backslash_escapes) {
  const char quote = sql[at];
  const bool escapes = backslash_escapes && quote != '`';
  for (++at; at < sql.size(); ++at) {
    if (escapes && sql[at] == '\\') {
      ++at;
    } else if (sql[at] == quote) {
      if (at + 1 == sql.size() || sql[at + 1] != quote) return at + 1;
      ++at;
    }
  }
  return sql.size();
}

std::size_t end_of_line(std::string_view sql, std::size_t at) {
  return std::min(sql.find('\n', at), sql.size());
}

// Two dashes are a comment only before a blank: `1--1` is a number.
bool begins_line_comment(std::string_view rest) {
  if (rest.starts_with('#')) return true;
  return rest.starts_with("--") && (rest.size() == 2 || static_cast<unsigned char>(rest[2]) <= ' ');
}

// Where what stands at `at` ends, if it is a string, a quoted name or a comment; else `at`.
std::size_t end_of_opaque(std::string_view sql, std::size_t at, bool backslash_escapes) {
  const std::string_view rest = sql.substr(at);
  if (rest.front() == '\'' || rest.front() == '"' || rest.front() == '`') {
    return end_of_quoted(sql, at, backslash_escapes);
  }
  if (begins_line_comment(rest)) return end_of_line(sql, at);
  if (rest.starts_with("/*")) {
    const std::size_t end = sql.find("*/", at + 2);
    return end == std::string_view::npos ? sql.size() : end + 2;
  }
  return at;
}

// The placeholder's number, and `at` behind it.
std::size_t read_number(std::string_view sql, std::size_t& at) {
  constexpr std::size_t enough = 100'000;
  std::size_t number = 0;
  for (++at; at < sql.size() && is_digit(sql[at]); ++at)
    number = std::min(number * 10 + static_cast<std::size_t>(sql[at] - '0'), enough);
  return number;
}

}  // namespace

std::string fill_placeholders(
    std::string_view sql, std::size_t parameters, bool backslash_escapes,
    const std::function<void(std::string& text, std::size_t index)>& write) {
  std::string text;
  std::vector<bool> used(parameters, false);
  bool after_name = false;
  for (std::size_t at = 0; at < sql.size();) {
    const std::size_t end = end_of_opaque(sql, at, backslash_escapes);
    if (end > at) {
      text += sql.substr(at, end - at);
      at = end;
      after_name = false;
    } else if (sql[at] == '$' && !after_name && at + 1 < sql.size() && is_digit(sql[at + 1])) {
      const std::size_t number = read_number(sql, at);
      if (number == 0 || number > parameters) {
        throw Error(ErrorKind::usage,
                    fmt::format("the statement has the placeholder ${}, and {} parameters were "
                                "given",
                                number, parameters),
                    "write them as $1, $2, …");
      }
      used[number - 1] = true;
      write(text, number - 1);
    } else {
      after_name = is_of_a_name(sql[at]);
      text += sql[at++];
    }
  }
  const auto unused = std::find(used.begin(), used.end(), false);
  if (unused == used.end()) return text;
  throw Error(ErrorKind::usage,
              fmt::format("the statement has no placeholder ${} for its parameter",
                          unused - used.begin() + 1));
}

}  // namespace outbox::store::mariadb
