// SPDX-License-Identifier: Apache-2.0
//
// Publishing on a session of SOCI, in the transaction that is open on it.
//
//     soci::session session("postgresql", "dbname=shop");
//     soci::transaction transaction(session);
//     session << "UPDATE orders SET status = 'PAID' WHERE id = :id", soci::use(order_id);
//     outbox::publish(session, event);
//     transaction.commit();
//
// For SOCI's backends postgresql, sqlite3 and mysql: the event goes on the driver's own connection
// that the session holds, so that all of <outbox/postgres.hpp>, <outbox/sqlite.hpp> and
// <outbox/mariadb.hpp> holds here, their failures too. Error(usage) for another backend, and for a
// session that is not connected. What a rowset has not read to its end yet is a statement under way
// on PostgreSQL: read it first.
//
// Tested with SOCI 4.0.3, Debian 12's.
//
// Thread-safety: as the session's, one thread at a time. Link outbox_publish_soci, which brings the
// three drivers' libraries: those that the backends of SOCI use themselves.
#pragma once

#include <span>
#include <vector>

#include <outbox/event.hpp>
#include <outbox/publish.hpp>

namespace soci {
class session;
}

namespace outbox {

/// Returns the event's id.
Uuid publish(soci::session& session, const Event& event, const PublishOptions& options = {});

/// All of them, in their order. Returns their ids in the same order; none for none.
std::vector<Uuid> publish(soci::session& session, std::span<const Event> events,
                          const PublishOptions& options = {});

}  // namespace outbox
