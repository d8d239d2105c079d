// SPDX-License-Identifier: Apache-2.0
//
// Publishing on a libpq connection, in the transaction that is open on it.
//
//     PQexec(connection, "BEGIN");
//     PQexec(connection, "UPDATE orders SET ...");
//     outbox::publish(connection, event);
//     PQexec(connection, "COMMIT");
//
// Where no transaction is open the insert is one of its own. The connection stays the caller's:
// nothing is kept of it and no setting is changed. It must not be in pipeline mode nor have results
// that wait to be read; an unnamed prepared statement on it is replaced. Texts are UTF-8, so the
// connection's client_encoding has to be UTF8 for any that are not plain ASCII.
//
// Failures: Error(usage) before anything is sent, naming the field and the remedy (a name missing,
// payload no JSON or too large, a header of ours); Error(not_found) without the table;
// Error(unreachable) where the connection is gone, with in_doubt() where the insert was a
// transaction of its own; Error(conflict) for a deadlock or a lock that was not got; Error(failed)
// with the server's words. After one from the server PostgreSQL refuses everything in the
// transaction until its ROLLBACK.
//
// Thread-safety: as the connection's, one thread at a time.
#pragma once

#include <span>
#include <vector>

#include <outbox/event.hpp>
#include <outbox/publish.hpp>

extern "C" {
struct pg_conn;  // libpq's PGconn
}

namespace outbox {

/// Returns the event's id.
Uuid publish(pg_conn* connection, const Event& event, const PublishOptions& options = {});

/// All of them by one statement, in their order. Returns their ids in the same order; none for
/// none.
std::vector<Uuid> publish(pg_conn* connection, std::span<const Event> events,
                          const PublishOptions& options = {});

}  // namespace outbox
