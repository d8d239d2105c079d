// SPDX-License-Identifier: Apache-2.0
//
// Publishing on an SQLite connection, in the transaction that is open on it; where none is, the
// insert is one of its own. The connection stays the caller's.
//
// Failures: as in <outbox/postgres.hpp>; Error(conflict) where the database stayed locked for as
// long as the connection's busy time-out. The transaction stays open after a failure.
//
// Thread-safety: as the connection's, one thread at a time.
#pragma once

#include <span>
#include <vector>

#include <outbox/event.hpp>
#include <outbox/publish.hpp>

extern "C" {
struct sqlite3;
}

namespace outbox {

/// Returns the event's id.
Uuid publish(sqlite3* connection, const Event& event, const PublishOptions& options = {});

/// All of them, in their order; all or none. Returns their ids in the same order.
std::vector<Uuid> publish(sqlite3* connection, std::span<const Event> events,
                          const PublishOptions& options = {});

}  // namespace outbox
