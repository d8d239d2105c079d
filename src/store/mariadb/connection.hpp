// SPDX-License-Identifier: Apache-2.0
//
// One session with MariaDB (or MySQL), opened on first use and again after it broke.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/row.hpp"
#include "store/mariadb/address.hpp"
#include "store/mariadb/error.hpp"

struct st_mysql;
struct st_mysql_res;

namespace outbox::store::mariadb {

/// Rows of one statement, as text, read one after the other. Values are views into the result.
class Result {
 public:
  Result(std::shared_ptr<st_mysql_res> result, std::int64_t touched);

  /// Goes to the next row; false after the last.
  [[nodiscard]] bool next();

  [[nodiscard]] int columns() const noexcept;
  [[nodiscard]] bool is_null(int column) const noexcept { return row_[column] == nullptr; }
  [[nodiscard]] std::string_view bytes(int column) const noexcept {
    return is_null(column) ? std::string_view() : std::string_view(row_[column], lengths_[column]);
  }
  [[nodiscard]] std::string text(int column) const { return std::string(bytes(column)); }
  /// 0 where it is NULL or no number.
  [[nodiscard]] std::int64_t number(int column) const noexcept;
  [[nodiscard]] int integer(int column) const noexcept { return static_cast<int>(number(column)); }

  [[nodiscard]] std::size_t rows() const noexcept;
  /// Rows that the statement changed.
  [[nodiscard]] std::int64_t touched() const noexcept { return touched_; }
  [[nodiscard]] const std::shared_ptr<st_mysql_res>& memory() const noexcept { return result_; }

 private:
  std::shared_ptr<st_mysql_res> result_;
  char** row_ = nullptr;
  unsigned long* lengths_ = nullptr;
  std::int64_t touched_ = 0;
};

struct ConnectionOptions {
  std::string url;
  std::string role;      ///< What this session is for; program_name becomes `outboxd <role>`.
  std::string database;  ///< In place of the URL's, if not empty.
  std::chrono::milliseconds statement_timeout{30000};  ///< Zero: none.
  std::chrono::milliseconds lock_timeout{5000};        ///< Whole seconds, one at least; zero: none.
  /// False for a session that changes no column with a CHECK but the status, to words of ours:
  /// MariaDB would read and check the payload of each row whose status changes.
  bool checks_rows = true;
};

enum class Effect : std::uint8_t { reads, writes };

class Connection {
 public:
  explicit Connection(ConnectionOptions options);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// One statement, its own transaction unless one is open; then it is tried once more where
  /// another transaction was in the way.
  Result run(std::string_view doing, std::string_view sql, Effect effect = Effect::writes);
  /// The same, never a second time.
  Result run_once(std::string_view doing, std::string_view sql, Effect effect);

  void begin();
  /// Throws Error with in_doubt() where the connection broke under way.
  void commit();
  /// Never throws: a session that cannot roll back is closed, which rolls back too.
  void roll_back() noexcept;

  /// Opens the session if none is open.
  void ensure_open();
  [[nodiscard]] bool is_open() const noexcept { return connection_ != nullptr; }
  void close() noexcept;

  /// True for MariaDB, false for MySQL; of the session that is or was open.
  [[nodiscard]] bool is_mariadb() const noexcept { return is_mariadb_; }
  /// libmariadb's own; null while none is open.
  [[nodiscard]] st_mysql* native() const noexcept { return connection_.get(); }

 private:
  void open();
  // Throws what libmariadb's handle has to say, and closes a session that is gone.
  [[noreturn]] void fail(std::string_view doing, Effect effect);
  void check_server();
  void set_up_session();

  ConnectionOptions options_;
  struct Close {
    void operator()(st_mysql* connection) const noexcept;
  };
  std::unique_ptr<st_mysql, Close> connection_;
  bool in_transaction_ = false;
  bool is_mariadb_ = true;
};

/// An open transaction, rolled back unless commit() was reached: explicitly, because MariaDB undoes
/// the statement alone where a lock was not got in time (trap 43), and a later COMMIT would keep
/// the rest.
class Transaction {
 public:
  explicit Transaction(Connection& connection) : connection_(connection) { connection_.begin(); }
  ~Transaction() {
    if (open_) connection_.roll_back();
  }
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  void commit() {
    connection_.commit();
    open_ = false;
  }

 private:
  Connection& connection_;
  bool open_ = true;
};

/// Runs `work` as one transaction; once more where another transaction was in the way.
template <class Work>
auto transact(Connection& connection, Work work) {
  const auto run = [&] {
    Transaction transaction(connection);
    auto value = work();
    transaction.commit();
    return value;
  };
  try {
    return run();
  } catch (const SqlError& error) {
    if (!connection.is_open() || !error.may_run_again() || error.in_doubt()) throw;
  }
  return run();
}

}  // namespace outbox::store::mariadb
