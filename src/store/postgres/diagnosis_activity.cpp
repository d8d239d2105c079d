// SPDX-License-Identifier: Apache-2.0
//
// Open transactions, and what keeps vacuum from removing dead rows: every settled event leaves a
// dead version of its row behind.
#include <fmt/format.h>

#include "store/postgres/diagnosis.hpp"

namespace outbox::store::postgres {
namespace {

constexpr std::string_view doing = "looking at other sessions";

// The one that holds back most, of each kind. Ages are of transaction ids; times in milliseconds.
constexpr std::string_view horizon_sql =
    "SELECT kind, name, age, time_ms FROM ("
    "(SELECT 'session' AS kind, format('pid %s of %s (%s, %s)', a.pid, coalesce(a.usename, '?'), "
    "coalesce(nullif(a.application_name, ''), 'no application name'), a.state) AS name, "
    "greatest(age(a.backend_xmin), age(a.backend_xid))::bigint AS age, "
    "(extract(epoch FROM clock_timestamp() - a.xact_start) * 1000)::bigint AS time_ms "
    "FROM pg_catalog.pg_stat_activity a WHERE a.pid <> pg_backend_pid() AND "
    "a.backend_type <> 'walsender' AND a.xact_start IS NOT NULL AND "
    "(a.backend_xmin IS NOT NULL OR a.backend_xid IS NOT NULL) "
    "AND (a.datname = current_database() OR a.datname IS NULL) "
    "AND a.query NOT LIKE 'autovacuum:%' ORDER BY 3 DESC, 4 DESC LIMIT 1) "
    "UNION ALL (SELECT 'prepared transaction', format('%s of %s', p.gid, p.owner), "
    "age(p.transaction)::bigint, "
    "(extract(epoch FROM clock_timestamp() - p.prepared) * 1000)::bigint "
    "FROM pg_catalog.pg_prepared_xacts p WHERE p.database = current_database() "
    "ORDER BY 3 DESC LIMIT 1) "
    "UNION ALL (SELECT 'replication slot', s.slot_name::text, "
    "greatest(age(s.xmin), age(s.catalog_xmin))::bigint, NULL "
    "FROM pg_catalog.pg_replication_slots s WHERE s.xmin IS NOT NULL ORDER BY 3 DESC LIMIT 1) "
    "UNION ALL (SELECT 'standby', format('%s at %s (hot_standby_feedback)', r.application_name, "
    "coalesce(host(r.client_addr), 'local')), age(r.backend_xmin)::bigint, NULL "
    "FROM pg_catalog.pg_stat_replication r WHERE r.backend_xmin IS NOT NULL "
    "ORDER BY 3 DESC LIMIT 1)) holders ORDER BY age DESC NULLS LAST";

// Slots and standbys tell no time; so many transactions behind is long on any system.
constexpr std::int64_t old_age = 1'000'000;

/// As a text of SQL: whoever prepared a transaction may have named it anyhow.
std::string quoted(const std::string& name) {
  std::string text = "'";
  for (const char letter : name)
    text += letter == '\'' ? std::string("''") : std::string(1, letter);
  return text + "'";
}

std::string remedy_for(const std::string& kind, const std::string& name) {
  if (kind == "session") {
    const std::string pid = name.substr(4, name.find(' ', 4) - 4);
    return fmt::format(
        "end it with SELECT pg_terminate_backend({}), and set "
        "idle_in_transaction_session_timeout for that role",
        pid);
  }
  if (kind == "prepared transaction") {
    return fmt::format("COMMIT PREPARED or ROLLBACK PREPARED {}",
                       quoted(name.substr(0, name.rfind(" of "))));
  }
  if (kind == "replication slot") {
    return fmt::format(
        "end the long query where hot_standby_feedback reports it from, let its reader catch up, "
        "or "
        "SELECT pg_drop_replication_slot('{}') where nobody needs it any more",
        name);
  }
  return "end the long query on the standby, or set hot_standby_feedback = off there";
}

void examine_horizon(Examination& examination, Patient& patient) {
  const Result found = patient.connection.run(doing, horizon_sql, Parameters(), Effect::reads);
  bool told = false;
  for (int row = 0; row < found.rows(); ++row) {
    const std::string kind = found.text(row, 0);
    const std::string name = found.text(row, 1);
    const std::int64_t age = found.is_null(row, 2) ? 0 : found.number(row, 2);
    const bool has_time = !found.is_null(row, 3);
    const std::chrono::milliseconds time(has_time ? found.number(row, 3) : 0);
    const bool old = has_time ? time >= patient.limits.old_horizon : age >= old_age;
    if (!old) continue;
    told = true;
    examination.warning(
        fmt::format("the vacuum horizon is held by a {}: {}, {} transactions back{}", kind, name,
                    age, has_time ? ", for " + duration_words(time) : ""),
        "vacuum removes no row version that it may still see, so the table and the index over "
        "unsettled rows grow, and reads with them",
        remedy_for(kind, name));
  }
  if (!told) examination.well("nothing has held back vacuum for long");
}

void examine_transactions(Examination& examination, Patient& patient) {
  const Result found = patient.connection.run(
      doing,
      "SELECT a.pid, coalesce(a.usename::text, '?'), a.application_name, coalesce(a.state, '?'), "
      "(extract(epoch FROM clock_timestamp() - a.xact_start) * 1000)::bigint, count(*) OVER () "
      "FROM pg_catalog.pg_stat_activity a WHERE a.datname = current_database() "
      "AND a.pid <> pg_backend_pid() AND a.backend_type = 'client backend' "
      "AND a.xact_start < clock_timestamp() - $1 * interval '1 millisecond' "
      "ORDER BY a.xact_start LIMIT 1",
      Parameters().number(patient.limits.long_transaction.count()), Effect::reads);
  if (found.rows() == 0) {
    return examination.well("no transaction has been open for more than " +
                            duration_words(patient.limits.long_transaction));
  }
  const std::int64_t others = found.number(0, 5) - 1;
  examination.warning(
      fmt::format("pid {} of {} ({}) has a transaction open for {}, {}{}", found.integer(0, 0),
                  found.text(0, 1), found.text(0, 2),
                  duration_words(std::chrono::milliseconds(found.number(0, 4))), found.text(0, 3),
                  others > 0 ? fmt::format("; and {} more", others) : ""),
      "its events become visible only at its COMMIT, behind those that were written later, and the "
      "relay must look for them that far back",
      fmt::format("find out what it does; SELECT pg_terminate_backend({}) ends it, "
                  "idle_in_transaction_session_timeout does so by itself",
                  found.integer(0, 0)));
}

void examine_visibility(Examination& examination, Patient& patient) {
  const Result found = patient.connection.run(
      doing,
      "SELECT pg_catalog.pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') OR "
      "coalesce((SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user), false)",
      Parameters(), Effect::reads);
  if (found.boolean(0, 0)) return;
  examination.notice("this user does not see what sessions of other users do",
                     "who holds the vacuum horizon, and long transactions, may be hidden",
                     "GRANT pg_read_all_stats TO the user that runs `outboxd doctor`");
}

void examine_slots(Examination& examination, Patient& patient) {
  const std::vector<ReplicationSlot> slots = read_slots(patient.connection);
  if (slots.empty()) return examination.well("the server has no replication slots");
  const std::string limit =
      patient.connection.run(doing, "SHOW max_slot_wal_keep_size", Parameters(), Effect::reads)
          .text(0, 0);
  bool told = false;
  for (const ReplicationSlot& slot : slots) {
    const bool is_lost = slot.state == "lost" || slot.state == "unreserved";
    const bool is_large = slot.retained_bytes >= patient.limits.slot_bytes;
    if (!is_lost && !is_large) continue;
    told = true;
    const std::string found =
        fmt::format("slot {} ({}) keeps {} of the log, wal_status {}", slot.name,
                    slot.active ? "active" : "inactive", bytes_words(slot.retained_bytes),
                    slot.state.empty() ? "unknown" : slot.state);
    const std::string remedy =
        fmt::format("start its reader, or SELECT pg_drop_replication_slot('{}')", slot.name);
    if (is_lost) {
      examination.problem(found, "its reader has lost, or soon loses, changes for good", remedy);
    } else {
      examination.warning(found, "the log fills the server's disk, and then nothing can be written",
                          remedy);
    }
  }
  if (limit == "-1") {
    examination.warning(
        fmt::format("the server has {} replication slot{} and max_slot_wal_keep_size is -1",
                    slots.size(), slots.size() == 1 ? "" : "s"),
        "a slot that nobody reads keeps the log without end, until the disk is full",
        "ALTER SYSTEM SET max_slot_wal_keep_size = '50GB', then SELECT pg_reload_conf()");
  } else if (!told) {
    examination.well(fmt::format("{} replication slots keep little; max_slot_wal_keep_size is {}",
                                 slots.size(), limit));
  }
}

}  // namespace

std::vector<ReplicationSlot> read_slots(Connection& connection) {
  const Result found = connection.run(
      doing,
      "SELECT s.slot_name::text, s.active, coalesce(pg_catalog.pg_wal_lsn_diff("
      "CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_receive_lsn() "
      "ELSE pg_catalog.pg_current_wal_lsn() END, s.restart_lsn), 0)::bigint, "
      "coalesce(s.wal_status, '') FROM pg_catalog.pg_replication_slots s "
      "ORDER BY 3 DESC LIMIT 100",
      Parameters(), Effect::reads);
  std::vector<ReplicationSlot> slots;
  for (int row = 0; row < found.rows(); ++row) {
    slots.push_back({.name = found.text(row, 0),
                     .active = found.boolean(row, 1),
                     .retained_bytes = found.number(row, 2),
                     .state = found.text(row, 3)});
  }
  return slots;
}

void examine_activity(Examination& examination, Patient& patient) {
  const std::string right = "GRANT pg_monitor TO the user that runs `outboxd doctor`";
  examination.check(
      "vacuum-horizon", [&] { examine_horizon(examination, patient); }, right);
  examination.check(
      "long-transactions", [&] { examine_transactions(examination, patient); }, right);
  examination.check("sessions-hidden", [&] { examine_visibility(examination, patient); });
  examination.check(
      "replication-slots", [&] { examine_slots(examination, patient); }, right);
}

}  // namespace outbox::store::postgres
