// SPDX-License-Identifier: Apache-2.0
//
// The one place that says what a code of PostgreSQL's means for us.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <outbox/error.hpp>

namespace outbox::store::postgres {

/// What the server said.
struct ServerMessage {
  std::string sqlstate;  ///< Five characters; empty where the connection itself broke.
  std::string text;
  std::string detail;
};

/// An outbox::Error that remembers the code, so that a caller inside this home can decide on it.
class SqlError : public Error {
 public:
  SqlError(ErrorKind kind, const ServerMessage& message, const std::string& what,
           const std::string& hint)
      : Error(kind, what, hint), sqlstate_(message.sqlstate) {}

  [[nodiscard]] const std::string& sqlstate() const noexcept { return sqlstate_; }

  /// True where the transaction left no trace and the same one may succeed at once.
  [[nodiscard]] bool may_run_again() const noexcept;

 private:
  std::string sqlstate_;
};

/// The refusal of one statement of a unit.
class UnitError : public SqlError {
 public:
  UnitError(const SqlError& error, std::size_t position) : SqlError(error), position_(position) {}

  [[nodiscard]] std::size_t position() const noexcept { return position_; }

 private:
  std::size_t position_;
};

[[nodiscard]] ErrorKind kind_of(std::string_view sqlstate) noexcept;

/// `doing` says in a few words what was tried ("reading the outbox").
[[nodiscard]] SqlError make_error(const ServerMessage& message, std::string_view doing);

/// A connection that could not be made. libpq gives no code here, only the server's words.
[[nodiscard]] Error connect_error(std::string_view libpq_text);

}  // namespace outbox::store::postgres
