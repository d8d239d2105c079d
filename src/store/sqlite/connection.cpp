// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite/connection.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace outbox::store::sqlite {

namespace {

constexpr int checkpoint_every_pages = 1000;
// Waiting keeps every other writer out, so a reader that stays is not waited for longer than this.
constexpr std::chrono::milliseconds checkpoint_wait{2000};

ErrorKind kind_of(int code) noexcept {
  switch (code & 0xFF) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_IOERR:
    case SQLITE_FULL:
    case SQLITE_CANTOPEN:
    case SQLITE_PROTOCOL:
    case SQLITE_NOMEM:
      return ErrorKind::unreachable;
    case SQLITE_NOTADB:
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_READONLY:
      return ErrorKind::configuration;
    default:
      return ErrorKind::failed;
  }
}

std::string hint_of(int code) {
  switch (code & 0xFF) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return "another connection keeps the file locked; end its transaction";
    case SQLITE_FULL:
      return "the disk is full; make room";
    case SQLITE_NOTADB:
      return "database.url must name a SQLite file";
    case SQLITE_READONLY:
    case SQLITE_PERM:
      return "give this user the right to write the file and its folder";
    case SQLITE_CORRUPT:
      return "the file is damaged; restore it from a backup";
    default:
      return {};
  }
}

}  // namespace

SqliteError error_of(sqlite3* handle, int code, std::string_view action) {
  const char* text = handle != nullptr ? sqlite3_errmsg(handle) : sqlite3_errstr(code);
  return {kind_of(code), code, fmt::format("SQLite, {}: {}", action, text), hint_of(code)};
}

Query::~Query() {
  if (statement_ == nullptr) return;
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

namespace {

void expect_bound(sqlite3_stmt* statement, int code) {
  if (code != SQLITE_OK) throw error_of(sqlite3_db_handle(statement), code, "binding a parameter");
}

}  // namespace

void Query::bind(int index, std::int64_t value) {
  expect_bound(statement_, sqlite3_bind_int64(statement_, index, value));
}

void Query::bind_real(int index, double value) {
  expect_bound(statement_, sqlite3_bind_double(statement_, index, value));
}

void Query::bind(int index, std::string_view text) {
  // A null pointer would bind NULL; an empty text is a text.
  const char* data = text.data() == nullptr ? "" : text.data();
  expect_bound(statement_, sqlite3_bind_text64(statement_, index, data, text.size(),
                                               SQLITE_TRANSIENT, SQLITE_UTF8));
}

void Query::bind(int index, std::nullptr_t) {
  expect_bound(statement_, sqlite3_bind_null(statement_, index));
}

void Query::bind_blob(int index, std::string_view bytes) {
  const char* data = bytes.data() == nullptr ? "" : bytes.data();
  expect_bound(statement_,
               sqlite3_bind_blob64(statement_, index, data, bytes.size(), SQLITE_TRANSIENT));
}

void Query::bind_optional(int index, const std::optional<std::string>& text) {
  if (text) {
    bind(index, std::string_view(*text));
  } else {
    bind(index, nullptr);
  }
}

void Query::bind_named(const std::string& name, const std::optional<std::string>& text) {
  const int index = index_of(name);
  if (index > 0) bind_optional(index, text);
}

int Query::index_of(const std::string& name) const noexcept {
  return sqlite3_bind_parameter_index(statement_, name.c_str());
}

int Query::parameters() const noexcept {
  return sqlite3_bind_parameter_count(statement_);
}

bool Query::step() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  throw error_of(sqlite3_db_handle(statement_), code, "running a statement");
}

void Query::run() {
  while (step()) {
  }
  sqlite3_reset(statement_);
}

