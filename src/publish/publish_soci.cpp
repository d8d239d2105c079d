// SPDX-License-Identifier: Apache-2.0
#include <soci/mysql/soci-mysql.h>
#include <soci/postgresql/soci-postgresql.h>
#include <soci/soci.h>
// Declares SQLite's names in a namespace of SOCI's own, so that sqlite3.h must not come before it.
#include <soci/sqlite3/soci-sqlite3.h>

#include <outbox/error.hpp>
#include <outbox/mariadb.hpp>
#include <outbox/postgres.hpp>
#include <outbox/soci.hpp>
#include <outbox/sqlite.hpp>

namespace outbox {
namespace {

// The name is the backend's own word for what it is; a dynamic_cast would link all three of them.
template <class Backend>
Backend& backend_of(soci::session& session) {
  return *static_cast<Backend*>(session.get_backend());
}

std::string name_of(soci::session& session) {
  if (session.get_backend() != nullptr) return session.get_backend_name();
  throw Error(ErrorKind::usage, "publish: the SOCI session is not connected", "open() it first");
}

// Calls `publish_on` with the driver's connection.
template <class Call>
std::vector<Uuid> on_connection(soci::session& session, const Call& publish_on) {
  const std::string name = name_of(session);
  if (name == "postgresql") {
    return publish_on(backend_of<soci::postgresql_session_backend>(session).conn_);
  }
  if (name == "sqlite3") {
    auto* const handle = backend_of<soci::sqlite3_session_backend>(session).conn_;
    return publish_on(reinterpret_cast<::sqlite3*>(handle));
  }
  if (name == "mysql") return publish_on(backend_of<soci::mysql_session_backend>(session).conn_);
  throw Error(ErrorKind::usage, "publish: SOCI's backend " + name + " is none that is known here",
              "use postgresql, sqlite3 or mysql");
}

}  // namespace

Uuid publish(soci::session& session, const Event& event, const PublishOptions& options) {
  return publish(session, std::span(&event, 1), options).front();
}

std::vector<Uuid> publish(soci::session& session, std::span<const Event> events,
                          const PublishOptions& options) {
  return on_connection(session,
                       [&](auto* connection) { return publish(connection, events, options); });
}

}  // namespace outbox
