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
  enum class Kind : std::uint8_t { text, integer, real };

  Parameter(std::nullopt_t) {}                             // NOLINT: meant to convert
  Parameter(std::string text) : text_(std::move(text)) {}  // NOLINT
  Parameter(std::string_view text) : text_(text) {}        // NOLINT
  Parameter(const char* text) : text_(text) {}             // NOLINT
  Parameter(std::optional<std::string> text) : text_(std::move(text)) {}     // NOLINT
  Parameter(bool value) : text_(value ? "1" : "0"), kind_(Kind::integer) {}  // NOLINT
  Parameter(const Uuid& uuid) : text_(to_string(uuid)) {}                    // NOLINT
  template <std::integral T>
  Parameter(T value) : text_(std::to_string(value)), kind_(Kind::integer) {}  // NOLINT
  Parameter(double value);  // NOLINT: the shortest text that reads back

  /// None: NULL.
  [[nodiscard]] const std::optional<std::string>& text() const noexcept { return text_; }
  [[nodiscard]] Kind kind() const noexcept { return kind_; }

 private:
  std::optional<std::string> text_;
  Kind kind_ = Kind::text;
};

/// One row of a result, by column number from 0. The reading functions throw Error(failed), naming
/// the column's number and what stands there, where it is NULL or no such value.
class Row {
 public:
  explicit Row(std::vector<std::optional<std::string>> values) : values_(std::move(values)) {}

  [[nodiscard]] std::size_t size() const noexcept { return values_.size(); }
  [[nodiscard]] bool is_null(std::size_t column) const { return !values_.at(column).has_value(); }
  [[nodiscard]] const std::string& text(std::size_t column) const;
  [[nodiscard]] std::int64_t integer(std::size_t column) const;
  [[nodiscard]] double number(std::size_t column) const;
  [[nodiscard]] bool boolean(std::size_t column) const;  ///< t, true, 1 or f, false, 0.

 private:
  std::vector<std::optional<std::string>> values_;
};

using Rows = std::vector<Row>;

class Transaction {
 public:
  virtual ~Transaction() = default;

  /// Runs one statement. Returns its rows; with `RETURNING` those that it touched. Throws
  /// Error(failed) with the database's words, Error(conflict) for a deadlock or a lock that was not
  /// got, Error(unreachable) where the connection is gone or the database was too slow. COMMIT and
  /// ROLLBACK are not its to say: Error(usage); nor on MariaDB a change of the schema, which
  /// commits. On PostgreSQL nothing more can be done in the transaction after an error, unless it
  /// goes back to a savepoint; on MariaDB nothing after a deadlock.
  template <class... P>
  Rows execute(std::string_view sql, const P&... parameters) {
    const std::vector<Parameter> all{Parameter(parameters)...};
    return run(sql, all);
  }

  virtual Rows run(std::string_view sql, std::span<const Parameter> parameters) = 0;

  /// Rows of the outbox, in this transaction. As publish() of the drivers' headers.
  virtual Uuid publish(const Event& event) = 0;
  virtual std::vector<Uuid> publish(std::span<const Event> events) = 0;

  [[nodiscard]] virtual Dialect dialect() const noexcept = 0;

  /// The driver's connection, for what this class does not offer; null where the database is
  /// another, the transaction is over or this is another thread. The transaction on it must not be
  /// ended.
  [[nodiscard]] virtual pg_conn* postgres() noexcept { return nullptr; }
  [[nodiscard]] virtual sqlite3* sqlite() noexcept { return nullptr; }
  [[nodiscard]] virtual st_mysql* mariadb() noexcept { return nullptr; }
};

}  // namespace outbox
