// SPDX-License-Identifier: Apache-2.0
#include "config/sql_template.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "config/fault.hpp"
#include "config/suggest.hpp"
#include "config/values.hpp"

namespace outbox::config {
namespace {

struct KnownParameter {
  std::string_view name;
  ParameterSource source;
};

constexpr std::array known_parameters = {
    KnownParameter{"event_id", ParameterSource::event_id},
    KnownParameter{"event_type", ParameterSource::event_type},
    KnownParameter{"aggregate_type", ParameterSource::aggregate_type},
    KnownParameter{"aggregate_id", ParameterSource::aggregate_id},
    KnownParameter{"occurred_at", ParameterSource::occurred_at},
    KnownParameter{"version", ParameterSource::version},
    KnownParameter{"topic", ParameterSource::topic},
    KnownParameter{"partition", ParameterSource::partition},
    KnownParameter{"offset", ParameterSource::offset},
    KnownParameter{"key", ParameterSource::key},
    KnownParameter{"payload", ParameterSource::payload},
    KnownParameter{"item", ParameterSource::item},
};

// What would begin or end the transaction, or what a statement may not be.
constexpr std::array<std::string_view, 9> refused_words = {
    "begin", "start", "commit", "end", "rollback", "abort", "savepoint", "release", "copy"};

// A misspelt one would be found by the first event only: not all statements can be planned ahead.
constexpr std::array<std::string_view, 19> known_words = {
    "select", "insert", "update", "delete",   "with",   "merge", "replace",
    "values", "table",  "notify", "set",      "call",   "lock",  "do",
    "create", "alter",  "drop",   "truncate", "refresh"};

constexpr std::array<std::string_view, 4> writing_words = {"insert", "update", "delete", "replace"};

bool is_name_start(char c) {
  return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_';
}

bool is_name_part(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

SqlParameter parameter_of(std::string_view text, bool optional, bool has_item) {
  const std::string_view first = text.substr(0, text.find('.'));
  const auto known = std::find_if(known_parameters.begin(), known_parameters.end(),
                                  [&](const KnownParameter& one) { return one.name == first; });
  if (known == known_parameters.end()) {
    std::vector<std::string> names;
    names.reserve(known_parameters.size());
    for (const KnownParameter& one : known_parameters)
      names.emplace_back(one.name);
    throw Fault{fmt::format("has the parameter ':{}'{}", text, did_you_mean(nearest(first, names))),
                fmt::format("known are :{}, and fields such as :payload.order_id",
                            fmt::join(names, ", :"))};
  }
  SqlParameter parameter;
  parameter.name = text;
  parameter.source = known->source;
  parameter.optional = optional;
  if (first.size() < text.size()) {
    parameter.path = parse_payload_path(text.substr(first.size() + 1));
  }
  const bool has_fields =
      parameter.source == ParameterSource::payload || parameter.source == ParameterSource::item;
  if (!has_fields && !parameter.path.empty()) {
    throw Fault{fmt::format("has the parameter ':{}', but :{} has no fields", text, first),
                "only :payload and :item have"};
  }
  if (parameter.source == ParameterSource::item && !has_item) {
    throw Fault{fmt::format("has the parameter ':{}' without for-each", text),
                "say with for-each: FIELD over which array of the payload it runs"};
  }
  return parameter;
}

// Outside of literals.
bool mentions(std::string_view sql, std::string_view word) {
  std::string bare;
  bool quoted = false;
  for (const char c : sql) {
    if (c == '\'') quoted = !quoted;
    if (!quoted) bare += c;
  }
  return lower(bare).find(word) != std::string::npos;
}

class Scanner {
 public:
  Scanner(std::string_view sql, bool has_item) : sql_(sql), has_item_(has_item) {}

  std::vector<SqlStatement> scan() {
    while (at_ < sql_.size())
      step();
    finish();
    if (statements_.empty()) throw Fault{"holds no statement", "write one"};
    return std::move(statements_);
  }

 private:
  [[nodiscard]] char peek(std::size_t ahead) const {
    return at_ + ahead < sql_.size() ? sql_[at_ + ahead] : '\0';
  }

  void step() {
    const char c = sql_[at_];
    if (c == '\'') {
      take_quoted('\'', is_escape_string());
    } else if (c == '"' || c == '`') {
      take_quoted(c, false);
    } else if (c == '-' && peek(1) == '-') {
      take_through("\n", false);
    } else if (c == '/' && peek(1) == '*') {
      take_through("*/", true);
    } else if (c == '$' && !follows_name() && dollar_tag()) {
      take_through(*dollar_tag(), true);
    } else if (c == ':' && peek(1) == ':') {
      take(2);
    } else if (c == ':' && is_name_start(peek(1)) && !follows_name()) {
      take_parameter();
    } else if (c == '$' && std::isdigit(static_cast<unsigned char>(peek(1))) != 0) {
      throw Fault{"has a numbered parameter", "name it, such as :payload.order_id"};
    } else if (c == ';') {
      ++at_;
      finish();
    } else {
      take(1);
    }
  }

  void take(std::size_t count) {
    count = std::min(count, sql_.size() - at_);
    current_.sql.append(sql_.substr(at_, count));
    at_ += count;
  }

  [[nodiscard]] bool follows_name() const { return at_ > 0 && is_name_part(sql_[at_ - 1]); }

  // E'it\'s': PostgreSQL's strings with backslashes.
  [[nodiscard]] bool is_escape_string() const {
    if (at_ == 0 || (sql_[at_ - 1] != 'E' && sql_[at_ - 1] != 'e')) return false;
    return at_ == 1 || !is_name_part(sql_[at_ - 2]);
  }

  void take_quoted(char quote, bool backslashes) {
    const std::size_t from = at_;
    take(1);
    while (at_ < sql_.size()) {
      const bool is_escaped = backslashes && sql_[at_] == '\\';
      if (is_escaped || (sql_[at_] == quote && peek(1) == quote)) {
        take(2);
      } else if (sql_[at_] == quote) {
        return take(1);
      } else {
        take(1);
      }
    }
    not_closed(from);
  }

  [[noreturn]] void not_closed(std::size_t from) const {
    throw Fault{fmt::format("has a quote or comment that is not closed: {}",
                            std::string(sql_.substr(from, 20))),
                "close it"};
  }

  // $$ or $name$, which begins and ends the same text.
  [[nodiscard]] std::optional<std::string> dollar_tag() const {
    std::size_t end = at_ + 1;
    while (end < sql_.size() && is_name_part(sql_[end]))
      ++end;
    if (end >= sql_.size() || sql_[end] != '$') return std::nullopt;
    if (std::isdigit(static_cast<unsigned char>(sql_[at_ + 1])) != 0) return std::nullopt;
    return std::string(sql_.substr(at_, end + 1 - at_));
  }

  void take_through(const std::string& end, bool required) {
    const std::size_t from = at_;
    const std::size_t found = sql_.find(end, at_ + (end == "\n" ? 0 : end.size()));
    if (found == std::string_view::npos) {
      if (required) not_closed(from);
      return take(sql_.size() - at_);
    }
    take(found + end.size() - at_);
  }

  void take_parameter() {
    std::size_t end = at_ + 1;
    while (end < sql_.size() &&
           (is_name_part(sql_[end]) ||
            (sql_[end] == '.' && end + 1 < sql_.size() && is_name_part(sql_[end + 1])))) {
      ++end;
    }
    const std::string_view name = sql_.substr(at_ + 1, end - at_ - 1);
    const bool optional = end < sql_.size() && sql_[end] == '?';
    current_.parameters.push_back(parameter_of(name, optional, has_item_));
    current_.sql += fmt::format("${}", current_.parameters.size());
    at_ = end + (optional ? 1 : 0);
  }

  void finish() {
    SqlStatement statement = std::exchange(current_, {});
    statement.sql = trimmed(statement.sql);
    if (statement.sql.empty()) return;
    const std::string word = first_word(statement.sql);
    const bool is_comment = statement.sql.starts_with("--") || statement.sql.starts_with("/*");
    if (word.empty() && is_comment) return;
    if (std::find(refused_words.begin(), refused_words.end(), word) != refused_words.end()) {
      throw Fault{fmt::format("has the statement '{}'", word),
                  "leave it out: the transaction is begun and ended around the handler"};
    }
    if (std::find(known_words.begin(), known_words.end(), word) == known_words.end()) {
      const std::vector<std::string> known(known_words.begin(), known_words.end());
      throw Fault{fmt::format("has a statement that begins with '{}'{}",
                              statement.sql.substr(0, 20), did_you_mean(nearest(word, known))),
                  "correct the statement"};
    }
    statements_.push_back(std::move(statement));
  }

 public:
  static std::string first_word(std::string_view sql) {
    // Comments before it are no words.
    for (;;) {
      sql = trimmed(sql);
      if (sql.starts_with("--")) {
        sql.remove_prefix(std::min(sql.find('\n'), sql.size()));
      } else if (sql.starts_with("/*")) {
        const std::size_t end = sql.find("*/");
        sql.remove_prefix(end == std::string_view::npos ? sql.size() : end + 2);
      } else {
        break;
      }
    }
    std::size_t end = 0;
    while (end < sql.size() && is_name_part(sql[end]))
      ++end;
    return lower(sql.substr(0, end));
  }

 private:
  const std::string_view sql_;
  const bool has_item_;
  std::size_t at_ = 0;
  SqlStatement current_;
  std::vector<SqlStatement> statements_;
};

}  // namespace

std::vector<SqlStatement> parse_sql(std::string_view sql, bool has_item) {
  return Scanner(sql, has_item).scan();
}

std::vector<std::string> parse_payload_path(std::string_view text) {
  std::vector<std::string> path;
  for (;;) {
    const std::size_t dot = text.find('.');
    path.emplace_back(text.substr(0, dot));
    if (path.back().empty()) {
      throw Fault{"has an empty part in the path of a field", "write names parted by dots: a.b"};
    }
    if (dot == std::string_view::npos) return path;
    text.remove_prefix(dot + 1);
  }
}

void count_rows(SqlStatement& statement) {
  const std::string word = Scanner::first_word(statement.sql);
  if (word == "select" || mentions(statement.sql, "returning")) return;
  if (std::find(writing_words.begin(), writing_words.end(), word) == writing_words.end()) {
    throw Fault{fmt::format("counts the rows of a statement that begins with '{}'", word),
                "end it with RETURNING, so that its rows can be counted"};
  }
  statement.sql += "\nRETURNING 1";
}

}  // namespace outbox::config
