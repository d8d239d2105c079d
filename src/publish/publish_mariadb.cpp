// SPDX-License-Identifier: Apache-2.0
#include <errmsg.h>
#include <mysql.h>
#include <mysqld_error.h>

#include <algorithm>
#include <optional>

#include <outbox/error.hpp>
#include <outbox/mariadb.hpp>

#include <fmt/format.h>

#include "publish/check.hpp"
#include "publish/insert.hpp"

namespace outbox {
namespace {

using publishing::CheckedEvent;
using publishing::EventFields;
using publishing::NativeColumn;

// Half of the server's usual max_allowed_packet: escaping is done by then.
constexpr std::size_t statement_bytes_max = std::size_t{8} << 20U;

ErrorKind kind_of(unsigned code) {
  switch (code) {
    case CR_SERVER_GONE_ERROR:
    case CR_SERVER_LOST:
    case CR_SERVER_LOST_EXTENDED:
    case ER_SERVER_SHUTDOWN:
    case ER_CONNECTION_KILLED:
      return ErrorKind::unreachable;
    case ER_NO_SUCH_TABLE:
    case ER_BAD_FIELD_ERROR:
    case ER_BAD_DB_ERROR:
      return ErrorKind::not_found;
    case ER_LOCK_DEADLOCK:
    case ER_LOCK_WAIT_TIMEOUT:
      return ErrorKind::conflict;
    case CR_COMMANDS_OUT_OF_SYNC:
      return ErrorKind::usage;
    default:
      return ErrorKind::failed;
  }
}

std::string hint_of(unsigned code, ErrorKind kind) {
  switch (kind) {
    case ErrorKind::unreachable:
      return "connect again and repeat the transaction";
    case ErrorKind::not_found:
      return "run `outboxd migrate`, or name the table in PublishOptions::table";
    case ErrorKind::conflict:
      return "roll back and run the transaction again";
    case ErrorKind::usage:
      return "read the results of the statement before with mysql_store_result";
    default:
      break;
  }
  if (code == ER_TABLEACCESS_DENIED_ERROR) return "grant INSERT on the table";
  if (code == ER_NET_PACKET_TOO_LARGE) return "raise the server's max_allowed_packet";
  return {};
}

Error error_of(MYSQL* connection) {
  const unsigned code = mysql_errno(connection);
  const ErrorKind kind = kind_of(code);
  return {kind, fmt::format("publish: MariaDB: {} [{}]", mysql_error(connection), code),
          hint_of(code, kind)};
}

unsigned status_of(MYSQL* connection) {
  unsigned status = 0;
  mariadb_get_infov(connection, MARIADB_CONNECTION_SERVER_STATUS, &status);
  return status;
}

// Where autocommit is off the server says so only after the first statement of a transaction.
bool is_in_transaction(MYSQL* connection) {
  const unsigned status = status_of(connection);
  return (status & SERVER_STATUS_IN_TRANS) != 0 || (status & SERVER_STATUS_AUTOCOMMIT) == 0;
}

bool reconnects(MYSQL* connection) {
  my_bool is_set = 0;
  mysql_get_optionv(connection, MYSQL_OPT_RECONNECT, &is_set);
  return is_set != 0;
}

void expect_ready(MYSQL* connection, const PublishOptions& options) {
  if (connection == nullptr) {
    throw Error(ErrorKind::usage, "publish: the connection is a null pointer");
  }
  if (connection->net.pvio == nullptr) {
    throw Error(ErrorKind::unreachable, "publish: the connection is not open, or broke",
                "connect again and repeat the transaction");
  }
  // libmariadb would throw them away.
  if (connection->status != MYSQL_STATUS_READY || mysql_more_results(connection) != 0) {
    throw Error(ErrorKind::usage, "publish: another statement's results wait on the connection",
                "read them with mysql_next_result and mysql_store_result");
  }
  if (!options.require_transaction) return;
  if (reconnects(connection)) {
    throw Error(ErrorKind::usage,
                "publish: the connection reconnects by itself, and would do so within a "
                "transaction, of which only the event was left",
                "set MYSQL_OPT_RECONNECT to 0");
  }
  // An error, such as a deadlock that rolled everything back, brings no new status with it.
  if (mysql_errno(connection) != 0 && mysql_query(connection, "DO 0") != 0)
    throw error_of(connection);
  if (!is_in_transaction(connection)) {
    publishing::refuse_outside_transaction("START TRANSACTION");
  }
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char byte) { return static_cast<unsigned char>(byte) < 0x80; });
}

// Our bytes are UTF-8; in another character set the server would take them for other letters.
void expect_encoding(MYSQL* connection, std::span<const EventFields> events) {
  const std::string_view name = mysql_character_set_name(connection);
  if (name == "utf8mb4") return;
  for (const EventFields& event : events) {
    for (const NativeColumn& column : publishing::native_columns()) {
      if (column.type == "bytea" || is_ascii(column.value(event).value_or(""))) continue;
      throw Error(ErrorKind::usage,
                  fmt::format("publish: {} is UTF-8 and the connection's character set {}",
                              column.name, name),
                  "mysql_set_character_set(connection, \"utf8mb4\")");
    }
  }
}

void expect_to_fit(std::string_view column, std::string_view value, std::size_t bytes_max) {
  if (value.size() <= bytes_max) return;
  throw Error(ErrorKind::usage,
              fmt::format("publish: {} has {} bytes, and MariaDB's column takes {}", column,
                          value.size(), bytes_max),
              "shorten it");
}

