// SPDX-License-Identifier: Apache-2.0
#include "store/postgres/error.hpp"

#include <array>
#include <string>

namespace outbox::store::postgres {
namespace {

struct Rule {
  std::string_view prefix;  // A whole code, or the first characters of a class.
  ErrorKind kind;
  std::string_view hint;
};

// The first that fits counts, so whole codes stand before their class.
constexpr std::array rules = {
    Rule{"28", ErrorKind::configuration, "check the user and password in database.url"},
    Rule{"3D000", ErrorKind::configuration, "check the database name in database.url"},
    Rule{"42501", ErrorKind::configuration, "grant the right to the role of database.url"},
    Rule{"42P01", ErrorKind::not_found,
         "run `outboxd migrate`, or set outbox.table or outbox.preset"},
    Rule{"3F000", ErrorKind::not_found,
         "run `outboxd migrate`, or set outbox.table or outbox.preset"},
    Rule{"42703", ErrorKind::not_found,
         "run `outboxd migrate`, or set outbox.preset or outbox.columns"},
    Rule{"57014", ErrorKind::unreachable, "the database was too slow; it is tried again"},
    Rule{"57P", ErrorKind::unreachable, "the database is being stopped or started"},
    Rule{"08", ErrorKind::unreachable, "the connection to the database broke"},
    Rule{"53300", ErrorKind::unreachable, "raise max_connections or start fewer instances"},
    Rule{"53", ErrorKind::unreachable, "the database server is out of disk space or memory"},
    Rule{"25006", ErrorKind::unreachable, "this server is read-only; a primary is needed"},
    Rule{"25P03", ErrorKind::unreachable, "the session idled in a transaction for too long"},
    Rule{"40", ErrorKind::unreachable, "another transaction was in the way; it is tried again"},
    Rule{"55P03", ErrorKind::unreachable, "another session holds a lock; it is tried again"},
    Rule{"58", ErrorKind::unreachable, "the database server has trouble with its files"},
};

const Rule* rule_of(std::string_view sqlstate) noexcept {
  for (const Rule& rule : rules) {
    if (sqlstate.starts_with(rule.prefix)) return &rule;
  }
  return nullptr;
}

// How the server words what only a person can mend. With another lc_messages the words differ; the
// start then tries again until its time-out and shows the server's own text.
struct Words {
  std::string_view part;
  std::string_view sqlstate;
};
constexpr std::array connect_words = {
    Words{"password authentication failed", "28P01"},
    Words{"no password supplied", "28P01"},
    Words{"authentication failed", "28000"},
    Words{"no pg_hba.conf entry", "28000"},
    Words{"is not permitted to log in", "28000"},
    Words{"permission denied for database", "42501"},
};

std::string first_line(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' '))
    text.remove_suffix(1);
  std::string line(text);
  for (char& character : line) {
    if (character == '\n' || character == '\t') character = ' ';
  }
  return line;
}

}  // namespace

ErrorKind kind_of(std::string_view sqlstate) noexcept {
  if (sqlstate.empty()) return ErrorKind::unreachable;
  const Rule* rule = rule_of(sqlstate);
  return rule == nullptr ? ErrorKind::failed : rule->kind;
}

bool SqlError::may_run_again() const noexcept {
  return sqlstate_ == "40001" || sqlstate_ == "40P01" || sqlstate_ == "55P03" ||
         sqlstate_ == "57014";
}

SqlError make_error(const ServerMessage& message, std::string_view doing) {
  std::string what = "PostgreSQL: " + std::string(doing) + ": " + first_line(message.text);
  if (!message.detail.empty()) what += " (" + first_line(message.detail) + ")";
  if (!message.sqlstate.empty()) what += " [" + message.sqlstate + "]";
  const Rule* rule = message.sqlstate.empty() ? nullptr : rule_of(message.sqlstate);
  return {kind_of(message.sqlstate), message, what, rule == nullptr ? "" : std::string(rule->hint)};
}

Error connect_error(std::string_view libpq_text) {
  std::string_view sqlstate;
  for (const Words& words : connect_words) {
    if (libpq_text.find(words.part) != std::string_view::npos) sqlstate = words.sqlstate;
    if (!sqlstate.empty()) break;
  }
  const bool absent = libpq_text.find("does not exist") != std::string_view::npos;
  if (sqlstate.empty() && absent) {
    if (libpq_text.find("database \"") != std::string_view::npos) sqlstate = "3D000";
    if (libpq_text.find("role \"") != std::string_view::npos) sqlstate = "28000";
  }
  const std::string what = "PostgreSQL: connecting: " + first_line(libpq_text);
  if (sqlstate.empty()) {
    return {ErrorKind::unreachable, what, "check database.url and that the server runs"};
  }
  return {kind_of(sqlstate), what, std::string(rule_of(sqlstate)->hint)};
}

}  // namespace outbox::store::postgres
