// SPDX-License-Identifier: Apache-2.0
//
// For a driver that has no header here: the checked INSERT as text and values, and what its errors
// mean. <outbox/pqxx.hpp> is made of it, and is an example of how little is needed:
//
//     outbox::PostgresInsert insert = outbox::make_postgres_insert(events, options);
//     if (!insert.sql.empty()) my_transaction.run(insert.sql, insert.values);
//     return insert.event_ids;
//
// The adapter itself has to see to it that a transaction is open, best by the type of its
// parameter, and that its texts reach the server as UTF-8.
//
// Thread-safety: any thread. Link outbox_publish, which links no driver.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <outbox/error.hpp>
#include <outbox/event.hpp>
#include <outbox/publish.hpp>

namespace outbox {

/// The statement of a publish(), for a driver that this library does not know.
struct PostgresInsert {
  std::string sql;  ///< One statement with `$1` …; empty: nothing to run (no event, or disabled).
  std::vector<std::string> values;  ///< In their order, as text without zero bytes; none is NULL.
  std::vector<Uuid> event_ids;      ///< As publish() returns them.

  /// The statement with its values in it, for a driver that is best given a text: escaped so that
  /// it means the same whatever `standard_conforming_strings` says.
  [[nodiscard]] std::string with_literals() const;
};

/// `client_encoding` is the connection's, as `SHOW client_encoding` says it. Throws Error(usage),
/// naming the field and the remedy, for an event that is refused, as publish() does, and for a text
/// that is not ASCII on a connection that is not UTF8.
[[nodiscard]] PostgresInsert make_postgres_insert(std::span<const Event> events,
                                                  const PublishOptions& options = {},
                                                  std::string_view client_encoding = "UTF8");

/// What a refusal of the server's means: Error(not_found) without the table, Error(conflict) for a
/// deadlock or a lock that was not got, Error(unreachable) where the server goes down, else
/// Error(failed). `sqlstate` has five characters, `text` is what the server said.
[[nodiscard]] Error make_postgres_error(std::string_view sqlstate, std::string_view text);

}  // namespace outbox