void expect_to_fit(std::span<const EventFields> events) {
  for (const EventFields& event : events) {
    expect_to_fit("aggregate_type", event.aggregate_type, 255);
    expect_to_fit("event_type", event.event_type, 255);
    expect_to_fit("content_type", event.content_type.value_or(""), 255);
    expect_to_fit("aggregate_id", event.aggregate_id, 65535);
    expect_to_fit("event_key", event.key.value_or(""), 65535);
  }
}

void append_hex(std::string& sql, std::string_view bytes) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  sql += "x'";
  for (const char byte : bytes) {
    sql += digits[static_cast<unsigned char>(byte) >> 4U];
    sql += digits[static_cast<unsigned char>(byte) & 0x0FU];
  }
  sql += '\'';
}

// By the client's own rules, which know its character set and NO_BACKSLASH_ESCAPES.
void append_text(std::string& sql, MYSQL* connection, std::string_view text) {
  sql += '\'';
  const std::size_t start = sql.size();
  sql.resize(start + 2 * text.size() + 1);
  const unsigned long written =
      mysql_real_escape_string(connection, sql.data() + start, text.data(), text.size());
  sql.resize(start + written);
  sql += '\'';
}

void append_row(std::string& sql, MYSQL* connection, std::span<const NativeColumn> columns,
                const EventFields& event) {
  char separator = '(';
  for (const NativeColumn& column : columns) {
    sql += separator;
    separator = ',';
    const auto value = column.value(event);
    if (!value)
      sql += "NULL";
    else if (column.type == "bytea")
      append_hex(sql, *value);
    else
      append_text(sql, connection, *value);
  }
  sql += ')';
}

// What the row may need in a statement at most.
std::size_t bytes_of(std::span<const NativeColumn> columns, const EventFields& event) {
  std::size_t bytes = 16 * columns.size();
  for (const NativeColumn& column : columns)
    bytes += 2 * column.value(event).value_or("").size();
  return bytes;
}

std::vector<std::string> statements_of(MYSQL* connection, const std::string& table,
                                       std::span<const EventFields> events) {
  const std::vector<NativeColumn> columns = publishing::columns_of(events);
  const std::string head =
      fmt::format("INSERT INTO {} ({}) VALUES ", table, publishing::names_of(columns));
  std::vector<std::string> statements;
  for (const EventFields& event : events) {
    if (statements.empty() ||
        statements.back().size() + bytes_of(columns, event) > statement_bytes_max) {
      statements.push_back(head);
    } else {
      statements.back() += ',';
    }
    append_row(statements.back(), connection, columns, event);
  }
  return statements;
}

void run(MYSQL* connection, std::string_view sql) {
  if (mysql_real_query(connection, sql.data(), sql.size()) != 0) throw error_of(connection);
}

void run_alone(MYSQL* connection, std::string_view sql) {
  try {
    run(connection, sql);
  } catch (const Error& error) {
    // A transaction by itself may be done all the same.
    throw error.kind() == ErrorKind::unreachable ? error.doubted() : error;
  }
}

/// Several statements as one: within the caller's transaction a part of it, else a transaction.
class Whole {
 public:
  explicit Whole(MYSQL* connection)
      : connection_(connection), is_part_(is_in_transaction(connection)) {
    run(connection_, is_part_ ? "SAVEPOINT outbox_publish" : "START TRANSACTION");
    open_ = true;
  }
  ~Whole() {
    // A deadlock has rolled the whole transaction back, and the savepoint with it.
    if (!open_ || connection_->net.pvio == nullptr || !is_in_transaction(connection_)) return;
    mysql_query(connection_, is_part_ ? "ROLLBACK TO SAVEPOINT outbox_publish" : "ROLLBACK");
  }
  Whole(const Whole&) = delete;
  Whole& operator=(const Whole&) = delete;

  void finish() {
    if (is_part_)
      run(connection_, "RELEASE SAVEPOINT outbox_publish");
    else
      run_alone(connection_, "COMMIT");
    open_ = false;
  }

 private:
  MYSQL* connection_;
  bool is_part_;
  bool open_ = false;
};

void insert(MYSQL* connection, const std::string& table, std::span<const EventFields> events) {
  const std::vector<std::string> statements = statements_of(connection, table, events);
  if (statements.size() == 1) {
    if (is_in_transaction(connection))
      run(connection, statements.front());
    else
      run_alone(connection, statements.front());
    return;
  }
  Whole whole(connection);
  for (const std::string& statement : statements)
    run(connection, statement);
  whole.finish();
}

}  // namespace

Uuid publish(st_mysql* connection, const Event& event, const PublishOptions& options) {
  return publish(connection, std::span(&event, 1), options).front();
}

std::vector<Uuid> publish(st_mysql* connection, std::span<const Event> events,
                          const PublishOptions& options) {
  const std::string table = publishing::quoted_table(options, '`');
  const std::vector<CheckedEvent> checked = publishing::check(events, options);
  if (options.enabled && !checked.empty()) {
    expect_ready(connection, options);
    const std::vector<EventFields> fields = publishing::fields_of(checked);
    expect_encoding(connection, fields);
    expect_to_fit(fields);
    insert(connection, table, fields);
  }
  return publishing::ids_of(checked);
}

}  // namespace outbox
