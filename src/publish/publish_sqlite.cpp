// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <optional>

#include <outbox/error.hpp>
#include <outbox/sqlite.hpp>

#include <fmt/format.h>
#include <sqlite3.h>

#include "publish/check.hpp"
#include "publish/insert.hpp"

namespace outbox {
namespace {

using publishing::CheckedEvent;
using publishing::EventFields;
using publishing::NativeColumn;

ErrorKind kind_of(int code, std::string_view text) {
  switch (code & 0xFF) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return ErrorKind::conflict;
    case SQLITE_IOERR:
    case SQLITE_FULL:
    case SQLITE_CANTOPEN:
    case SQLITE_NOMEM:
      return ErrorKind::unreachable;
    default:
      // SQLite has no code for either.
      return text.starts_with("no such table") || text.find("has no column") != text.npos
                 ? ErrorKind::not_found
                 : ErrorKind::failed;
  }
}

std::string hint_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::conflict:
      return "roll back and run the transaction again; begin it with BEGIN IMMEDIATE";
    case ErrorKind::not_found:
      return "run `outboxd migrate`, or name the table in PublishOptions::table";
    default:
      return {};
  }
}

void expect(sqlite3* connection, int code) {
  if (code == SQLITE_OK || code == SQLITE_DONE || code == SQLITE_ROW) return;
  const std::string text = sqlite3_errmsg(connection);
  const ErrorKind kind = kind_of(code, text);
  throw Error(kind, fmt::format("publish: SQLite: {}", text), hint_of(kind));
}

/// An INSERT of a number of rows. Many at once save SQLite the beginning and the end of a
/// statement for each row; too many cost more to prepare than that saves.
class Statement {
 public:
  Statement(sqlite3* connection, const std::string& table, std::span<const NativeColumn> columns,
            std::size_t rows)
      : connection_(connection), columns_(columns) {
    std::string places;
    for (std::size_t i = 0; i < columns.size(); ++i)
      places += i == 0 ? "(?" : ",?";
    places += ')';
    std::string sql =
        fmt::format("INSERT INTO {} ({}) VALUES {}", table, publishing::names_of(columns), places);
    for (std::size_t row = 1; row < rows; ++row)
      sql += ',' + places;
    sqlite3_stmt* prepared = nullptr;
    const int code = sqlite3_prepare_v2(connection_, sql.c_str(), static_cast<int>(sql.size()),
                                        &prepared, nullptr);
    handle_.reset(prepared);
    expect(connection_, code);
  }

  /// As many as it has rows.
  void run(std::span<const EventFields> events) {
    int index = 0;
    for (const EventFields& event : events) {
      for (const NativeColumn& column : columns_)
        expect(connection_, bind(++index, column.value(event), column.type == "bytea"));
    }
    int code = SQLITE_ROW;
    while (code == SQLITE_ROW)
      code = sqlite3_step(handle_.get());
    expect(connection_, code);
    expect(connection_, sqlite3_reset(handle_.get()));
  }

 private:
  // The texts outlive the step, so that SQLite needs no copy of them.
  int bind(int index, std::optional<std::string_view> value, bool bytes) {
    if (!value) return sqlite3_bind_null(handle_.get(), index);
    const char* const data = value->data() == nullptr ? "" : value->data();
    if (bytes) return sqlite3_bind_blob64(handle_.get(), index, data, value->size(), SQLITE_STATIC);
    return sqlite3_bind_text64(handle_.get(), index, data, value->size(), SQLITE_STATIC,
                               SQLITE_UTF8);
  }

  struct Finalizer {
    void operator()(sqlite3_stmt* statement) const noexcept { sqlite3_finalize(statement); }
  };

  sqlite3* connection_;
  std::span<const NativeColumn> columns_;
  std::unique_ptr<sqlite3_stmt, Finalizer> handle_;
};

void insert(sqlite3* connection, const std::string& table, std::span<const EventFields> events) {
  constexpr std::size_t rows_at_once = 50;
  const std::vector<NativeColumn> columns = publishing::columns_of(events);
  if (events.size() >= rows_at_once) {
    Statement statement(connection, table, columns, rows_at_once);
    for (; events.size() >= rows_at_once; events = events.subspan(rows_at_once))
      statement.run(events.first(rows_at_once));
  }
  if (!events.empty()) Statement(connection, table, columns, events.size()).run(events);
}

/// Within the caller's transaction a part of it; where none is open, a transaction by itself.
class Savepoint {
 public:
  explicit Savepoint(sqlite3* connection) : connection_(connection) {
    run("SAVEPOINT outbox_publish");
    open_ = true;
  }
  ~Savepoint() {
    // Some errors make SQLite roll the whole transaction back, and the savepoint with it.
    if (!open_ || sqlite3_get_autocommit(connection_) != 0) return;
    sqlite3_exec(connection_, "ROLLBACK TO outbox_publish; RELEASE outbox_publish", nullptr,
                 nullptr, nullptr);
  }
  Savepoint(const Savepoint&) = delete;
  Savepoint& operator=(const Savepoint&) = delete;

  void release() {
    run("RELEASE outbox_publish");
    open_ = false;
  }

 private:
  void run(const char* sql) {
    expect(connection_, sqlite3_exec(connection_, sql, nullptr, nullptr, nullptr));
  }

  sqlite3* connection_;
  bool open_ = false;
};

void expect_ready(sqlite3* connection, const PublishOptions& options) {
  if (connection == nullptr) {
    throw Error(ErrorKind::usage, "publish: the connection is a null pointer");
  }
  if (sqlite3_get_autocommit(connection) != 0 && options.require_transaction) {
    publishing::refuse_outside_transaction("BEGIN IMMEDIATE");
  }
}

}  // namespace

Uuid publish(sqlite3* connection, const Event& event, const PublishOptions& options) {
  return publish(connection, std::span(&event, 1), options).front();
}

std::vector<Uuid> publish(sqlite3* connection, std::span<const Event> events,
                          const PublishOptions& options) {
  const std::string table = publishing::quoted_table(options);
  const std::vector<CheckedEvent> checked = publishing::check(events, options);
  if (options.enabled && !checked.empty()) {
    expect_ready(connection, options);
    // One statement is all or nothing by itself.
    std::optional<Savepoint> savepoint;
    if (checked.size() > 1) savepoint.emplace(connection);
    insert(connection, table, publishing::fields_of(checked));
    if (savepoint) savepoint->release();
  }
  return publishing::ids_of(checked);
}

}  // namespace outbox
