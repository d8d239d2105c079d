// SPDX-License-Identifier: Apache-2.0
//
// The way to the server, what it is set to, and what this user may.
#include <arpa/inet.h>
#include <libpq-fe.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <optional>

#include <fmt/format.h>

#include "store/postgres/diagnosis.hpp"

namespace outbox::store::postgres {
namespace {

constexpr std::string_view doing = "looking at the server";

std::string setting(Connection& connection, const std::string& name) {
  return connection
      .run(doing, "SELECT coalesce(pg_catalog.current_setting($1, true), '')",
           Parameters().text(name), Effect::reads)
      .text(0, 0);
}

// Of this end of a TCP connection.
std::optional<int> local_port(const PGconn* connection) {
  sockaddr_storage address{};
  socklen_t size = sizeof(address);
  if (getsockname(PQsocket(connection), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    return std::nullopt;
  }
  if (address.ss_family == AF_INET) {
    return ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
  }
  if (address.ss_family == AF_INET6) {
    return ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port);
  }
  return std::nullopt;
}

void examine_tls(Examination& examination, Connection& connection) {
  const PGconn* const session = connection.native();
  const char* const host = PQhost(session);
  const std::string name = host == nullptr ? "" : host;
  if (PQsslInUse(connection.native()) != 0) {
    const char* const version = PQsslAttribute(connection.native(), "protocol");
    return examination.well(fmt::format("the connection to {} is encrypted ({})", name,
                                        version == nullptr ? "TLS" : version));
  }
  if (is_loopback(name)) return examination.well("the connection does not leave this machine");
  examination.warning(fmt::format("the connection to {} is not encrypted", name),
                      "passwords and events can be read, and changed, on the way",
                      "add sslmode=verify-full and sslrootcert to database.url");
}

std::int32_t server_process(Connection& connection) {
  return connection.run(doing, "SELECT pg_catalog.pg_backend_pid()", Parameters(), Effect::reads)
      .integer(0, 0);
}

// A pooler gives its clients a number of its own. Where it gives a server process away between two
// statements, a second session gets the one that this session has just used.
void examine_pooler(Examination& examination, Patient& patient) {
  const std::int32_t ours = server_process(patient.connection);
  if (ours != PQbackendPID(patient.connection.native())) {
    ConnectionOptions options = patient.shared.connection_options("doctor");
    Connection second(options);
    const bool shares =
        server_process(second) == ours || server_process(patient.connection) != ours;
    if (shares) {
      return examination.warning(
          "a pooler (such as PgBouncer) stands between, in transaction mode",
          "sessions keep no settings in it: time limits and isolation come from the role alone, "
          "its queue delays heartbeats, and its own time-outs end them",
          "let database.url name the server itself: outboxd keeps few connections; or give the "
          "role its settings with ALTER ROLE … SET");
    }
    return examination.notice(
        "a pooler (such as PgBouncer) stands between, in session mode as it seems",
        "its queue and its time-outs come on top of the server's",
        "let database.url name the server itself: outboxd keeps few connections");
  }
  const std::optional<int> port = local_port(patient.connection.native());
  const Result there = patient.connection.run(doing, "SELECT pg_catalog.inet_client_port()",
                                              Parameters(), Effect::reads);
  if (port && !there.is_null(0, 0) && there.integer(0, 0) != *port) {
    return examination.notice(
        "a proxy or an address translation stands between: the server sees another port",
        "it may end idle connections, or fail over, without telling",
        "nothing, if it is known; keep-alives are sent every 5 seconds");
  }
  examination.well("the server is reached directly");
}

void examine_isolation(Examination& examination, Patient& patient) {
  const std::string level = setting(patient.connection, "default_transaction_isolation");
  if (level == "read committed") return examination.well("sessions are read committed");
  examination.problem("default_transaction_isolation is " + level + " for this user",
                      "the relay's transactions read again what others have settled meanwhile; in "
                      "an older snapshot they would send what was sent already, or fail",
                      "ALTER ROLE … SET default_transaction_isolation = 'read committed'");
}

void examine_durability(Examination& examination, Patient& patient) {
  bool well = true;
  const auto expect_on = [&](const std::string& name, const char* why) {
    if (setting(patient.connection, name) != "off") return;
    well = false;
    examination.problem(
        name + " is off", why,
        fmt::format("ALTER SYSTEM SET {} = on, then SELECT pg_reload_conf()", name));
  };
  expect_on("fsync", "a crash of the machine can destroy the whole database");
  expect_on("full_page_writes", "a crash of the machine can leave torn pages");
  expect_on("synchronous_commit",
            "a COMMIT that was answered can be gone after a crash: an event may then stand in the "
            "topic though its business change is lost");
  if (well) {
    examination.well("fsync, full_page_writes and synchronous_commit (" +
                     setting(patient.connection, "synchronous_commit") + ") are safe");
  }
}

void examine_role(Examination& examination, Patient& patient) {
  const Result role = patient.connection.run(
      doing,
      "SELECT rolname::text, rolsuper, rolcreaterole, rolcreatedb, rolbypassrls, rolreplication "
      "FROM pg_catalog.pg_roles WHERE rolname = current_user",
      Parameters(), Effect::reads);
  if (role.rows() == 0) return;
  const std::string name = role.text(0, 0);
  if (role.boolean(0, 1)) {
    return examination.warning(
        name + " is a superuser", "whoever gets its password has the whole server",
        "make a role with the rights of docs/stores.md, and set it in database.url");
  }
  std::string more;
  for (const auto& [column, word] :
       {std::pair{2, "CREATEROLE"}, {3, "CREATEDB"}, {4, "BYPASSRLS"}, {5, "REPLICATION"}}) {
    if (role.boolean(0, column)) more += (more.empty() ? "" : ", ") + std::string(word);
  }
  if (more.empty()) return examination.well(name + " has no rights over the server");
  examination.warning(fmt::format("{} has {}", name, more), "outboxd needs none of it",
                      fmt::format("ALTER ROLE {} with NO… of each", quote_identifier(name)));
}

void examine_schema_rights(Examination& examination, Patient& patient, const Table& table) {
  const Result may =
      patient.connection.run(doing, "SELECT pg_catalog.has_schema_privilege($1, 'CREATE')",
                             Parameters().text(table.schema()), Effect::reads);
  if (may.boolean(0, 0)) {
    examination.notice("this user may CREATE in the schema " + table.schema(),
                       "only `outboxd migrate`, and daily partitions, need that",
                       "migrate as another user, and REVOKE CREATE ON SCHEMA from this one");
  }
  const Result others = patient.connection.run(
      doing,
      "SELECT count(*)::int, coalesce(min(name), '') FROM (SELECT c.oid::regclass::text AS name "
      "FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
      "WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema') "
      "AND n.nspname NOT LIKE 'pg\\_%' AND c.relname NOT LIKE 'outboxd\\_%' "
      "AND c.relname <> 'processed_events' AND c.oid <> to_regclass($1) AND NOT c.relispartition "
      "AND pg_catalog.has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE') "
      "LIMIT 1000) t",
      Parameters().text(table.name()), Effect::reads);
  if (const int count = others.integer(0, 0); count > 0) {
    examination.notice(
        fmt::format("this user may change {} other tables, such as {}", count, others.text(0, 1)),
        "a relay needs the outbox and the tables outboxd_* alone; a consumer needs what its "
        "handlers write",
        "use a role of its own for the relay, and REVOKE the rest");
  }
}

void examine_missing_rights(Examination& examination, Patient& patient, const Table& table) {
  const Result missing = patient.connection.run(
      doing,
      "SELECT string_agg(n, ', ' ORDER BY n) FROM unnest(ARRAY['meta', 'relays', 'members', "
      "'slots', 'keys', 'pauses', 'audit', 'held_topics']) n "
      "WHERE to_regclass($1 || n) IS NOT NULL AND NOT (has_table_privilege($1 || n, 'SELECT') "
      "AND has_table_privilege($1 || n, 'INSERT') AND (has_table_privilege($1 || n, 'UPDATE') "
      "OR n = 'audit'))",
      Parameters().text(quote_identifier(table.schema()) + ".outboxd_"), Effect::reads);
  if (missing.is_null(0, 0)) return examination.well("this user may use the tables outboxd_*");
  examination.warning(
      "this user may not read and write outboxd_* tables: " + missing.text(0, 0),
      "pauses are not heeded, held topics and operators' actions not written down, or a relay does "
      "not start",
      fmt::format("GRANT SELECT, INSERT, UPDATE, DELETE ON them (schema {}) TO this user",
                  table.schema()));
}

}  // namespace

void examine_connection(Examination& examination, Patient& patient) {
  examination.check("tls", [&] { examine_tls(examination, patient.connection); });
  examination.check("pooler", [&] { examine_pooler(examination, patient); });
}

void examine_settings(Examination& examination, Patient& patient) {
  examination.check("server-version", [&] {
    examination.well("PostgreSQL " + setting(patient.connection, "server_version"));
  });
  examination.check("isolation-level", [&] { examine_isolation(examination, patient); });
  examination.check("durability", [&] { examine_durability(examination, patient); });
}

void examine_rights(Examination& examination, Patient& patient, const Table& table) {
  examination.check("grants", [&] {
    examine_role(examination, patient);
    examine_schema_rights(examination, patient, table);
  });
  examination.check("rights-missing", [&] { examine_missing_rights(examination, patient, table); });
}

}  // namespace outbox::store::postgres
