// SPDX-License-Identifier: Apache-2.0
//
// What publishing needs to know of the outbox table, whatever the database. The functions
// themselves are in one header a driver, each with the same two verbs:
//
//     Uuid              publish(handle, event, options);
//     std::vector<Uuid> publish(handle, events, options);   // by one statement, in their order
//
//     <outbox/postgres.hpp>  PGconn*               <outbox/sqlite.hpp>   sqlite3*
//     <outbox/pqxx.hpp>      pqxx::work and kin    <outbox/mariadb.hpp>  MYSQL*
//     <outbox/soci.hpp>      soci::session         <outbox/database.hpp> a Transaction of ours
//
// Thread-safety: these are values; one that nobody changes may be used by any number of threads.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace outbox {

/// A way that events take, as the relay's routes know it (`relay.routes`).
struct PublishRoute {
  std::string event_type = "*";  ///< `*` in it stands for any text, also none: `ORDER_*`.
  std::string topic = {};        ///< Where the relay sends them.
  /// What the topic takes, as PublishOptions::payload_bytes_max, in bytes; 0: as that one says.
  std::size_t payload_bytes_max = 0;
};

/// How events are checked and where they are written. A value.
struct PublishOptions {
  /// As the connection finds it, e.g. `outbox_events` or `billing.outbox_events`.
  std::string table = "outbox_events";
  /// False: publishing checks the event and writes nothing, on no connection (D4).
  bool enabled = true;
  /// The largest payload, in bytes, with what key, names and headers have above 16 KiB together.
  /// A whole message may have 1,048,588 on Kafka unless set: more would end as a dead letter.
  std::size_t payload_bytes_max = 1'000'000;
  /// Where no transaction is open, publishing is refused with Error(usage): an event on its own may
  /// tell of a change that never came, or be missing for one that did. False: it is a transaction
  /// of its own there, for programs whose event is the whole change.
  bool require_transaction = true;
  /// Where they are given, an event has to take one of them, or it is refused before the commit
  /// rather than by the relay after it: one that names a topic needs a route with that topic, one
  /// that names none a route for its type, of which the first is taken. Empty: all may pass.
  std::vector<PublishRoute> routes = {};
};

}  // namespace outbox
