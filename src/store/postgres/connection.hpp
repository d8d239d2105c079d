// SPDX-License-Identifier: Apache-2.0
//
// One session with PostgreSQL, opened on first use and again after it broke.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "store/postgres/error.hpp"
#include "store/postgres/parameters.hpp"

struct pg_conn;
struct pg_result;

namespace outbox::store::postgres {

/// Rows of one statement, in binary. Values are views into the result.
class Result {
 public:
  explicit Result(std::shared_ptr<pg_result> result);

  [[nodiscard]] int rows() const noexcept { return rows_; }
  [[nodiscard]] int columns() const noexcept;
  [[nodiscard]] bool is_null(int row, int column) const noexcept;
  [[nodiscard]] std::string_view bytes(int row, int column) const noexcept;
  [[nodiscard]] std::string text(int row, int column) const;
  [[nodiscard]] std::int32_t integer(int row, int column) const;
  [[nodiscard]] std::int64_t number(int row, int column) const;
  [[nodiscard]] bool boolean(int row, int column) const;
  [[nodiscard]] Uuid uuid(int row, int column) const;
  /// An integer[] without NULLs; a NULL array is empty.
  [[nodiscard]] std::vector<int> integers(int row, int column) const;
  /// All values of a result that came as text.
  [[nodiscard]] std::vector<std::vector<std::optional<std::string>>> texts() const;
  /// Rows that the statement touched, by its command tag.
  [[nodiscard]] std::int64_t touched() const;
  [[nodiscard]] const std::shared_ptr<pg_result>& memory() const noexcept { return result_; }

 private:
  std::shared_ptr<pg_result> result_;
  int rows_ = 0;
};

struct ConnectionOptions {
  std::string url;
  std::string role;  ///< What this session is for; application_name becomes `outboxd <role>`.
  std::chrono::milliseconds statement_timeout{30000};  ///< Zero: none.
  std::chrono::milliseconds lock_timeout{5000};        ///< Zero: none.
};

/// A statement of a unit.
struct Statement {
  std::string_view sql;
  Parameters parameters;
};

enum class Effect : std::uint8_t { reads, writes };

class Connection {
 public:
  explicit Connection(ConnectionOptions options);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// One statement, its own transaction unless one is open. Tried once more where the server rolled
  /// it back for a reason that passes. Unnamed, so that it goes through a pooler and is planned
  /// with its values: long arrays are then hashed.
  Result run(std::string_view doing, std::string_view sql, const Parameters& parameters,
             Effect effect = Effect::writes);

  /// Several statements as one transaction in one round trip (pipeline mode).
  std::vector<Result> run_unit(std::string_view doing, std::span<const Statement> statements);

  /// Text with any number of statements, without parameters.
  void run_script(std::string_view doing, const std::string& sql);

  /// One statement with values and results as text, for SQL that is not ours.
  Result run_text(std::string_view doing, std::string_view sql,
                  std::span<const std::optional<std::string>> parameters);

  void begin();
  /// Throws Error with in_doubt() where the connection broke under way.
  void commit();
  /// Never throws: a session that cannot roll back is closed, which rolls back too.
  void roll_back() noexcept;

  [[nodiscard]] bool is_open() const noexcept { return connection_ != nullptr; }
  void close() noexcept;
  /// libpq's own; null while none is open. What is sent on it must leave the transaction open.
  [[nodiscard]] pg_conn* native() const noexcept { return connection_.get(); }

 private:
  void open();
  void open_with(const std::string& session_options);
  [[nodiscard]] std::string session_options(const std::string& of_url) const;
  void check_primary();
  std::shared_ptr<pg_result> take_result(std::string_view doing, bool writes);
  Result run_once(std::string_view doing, std::string_view sql, const Parameters& parameters,
                  Effect effect);
  std::vector<Result> run_unit_once(std::string_view doing, std::span<const Statement> statements);
  [[noreturn]] void lost(std::string_view doing, bool in_doubt);
  void check(const std::shared_ptr<pg_result>& result, std::string_view doing, bool writes);

  ConnectionOptions options_;
  struct Close {
    void operator()(pg_conn* connection) const noexcept;
  };
  std::unique_ptr<pg_conn, Close> connection_;
  bool in_transaction_ = false;
  bool pooler_refuses_options_ = false;
};

/// An open transaction, rolled back unless commit() was reached.
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

}  // namespace outbox::store::postgres
