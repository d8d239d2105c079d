// SPDX-License-Identifier: Apache-2.0
//
// The consumer's side: the claim on events and the work they cause are one transaction (design,
// promise 3; habits: store/leases.hpp).
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <outbox/uuid.hpp>

extern "C" {
struct pg_conn;
struct sqlite3;
struct st_mysql;
}

namespace outbox::store {

/// An open transaction. Destroyed without commit() it is rolled back.
class InboxTransaction {
 public:
  virtual ~InboxTransaction() = default;

  /// Claims the events for this consumer, set-based; true where the event is new to it. An id that
  /// stands twice in `event_ids` is new once.
  virtual std::vector<bool> claim(std::span<const Uuid> event_ids) = 0;

  /// Runs one statement with positional parameters ($1 … in every dialect); no value is NULL.
  /// Returns the rows as text.
  virtual std::vector<std::vector<std::optional<std::string>>> execute(
      std::string_view sql, std::span<const std::optional<std::string>> parameters) = 0;

  /// False where the database has given the transaction up, whatever a handler made of its error:
  /// nothing more can be done in it but going back.
  [[nodiscard]] virtual bool usable() const noexcept { return true; }

  virtual void savepoint() = 0;              ///< Opens one; not nested.
  virtual void rollback_to_savepoint() = 0;  ///< Undoes everything since savepoint().
  virtual void commit() = 0;

  /// The driver's connection, as it is now: null where the database is another, or it broke.
  [[nodiscard]] virtual pg_conn* postgres() noexcept { return nullptr; }
  [[nodiscard]] virtual sqlite3* sqlite() noexcept { return nullptr; }
  [[nodiscard]] virtual st_mysql* mariadb() noexcept { return nullptr; }
};

class Inbox {
 public:
  virtual ~Inbox() = default;

  /// Begins a transaction for the consumer whose name came with the options; one open at a time.
  virtual std::unique_ptr<InboxTransaction> begin() = 0;
};

}  // namespace outbox::store