bool Query::is_null(int column) const noexcept {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

bool Query::is_blob(int column) const noexcept {
  return sqlite3_column_type(statement_, column) == SQLITE_BLOB;
}

std::int64_t Query::integer(int column) const noexcept {
  return sqlite3_column_int64(statement_, column);
}

std::string_view Query::text(int column) const noexcept {
  // Asking for a blob leaves the bytes of a blob as they are; of a number it gives its digits.
  const auto* data = static_cast<const char*>(sqlite3_column_blob(statement_, column));
  if (data == nullptr) return {};
  return {data, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

int Query::columns() const noexcept {
  return sqlite3_column_count(statement_);
}

Connection::Connection(const std::string& path, Access access,
                       std::chrono::milliseconds busy_timeout)
    : busy_timeout_(busy_timeout) {
  // Readers open for writing too: in WAL mode a reader writes its mark into the shared memory.
  int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
  if (access == Access::create) flags |= SQLITE_OPEN_CREATE;
  sqlite3* opened = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &opened, flags, nullptr);
  handle_.reset(opened);
  if (code == SQLITE_CANTOPEN && access != Access::create) {
    throw Error(ErrorKind::not_found, fmt::format("the database file {} cannot be opened", path),
                "check database.url, or make it with `outboxd migrate`");
  }
  if (code != SQLITE_OK) {
    throw error_of(opened, code, fmt::format("opening the database file {}", path));
  }
  sqlite3_extended_result_codes(opened, 1);
  sqlite3_busy_handler(opened, &Connection::wait_while_busy, this);
  configure(access);
}

void Connection::configure(Access access) {
  if (access == Access::read) {
    sqlite3_db_config(handle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    run_script("PRAGMA wal_autocheckpoint = 0; PRAGMA query_only = 1");
    return;
  }
  bool in_wal_mode = false;
  {
    Query query = prepare_once("PRAGMA journal_mode = WAL");
    in_wal_mode = query.step() && query.text(0) == "wal";
  }
  if (!in_wal_mode) {
    throw Error(ErrorKind::configuration, "the database file cannot be put into WAL mode",
                "database.url must name a file on a local file system");
  }
  run_script("PRAGMA wal_autocheckpoint = 0; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON");
  const auto note_pages = [](void* self, sqlite3*, const char*, int pages) {
    static_cast<Connection*>(self)->log_pages_ = pages;
    return SQLITE_OK;
  };
  sqlite3_wal_hook(handle(), note_pages, this);
}

int Connection::wait_while_busy(void* self, int times) {
  auto& connection = *static_cast<Connection*>(self);
  const Moment now = BootClock::now();
  if (times == 0) connection.busy_since_ = now;
  if (now - connection.busy_since_ >= connection.busy_timeout_) return 0;
  // SQLite's own handler soon sleeps 100 ms; a writer's turn here takes a millisecond or two.
  sqlite3_sleep(1);
  return 1;
}

sqlite3_stmt* Connection::cached(const std::string& sql) {
  const auto found = statements_.find(sql);
  if (found != statements_.end()) return found->second.get();
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(handle(), sql.c_str(), static_cast<int>(sql.size()) + 1,
                                      SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK &&
      std::string_view(sqlite3_errmsg(handle())).starts_with("no such table")) {
    throw Error(ErrorKind::not_found, sqlite3_errmsg(handle()), "run `outboxd migrate`");
  }
  if (code != SQLITE_OK) throw error_of(handle(), code, "preparing a statement");
  statements_.emplace(sql, StatementHandle(statement));
  return statement;
}

Query Connection::prepare_once(std::string_view sql) {
  return sqlite::prepare_once(handle(), sql);
}

Query prepare_once(sqlite3* handle, std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const char* rest = nullptr;
  const int code =
      sqlite3_prepare_v2(handle, sql.data(), static_cast<int>(sql.size()), &statement, &rest);
  StatementHandle owned(statement);
  if (code != SQLITE_OK) throw error_of(handle, code, "preparing a statement");
  const std::string_view behind(rest, sql.data() + sql.size());
  if (owned == nullptr || behind.find_first_not_of(" \t\r\n;") != std::string_view::npos) {
    throw Error(ErrorKind::failed, "a call takes exactly one SQL statement");
  }
  return Query(std::move(owned));
}

void Connection::run_script(const std::string& sql) {
  const int code = sqlite3_exec(handle(), sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) throw error_of(handle(), code, "running a script");
}

std::int64_t Connection::changes() const noexcept {
  return sqlite3_changes64(handle());
}

bool Connection::in_transaction() const noexcept {
  return sqlite3_get_autocommit(handle()) == 0;
}

void Connection::checkpoint_if_due() {
  if (log_pages_ < checkpoint_pages_ || in_transaction()) return;
  const auto usual_timeout = busy_timeout_;
  busy_timeout_ = std::min(usual_timeout, checkpoint_wait);
  int pages = 0;
  int copied = 0;
  // FULL and never PASSIVE: it holds the writers' lock, which is what keeps the fault named in
  // home.hpp away. What it could not copy stands safely in the log until the next time.
  sqlite3_wal_checkpoint_v2(handle(), nullptr, SQLITE_CHECKPOINT_FULL, &pages, &copied);
  busy_timeout_ = usual_timeout;
  const bool whole = pages >= 0 && copied == pages;
  checkpoint_pages_ = whole ? checkpoint_every_pages : 2 * std::max(log_pages_, checkpoint_pages_);
  log_pages_ = 0;
}

Transaction::Transaction(Connection& connection) : connection_(connection) {
  connection_.query("BEGIN IMMEDIATE").run();
}

Transaction::~Transaction() {
  // SQLite rolls back by itself after some errors; a second ROLLBACK would only be refused.
  if (open_ && connection_.in_transaction()) {
    sqlite3_exec(connection_.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
  }
}

void Transaction::commit() {
  Query query = connection_.query("COMMIT");
  try {
    query.run();
  } catch (const Error& error) {
    const int code = sqlite3_errcode(connection_.handle());
    if ((code & 0xFF) == SQLITE_IOERR || (code & 0xFF) == SQLITE_FULL) throw error.doubted();
    throw;
  }
  open_ = false;
}

}  // namespace outbox::store::sqlite
