// SPDX-License-Identifier: Apache-2.0
//
// Publishing on a connection of libmariadb, in the transaction that is open on it.
//
//     mysql_query(connection, "START TRANSACTION");
//     mysql_query(connection, "UPDATE orders SET ...");
//     outbox::publish(connection, event);
//     mysql_commit(connection);
//
// The connection stays the caller's: nothing is kept of it and no setting is changed. A transaction
// is open from START TRANSACTION on, or always where autocommit is off. Several events go by one
// INSERT; above 8 MiB of it by several under a savepoint, because the server takes no packet above
// its max_allowed_packet (16 MiB unless set).
//
// Failures: Error(usage) before anything is sent: the event (as in <outbox/postgres.hpp>; a type or
// a content type of more than 255 bytes and a key of more than 65,535 besides, which a session
// without strict mode would cut off), no open transaction, results that wait to be read, a text
// that is not ASCII where the connection's character set is not utf8mb4, a connection that
// reconnects by itself, which would leave the transaction behind. Error(not_found) without the
// table; Error(unreachable) where the connection is gone, with in_doubt() where the insert was a
// transaction of its own; Error(conflict) for a deadlock, which rolled the whole transaction back,
// or a lock that was not got in time, which did not; Error(failed) with the server's words.
//
// Tested with libmariadb 3.3 and MariaDB 10.11; MySQL 8 takes the same statements and is untested.
//
// Thread-safety: as the connection's, one thread at a time. Link outbox_publish_mariadb.
#pragma once

#include <span>
#include <vector>

#include <outbox/event.hpp>
#include <outbox/publish.hpp>

extern "C" {
struct st_mysql;  // libmariadb's MYSQL
}

namespace outbox {

/// Returns the event's id.
Uuid publish(st_mysql* connection, const Event& event, const PublishOptions& options = {});

/// All of them, in their order; all or none. Returns their ids in the same order; none for none.
std::vector<Uuid> publish(st_mysql* connection, std::span<const Event> events,
                          const PublishOptions& options = {});

}  // namespace outbox
