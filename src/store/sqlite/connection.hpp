// SPDX-License-Identifier: Apache-2.0
//
// One connection to a SQLite file, its prepared statements and its transactions. Used by one thread
// at a time. Everything that SQLite refuses becomes an outbox::Error here, and only here.
#pragma once

#include <sqlite3.h>

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <outbox/error.hpp>

#include "core/clock.hpp"

namespace outbox::store::sqlite {

struct StatementFinalizer {
  void operator()(sqlite3_stmt* statement) const noexcept { sqlite3_finalize(statement); }
};
using StatementHandle = std::unique_ptr<sqlite3_stmt, StatementFinalizer>;

/// One use of a statement: bind, step, read. Destroying it resets the statement, so that no
/// snapshot stays open behind it (a forgotten reader lets the write-ahead log grow without end).
class Query {
 public:
  explicit Query(sqlite3_stmt* statement) noexcept : statement_(statement) {}
  explicit Query(StatementHandle owned) noexcept
      : owned_(std::move(owned)), statement_(owned_.get()) {}
  Query(Query&& other) noexcept
      : owned_(std::move(other.owned_)), statement_(std::exchange(other.statement_, nullptr)) {}
  Query& operator=(Query&&) = delete;
  ~Query();

  /// Parameters are numbered from 1. Texts and blobs are copied.
  void bind(int index, std::int64_t value);
  void bind_real(int index, double value);
  void bind(int index, std::string_view text);
  void bind(int index, std::nullptr_t);
  void bind_blob(int index, std::string_view bytes);
  void bind_optional(int index, const std::optional<std::string>& text);
  /// A name that the statement does not use is passed over.
  void bind_named(const std::string& name, const std::optional<std::string>& text);
  /// Of a placeholder such as `$1`; 0 where the statement has none of that name.
  [[nodiscard]] int index_of(const std::string& name) const noexcept;
  /// The number of different placeholders.
  [[nodiscard]] int parameters() const noexcept;

  /// True while there is a row.
  [[nodiscard]] bool step();
  /// Steps to the end and makes ready for other values.
  void run();

  [[nodiscard]] bool is_null(int column) const noexcept;
  [[nodiscard]] std::int64_t integer(int column) const noexcept;
  /// Bytes of a text or a blob, valid until the next step; empty where NULL.
  [[nodiscard]] std::string_view text(int column) const noexcept;
  [[nodiscard]] bool is_blob(int column) const noexcept;
  [[nodiscard]] int columns() const noexcept;

 private:
  StatementHandle owned_;
  sqlite3_stmt* statement_;
};

enum class Access : std::uint8_t {
  write,   ///< Reads and writes; runs the checkpoints.
  create,  ///< The same, and makes the file where there is none.
  read,    ///< Never writes and never runs a checkpoint.
};

class Connection {
 public:
  /// Throws Error(not_found) where there is no such file, Error(configuration) where it is no
  /// database or lies on a file system without shared memory. `busy_timeout` is how long a lock is
  /// waited for.
  Connection(const std::string& path, Access access, std::chrono::milliseconds busy_timeout);
  Connection(const Connection&) = delete;  // SQLite keeps its address for the busy handler.
  Connection& operator=(const Connection&) = delete;

  /// A statement of ours, prepared once and kept; its text must be one of a fixed set.
  template <class... Values>
  [[nodiscard]] Query query(const std::string& sql, const Values&... values);

  /// A statement that is prepared for this one use. Error(failed) where it does not end after the
  /// first.
  [[nodiscard]] Query prepare_once(std::string_view sql);

  /// Runs a text of any number of statements without parameters.
  void run_script(const std::string& sql);

  /// Rows changed by the last statement.
  [[nodiscard]] std::int64_t changes() const noexcept;
  [[nodiscard]] bool in_transaction() const noexcept;
  [[nodiscard]] sqlite3* handle() const noexcept { return handle_.get(); }
  [[nodiscard]] std::chrono::milliseconds busy_timeout() const noexcept { return busy_timeout_; }
  void set_busy_timeout(std::chrono::milliseconds timeout) noexcept { busy_timeout_ = timeout; }

  /// Copies the write-ahead log into the database once it has grown by a thousand pages, and lets
  /// the next writer begin it anew. Called by the one writing connection between transactions. A
  /// reader that stays is waited for briefly, then left for the next time.
  void checkpoint_if_due();

 private:
  struct Closer {
    void operator()(sqlite3* handle) const noexcept { sqlite3_close_v2(handle); }
  };

  [[nodiscard]] sqlite3_stmt* cached(const std::string& sql);
  void configure(Access access);
  static int wait_while_busy(void* self, int times);

  std::unique_ptr<sqlite3, Closer> handle_;
  std::chrono::milliseconds busy_timeout_;
  std::map<std::string, StatementHandle, std::less<>> statements_;
  Moment busy_since_;
  int log_pages_ = 0;            ///< In the write-ahead log, after our last commit.
  int checkpoint_pages_ = 1000;  ///< When the next checkpoint is due.
};

/// BEGIN IMMEDIATE: a transaction that begins as a reader and writes later fails at once where
/// another has committed in between, whatever the busy timeout. Rolled back when destroyed without
/// commit().
class Transaction {
 public:
  explicit Transaction(Connection& connection);
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  /// An Error from here is in doubt where the disk failed in mid-commit.
  void commit();

 private:
  Connection& connection_;
  bool open_ = true;
};

/// What SQLite said, for a caller that has to know the code.
class SqliteError : public Error {
 public:
  SqliteError(ErrorKind kind, int code, const std::string& what, std::string hint)
      : Error(kind, what, std::move(hint)), code_(code) {}

  /// Another connection held a lock for longer than the busy time-out.
  [[nodiscard]] bool is_locked() const noexcept {
    return (code_ & 0xFF) == SQLITE_BUSY || (code_ & 0xFF) == SQLITE_LOCKED;
  }

 private:
  int code_;
};

/// What SQLite's code means for us. `action` is what was being done.
[[nodiscard]] SqliteError error_of(sqlite3* handle, int code, std::string_view action);

/// A statement for one use. Error(failed) where the text is not exactly one.
[[nodiscard]] Query prepare_once(sqlite3* handle, std::string_view sql);

template <class... Values>
Query Connection::query(const std::string& sql, const Values&... values) {
  Query query(cached(sql));
  int index = 0;
  [[maybe_unused]] const auto bind_one = [&](const auto& value) {
    if constexpr (std::integral<std::remove_cvref_t<decltype(value)>>) {
      query.bind(++index, static_cast<std::int64_t>(value));
    } else if constexpr (std::convertible_to<decltype(value), std::string_view>) {
      query.bind(++index, std::string_view(value));
    } else {
      query.bind_optional(++index, value);
    }
  };
  (bind_one(values), ...);
  return query;
}

}  // namespace outbox::store::sqlite
