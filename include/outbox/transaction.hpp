// SPDX-License-Identifier: Apache-2.0
//
// One open transaction, whatever the database: statements with parameters, rows as text, events.
//
// The SQL is the database's own; placeholders are `$1`, `$2`, … everywhere, each parameter used at
// least once. On MariaDB they are filled in as literals by the client library's own rules.
//
// Thread-safety: it belongs to the thread that it was given on; any other gets Error(usage).
// Lifetime: as the function it was given to; afterwards Error(usage), for as long as the Database
// or the Consumer lives and has not made another transaction of the same object.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <outbox/event.hpp>

extern "C" {
struct pg_conn;
struct sqlite3;
struct st_mysql;  // libmariadb's MYSQL
}

namespace outbox {

enum class Dialect : std::uint8_t { postgres, sqlite, mariadb };

/// A parameter: a text, a number, a truth value or NULL (std::nullopt). PostgreSQL gets all of them
/// as text and converts them to what the statement wants; SQLite and MariaDB get numbers as
/// numbers, because to SQLite a text is greater than any number, and MariaDB's LIMIT takes no text.
/// Money is best held in integers of the smallest coin. Bytes that are no text do not fit.
class Parameter {
 public:
  /// How SQLite gets it.
  enum class Kind : std::uint8_t { text, integer, real };

  /// NULL.
  Parameter(std::nullopt_t) {}  // NOLINT: meant to convert
  /// A text.
  Parameter(std::string text) : text_(std::move(text)) {}  // NOLINT
  /// A text.
  Parameter(std::string_view text) : text_(text) {}  // NOLINT
  /// A text; never null.
  Parameter(const char* text) : text_(text) {}  // NOLINT
  /// A text or NULL.
  Parameter(std::optional<std::string> text) : text_(std::move(text)) {}  // NOLINT
  /// 1 or 0.
  Parameter(bool value) : text_(value ? "1" : "0"), kind_(Kind::integer) {}  // NOLINT
  /// Its 36 characters.
  Parameter(const Uuid& uuid) : text_(to_string(uuid)) {}  // NOLINT
  /// A whole number.
  template <std::integral T>
  Parameter(T value) : text_(std::to_string(value)), kind_(Kind::integer) {}  // NOLINT
  /// The shortest text that reads back.
  Parameter(double value);  // NOLINT: the shortest text that reads back

  /// None: NULL.
  [[nodiscard]] const std::optional<std::string>& text() const noexcept { return text_; }
  /// Which of the three.
  [[nodiscard]] Kind kind() const noexcept { return kind_; }

 private:
  std::optional<std::string> text_;
  Kind kind_ = Kind::text;
};

/// One row of a result, by column number from 0. The reading functions throw Error(failed), naming
/// the column's number and what stands there, where it is NULL or no such value.
class Row {
 public:
  /// Of its values, none for NULL.
  explicit Row(std::vector<std::optional<std::string>> values) : values_(std::move(values)) {}

  /// Columns.
  [[nodiscard]] std::size_t size() const noexcept { return values_.size(); }
  /// Throws std::out_of_range for a column that is none.
  [[nodiscard]] bool is_null(std::size_t column) const { return !values_.at(column).has_value(); }
  /// As the database writes it.
  [[nodiscard]] const std::string& text(std::size_t column) const;
  /// A whole number.
  [[nodiscard]] std::int64_t integer(std::size_t column) const;
  /// Any number.
  [[nodiscard]] double number(std::size_t column) const;
  [[nodiscard]] bool boolean(std::size_t column) const;  ///< t, true, 1 or f, false, 0.

 private:
  std::vector<std::optional<std::string>> values_;
};

using Rows = std::vector<Row>;

/// Given to a function, and gone when that returns.
class Transaction {
 public:
  virtual ~Transaction() = default;

  /// Runs one statement. Returns its rows; with `RETURNING` those that it touched. Throws
  /// Error(failed) with the database's words, Error(conflict) for a deadlock or a lock that was not
  /// got, Error(unreachable) where the connection is gone or the database was too slow. COMMIT and
  /// ROLLBACK are not its to say: Error(usage); nor on MariaDB what commits, a change of the
  /// schema, or may hide a COMMIT (docs/publishing.md; CALL is not looked into). After an error
  /// PostgreSQL takes nothing more but going back to a savepoint; MariaDB takes nothing after a
  /// deadlock.
  template <class... P>
  Rows execute(std::string_view sql, const P&... parameters) {
    const std::vector<Parameter> all{Parameter(parameters)...};
    return run(sql, all);
  }

  /// execute() with its parameters in one place.
  virtual Rows run(std::string_view sql, std::span<const Parameter> parameters) = 0;

  /// Rows of the outbox, in this transaction. As publish() of the drivers' headers.
  virtual Uuid publish(const Event& event) = 0;
  /// All of them by one statement, in their order.
  virtual std::vector<Uuid> publish(std::span<const Event> events) = 0;

  /// Whose SQL it speaks.
  [[nodiscard]] virtual Dialect dialect() const noexcept = 0;

  /// The driver's connection, for what this class does not offer; null where the database is
  /// another, the transaction is over or this is another thread. The transaction on it must not be
  /// ended.
  [[nodiscard]] virtual pg_conn* postgres() noexcept { return nullptr; }
  /// As postgres().
  [[nodiscard]] virtual sqlite3* sqlite() noexcept { return nullptr; }
  /// As postgres(): libmariadb's MYSQL.
  [[nodiscard]] virtual st_mysql* mariadb() noexcept { return nullptr; }
};

}  // namespace outbox
