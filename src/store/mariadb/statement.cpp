// SPDX-License-Identifier: Apache-2.0
#include "store/mariadb/statement.hpp"

#include <cmath>
#include <memory>

#include <outbox/error.hpp>

#include <mysql.h>

#include "store/mariadb/error.hpp"
#include "store/mariadb/placeholders.hpp"

namespace outbox::store::mariadb {
namespace {

[[noreturn]] void fail(MYSQL* connection) {
  const SqlError error =
      make_error(mysql_errno(connection), mysql_error(connection), "running a statement");
  // An error, such as a deadlock that rolled everything back, brings no state with it.
  if (!error.is_lost()) mysql_query(connection, "DO 0");
  throw error;
}

// By the client's own rules, since whoever wrote the SQL may have changed the session's.
void append_literal(std::string& sql, MYSQL* connection, const Parameter& parameter) {
  if (!parameter.text()) {
    sql += "NULL";
    return;
  }
  const std::string& text = *parameter.text();
  const bool is_finite = text.find_first_of("in") == std::string::npos;  // inf, nan
  if (parameter.kind() != Parameter::Kind::text && is_finite) {
    sql += text;
    return;
  }
  sql += '\'';
  const std::size_t start = sql.size();
  sql.resize(start + 2 * text.size() + 1);
  sql.resize(start + mysql_real_escape_string(connection, sql.data() + start, text.data(),
                                              static_cast<unsigned long>(text.size())));
  sql += '\'';
}

using ResultHandle = std::unique_ptr<MYSQL_RES, decltype(&mysql_free_result)>;

ResultHandle take_result(MYSQL* connection) {
  ResultHandle result(mysql_store_result(connection), &mysql_free_result);
  if (result == nullptr && mysql_errno(connection) != 0) fail(connection);
  return result;
}

using Texts = std::vector<std::vector<std::optional<std::string>>>;

Texts texts_of(MYSQL_RES* result) {
  Texts rows;
  if (result == nullptr) return rows;
  const unsigned columns = mysql_num_fields(result);
  while (const MYSQL_ROW row = mysql_fetch_row(result)) {
    const unsigned long* const lengths = mysql_fetch_lengths(result);
    std::vector<std::optional<std::string>> values;
    values.reserve(columns);
    for (unsigned i = 0; i < columns; ++i) {
      values.push_back(row[i] == nullptr ? std::nullopt
                                         : std::optional(std::string(row[i], lengths[i])));
    }
    rows.emplace_back(std::move(values));
  }
  return rows;
}

unsigned status_of(MYSQL* connection) noexcept {
  unsigned status = 0;
  mariadb_get_infov(connection, MARIADB_CONNECTION_SERVER_STATUS, &status);
  return status;
}

/// Several statements at once are allowed for as long as this lives, and never else: they are what
/// an injection wants.
class SeveralStatements {
 public:
  explicit SeveralStatements(MYSQL* connection) : connection_(connection) {
    if (mysql_set_server_option(connection_, MYSQL_OPTION_MULTI_STATEMENTS_ON) != 0) {
      fail(connection_);
    }
  }
  ~SeveralStatements() { mysql_set_server_option(connection_, MYSQL_OPTION_MULTI_STATEMENTS_OFF); }
  SeveralStatements(const SeveralStatements&) = delete;
  SeveralStatements& operator=(const SeveralStatements&) = delete;

 private:
  MYSQL* connection_;
};

}  // namespace

Texts run_for_texts(st_mysql* connection, std::string_view sql,
                    std::span<const Parameter> parameters) {
  const bool escapes = (status_of(connection) & SERVER_STATUS_NO_BACKSLASH_ESCAPES) == 0;
  const std::string text = fill_placeholders(
      sql, parameters.size(), escapes, [&](std::string& filled, std::size_t index) {
        append_literal(filled, connection, parameters[index]);
      });
  if (mysql_real_query(connection, text.data(), static_cast<unsigned long>(text.size())) != 0) {
    fail(connection);
  }
  Texts rows = texts_of(take_result(connection).get());
  // A procedure that was called gives its own end besides.
  while (mysql_more_results(connection) != 0) {
    if (mysql_next_result(connection) > 0) fail(connection);
    (void)take_result(connection);
  }
  return rows;
}

Rows run_statement(st_mysql* connection, std::string_view sql,
                   std::span<const Parameter> parameters) {
  Rows rows;
  for (auto& values : run_for_texts(connection, sql, parameters))
    rows.emplace_back(std::move(values));
  return rows;
}

void run_script(st_mysql* connection, const std::string& sql) {
  const SeveralStatements several(connection);
  int code = mysql_real_query(connection, sql.data(), static_cast<unsigned long>(sql.size()));
  while (code == 0) {
    (void)take_result(connection);
    code = mysql_next_result(connection);
  }
  if (code > 0) fail(connection);
}

bool is_in_transaction(st_mysql* connection) {
  if (mysql_errno(connection) != 0 && mysql_query(connection, "DO 0") != 0) return false;
  return (status_of(connection) & SERVER_STATUS_IN_TRANS) != 0;
}

std::uint64_t session_number(st_mysql* connection) noexcept {
  return mysql_thread_id(connection);
}

std::uint64_t last_row_id(st_mysql* connection) noexcept {
  return mysql_insert_id(connection);
}

}  // namespace outbox::store::mariadb
