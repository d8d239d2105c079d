// SPDX-License-Identifier: Apache-2.0
//
// What became of a change and its event (Database::publish_in_transaction).
//
// Thread-safety: values.
#pragma once

#include <cstdint>
#include <exception>
#include <string>
#include <string_view>

#include <outbox/uuid.hpp>

namespace outbox {

enum class Outcome : std::uint8_t {
  committed,    ///< The change and its event are both there.
  rolled_back,  ///< Neither is.
  unknown,      ///< Both or neither: the connection broke during COMMIT. Database::find_out().
};

/// `committed`, `rolled_back`, `unknown`: for logs.
[[nodiscard]] std::string_view to_string(Outcome outcome) noexcept;

/// What became of an event and its operation. A value.
struct [[nodiscard]] PublishResult {
  Outcome outcome = Outcome::rolled_back;  ///< What is known of the transaction.
  Uuid event_id;                           ///< The event's own, or the one that was made for it.
  std::string reason;            ///< Why it is not committed, in words; empty where it is.
  std::exception_ptr exception;  ///< For std::rethrow_exception; null where it is committed.
  /// By which the database knows the transaction; empty where none was begun. A text of a few
  /// bytes that may be kept with the request, to find out after a restart of the program too.
  std::string transaction_mark;
};

}  // namespace outbox
