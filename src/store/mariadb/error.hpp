// SPDX-License-Identifier: Apache-2.0
//
// The one place that says what a number of MariaDB's means for us.
#pragma once

#include <string>
#include <string_view>

#include <outbox/error.hpp>

namespace outbox::store::mariadb {

/// An outbox::Error that remembers the number, so that a caller inside this home can decide on it.
class SqlError : public Error {
 public:
  SqlError(ErrorKind kind, unsigned number, const std::string& what, const std::string& hint)
      : Error(kind, what, hint), number_(number) {}
  SqlError(const Error& error, unsigned number) : Error(error), number_(number) {}

  [[nodiscard]] unsigned number() const noexcept { return number_; }

  /// True where another transaction was in the way: once this one is rolled back, the same may
  /// succeed at once.
  [[nodiscard]] bool may_run_again() const noexcept;

  /// True where the connection is gone.
  [[nodiscard]] bool is_lost() const noexcept;

  /// The statement took longer than it may.
  [[nodiscard]] bool is_too_slow() const noexcept;

 private:
  unsigned number_;
};

[[nodiscard]] ErrorKind kind_of(unsigned number) noexcept;

/// `doing` says in a few words what was tried ("reading the outbox"); `text` is the server's.
[[nodiscard]] SqlError make_error(unsigned number, std::string_view text, std::string_view doing);

}  // namespace outbox::store::mariadb
