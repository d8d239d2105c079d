// SPDX-License-Identifier: Apache-2.0
//
// What ends an operation. An outbox::Error answers "what now?" rather than "what class of thing
// went wrong": may the same call succeed later, was something perhaps done, and what should a
// person change.
//
// Thread-safety: an Error is a value; copies may be used on any thread.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>

namespace outbox {

/// Why an operation ended. Each kind is one exit code of the program (in parentheses).
enum class ErrorKind : std::uint8_t {
  failed,         ///< Something else went wrong (1).
  usage,          ///< The call or the command line makes no sense (2).
  configuration,  ///< A setting is wrong, or the credentials are; a person has to change it (3).
  not_found,      ///< A table, a column or a topic is not there (4).
  conflict,       ///< Another instance or a lock is in the way, or settings disagree (5).
  unreachable,    ///< Database or broker away; the same call may succeed later (6).
};

/// The one exception type of the library.
class Error : public std::runtime_error {
 public:
  /// `message` names the setting, the row or the server; `hint` says what to do about it and may be
  /// empty.
  Error(ErrorKind kind, const std::string& message, std::string hint = {})
      : std::runtime_error(hint.empty() ? message : message + ": " + hint),
        kind_(kind),
        hint_(std::move(hint)) {}

  /// What may be done about it.
  [[nodiscard]] ErrorKind kind() const noexcept { return kind_; }

  /// The remedy alone, as it also stands at the end of what().
  [[nodiscard]] const std::string& hint() const noexcept { return hint_; }

  /// True where the connection broke while a COMMIT was under way: the work may be done or not.
  [[nodiscard]] bool in_doubt() const noexcept { return in_doubt_; }

  /// Marks the error as in doubt and returns it, for `throw Error(...).doubted()`.
  [[nodiscard]] Error doubted() const {
    Error copy = *this;
    copy.in_doubt_ = true;
    return copy;
  }

 private:
  ErrorKind kind_;
  std::string hint_;
  bool in_doubt_ = false;
};

}  // namespace outbox
