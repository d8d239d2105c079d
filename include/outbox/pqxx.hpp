// SPDX-License-Identifier: Apache-2.0
//
// Publishing in a transaction of libpqxx.
//
//     pqxx::work transaction(connection);
//     transaction.exec_params("UPDATE orders SET status = 'PAID' WHERE id = $1", order_id);
//     outbox::publish(transaction, event);
//     transaction.commit();
//
// It takes what guarantees a transaction, pqxx::work, pqxx::subtransaction, pqxx::robusttransaction
// and their like; a pqxx::nontransaction does not compile.
//
// Failures: Error(usage) before anything is sent, as in <outbox/postgres.hpp>, and where the
// transaction was committed or aborted, or failed before; Error(not_found) without the table;
// Error(conflict) for a deadlock or a lock that was not got; Error(unreachable) where the
// connection broke, and the transaction with it; Error(failed) with the server's words. After one
// from the server libpqxx aborts the transaction; a pqxx::subtransaction keeps that to itself.
//
// Tested with libpqxx 6.4.5, Debian 12's. Version 7 is untested.
//
// Thread-safety: as the connection's, one thread at a time. Headers only: link outbox_publish and
// your own libpqxx.
#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include <pqxx/pqxx>

#include <outbox/driver.hpp>
#include <outbox/event.hpp>
#include <outbox/publish.hpp>

namespace outbox {

/// All of them by one statement, in their order. Returns their ids in the same order; none for
/// none.
inline std::vector<Uuid> publish(pqxx::dbtransaction& transaction, std::span<const Event> events,
                                 const PublishOptions& options = {}) {
  try {
    PostgresInsert insert =
        make_postgres_insert(events, options, transaction.conn().get_client_encoding());
    // Not exec_params(): that one begins no subtransaction, and runs on alone where the transaction
    // was committed or aborted.
    if (!insert.sql.empty()) transaction.exec(insert.with_literals());
    return std::move(insert.event_ids);
  } catch (const pqxx::sql_error& error) {
    throw make_postgres_error(error.sqlstate(), error.what());
  } catch (const pqxx::transaction_rollback& error) {
    throw Error(ErrorKind::conflict, std::string("publish: libpqxx: ") + error.what(),
                "run the transaction again");
  } catch (const pqxx::broken_connection& error) {
    throw Error(ErrorKind::unreachable, std::string("publish: libpqxx: ") + error.what(),
                "connect again and repeat the transaction");
  } catch (const pqxx::usage_error& error) {
    throw Error(ErrorKind::usage, std::string("publish: libpqxx: ") + error.what(),
                "publish while the transaction is open");
  }
}

/// Returns the event's id.
inline Uuid publish(pqxx::dbtransaction& transaction, const Event& event,
                    const PublishOptions& options = {}) {
  return publish(transaction, std::span(&event, 1), options).front();
}

}  // namespace outbox
