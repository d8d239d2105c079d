// SPDX-License-Identifier: Apache-2.0
//
// The outbox table: its indexes, the plan of the relay's own read, vacuum's work on it, and what is
// agreed among those who relay it.
#include <fmt/format.h>

#include "store/postgres/diagnosis.hpp"
#include "store/postgres/read_filter.hpp"
#include "store/postgres/terms.hpp"

namespace outbox::store::postgres {
namespace {

constexpr std::string_view doing = "looking at the outbox table";

// Of a partitioned table all parts, of another one itself.
constexpr std::string_view parts_sql =
    "(SELECT p.relid FROM pg_catalog.pg_partition_tree(to_regclass($1)) p "
    "UNION SELECT to_regclass($1)::oid)";

void examine_indexes(Examination& examination, Patient& patient, const Table& table) {
  const Result invalid = patient.connection.run(
      doing,
      fmt::format("SELECT i.indexrelid::regclass::text FROM pg_catalog.pg_index i "
                  "WHERE i.indrelid IN {} AND NOT (i.indisvalid AND i.indisready) LIMIT 10",
                  parts_sql),
      Parameters().text(table.name()), Effect::reads);
  for (int row = 0; row < invalid.rows(); ++row) {
    const std::string name = invalid.text(row, 0);
    examination.problem(fmt::format("the index {} is invalid", name),
                        "reads do not use it, and every write still pays for it",
                        fmt::format("REINDEX INDEX CONCURRENTLY {}, or drop it", name));
  }
  if (invalid.rows() == 0) examination.well("all indexes are valid");
}

struct PlannedRead {
  std::string sql;
  Parameters parameters;
};

// The read of a relay that holds half of the slots, as LeaseCapture makes it, without its values.
PlannedRead planned_read(Connection& connection, const Table& table) {
  const int slots = stored_slots(connection, table);
  std::vector<SlotLease> leases;
  for (int slot = 0; slot < std::max(1, slots / 2); ++slot)
    leases.push_back({.slot = slot, .epoch = 1, .token = {}});
  ReadRequest request;
  request.leases = leases;
  ReadFilter filter(table, request);
  filter.add_buckets(slots);
  filter.add_exclusions();
  return {fmt::format("EXPLAIN (COSTS OFF) SELECT {} FROM {} t WHERE {} ORDER BY {} LIMIT 1000",
                      Table::column(table.shape().columns.id), table.name(), filter.conditions(),
                      table.order_by()),
          filter.parameters()};
}

std::string plan_of(Connection& connection, const PlannedRead& read) {
  const Result lines = connection.run(doing, read.sql, read.parameters, Effect::reads);
  std::string plan;
  for (int row = 0; row < lines.rows(); ++row)
    plan += lines.text(row, 0) + "\n";
  return plan;
}

std::string index_in(const std::string& plan) {
  for (const std::string_view word :
       {"Index Scan using ", "Index Only Scan using ", "Bitmap Index Scan on "}) {
    const auto at = plan.find(word);
    if (at == std::string::npos) continue;
    const auto from = at + word.size();
    return plan.substr(from, plan.find_first_of(" \n", from) - from);
  }
  return {};
}

std::string index_remedy(const Table& table) {
  return fmt::format("CREATE INDEX CONCURRENTLY ON {} ({}) WHERE {}", table.name(),
                     table.order_by(), table.unsettled());
}

std::string without_alias(std::string sql) {
  for (auto at = sql.find("t.\""); at != std::string::npos; at = sql.find("t.\"", at))
    sql.erase(at, 2);
  return sql;
}

void examine_plan(Examination& examination, Patient& patient, const Table& table) {
  const PlannedRead read = planned_read(patient.connection, table);
  std::string possible;
  {
    Transaction transaction(patient.connection);
    patient.connection.run(doing, "SET LOCAL enable_seqscan = off", Parameters(), Effect::reads);
    possible = index_in(plan_of(patient.connection, read));
  }
  const bool serves =
      !possible.empty() &&
      patient.connection
          .run(doing,
               "SELECT bool_or(i.indpred IS NOT NULL OR EXISTS (SELECT FROM "
               "pg_catalog.pg_attribute a WHERE a.attrelid = i.indrelid AND a.attname = $2 AND "
               "a.attnum = ANY (i.indkey))) FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c "
               "ON c.oid = i.indexrelid WHERE c.relname = $1",
               Parameters().text(possible).text(*table.shape().columns.status), Effect::reads)
          .boolean(0, 0);
  if (!serves) {
    const std::string found = possible.empty()
                                  ? "no index serves the relay's read"
                                  : fmt::format("the relay's read goes through {}", possible);
    return examination.problem(
        found, "every read looks at settled rows too, and takes longer with each of them",
        without_alias(index_remedy(table)));
  }
  const std::string chosen = index_in(plan_of(patient.connection, read));
  const TableFigures figures = read_figures(patient.connection, table);
  if (chosen.empty() && figures.rows.value_or(0) > patient.limits.rows_for_a_plan) {
    return examination.warning(
        fmt::format("the planner reads the whole table though it could use {}", possible),
        "it takes unsettled rows for many: its statistics are old",
        fmt::format("ANALYZE {}", table.name()));
  }
  examination.well(fmt::format("the relay's read uses the index {}", possible));
}

void examine_lookups(Examination& examination, Patient& patient, const Table& table) {
  const auto& columns = table.shape().columns;
  std::string missing;
  for (const auto& column : {columns.event_id, columns.aggregate_id}) {
    if (!column || !table.has(column)) continue;
    const Result found = patient.connection.run(
        doing,
        "SELECT EXISTS (SELECT FROM pg_catalog.pg_index i JOIN pg_catalog.pg_attribute a "
        "ON a.attrelid = i.indrelid WHERE i.indrelid = to_regclass($1) AND a.attname = $2 "
        "AND pg_catalog.pg_get_indexdef(i.indexrelid) LIKE '%' || quote_ident($2) || '%' "
        "AND i.indpred IS NULL)",
        Parameters().text(table.name()).text(*column), Effect::reads);
    if (!found.boolean(0, 0)) missing += (missing.empty() ? "" : ", ") + *column;
  }
  if (missing.empty()) return examination.well("events can be found by their ids");
  examination.notice("no index serves looking for events by " + missing,
                     "a search looks at the newest 200,000 rows alone",
                     "set outbox.lookup-indexes and run `outboxd migrate`; each index costs every "
                     "insert a little");
}

void examine_autovacuum(Examination& examination, Patient& patient, const Table& table) {
  const Result found = patient.connection.run(
      doing,
      fmt::format("SELECT current_setting('autovacuum') = 'on' AND "
                  "current_setting('track_counts') = 'on', coalesce(bool_or(exists (SELECT FROM "
                  "unnest(c.reloptions) o WHERE o IN ('autovacuum_enabled=false', "
                  "'autovacuum_enabled=off'))), false), "
                  "coalesce(sum(s.n_dead_tup), 0)::bigint, coalesce(sum(s.n_live_tup), 0)::bigint, "
                  "coalesce(to_char(max(s.last_autovacuum), 'YYYY-MM-DD HH24:MI'), 'never') "
                  "FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_stat_user_tables s "
                  "ON s.relid = c.oid WHERE c.oid IN {}",
                  parts_sql),
      Parameters().text(table.name()), Effect::reads);
  const std::string why =
      "each settled event leaves a dead row version behind, in the table and "
      "in the index that every read goes through";
  bool well = true;
  if (!found.boolean(0, 0)) {
    well = false;
    examination.problem("autovacuum or track_counts is off on this server", why,
                        "ALTER SYSTEM SET autovacuum = on; ALTER SYSTEM SET track_counts = on; "
                        "SELECT pg_reload_conf()");
  }
  if (found.boolean(0, 1)) {
    well = false;
    examination.problem("autovacuum is switched off for " + table.name(), why,
                        fmt::format("ALTER TABLE {} RESET (autovacuum_enabled)", table.name()));
  }
  const std::int64_t dead = found.number(0, 2);
  const std::int64_t live = found.number(0, 3);
  const std::string words = fmt::format(
      "{} dead row versions beside {} rows, autovacuum was last "
      "there: {}",
      dead, live, found.text(0, 4));
  if (dead >= patient.limits.dead_rows && dead > live / 5) {
    examination.warning(words, why,
                        fmt::format("VACUUM (VERBOSE) {}; if it removes nothing, see "
                                    "vacuum-horizon",
                                    table.name()));
  } else if (well) {
    examination.well(words);
  }
}

void examine_agreement(Examination& examination, Patient& patient, const Table& table) {
  examine_terms(examination, terms_of(patient.shared.options()),
                read_standing(patient.connection, table), stored_slots(patient.connection, table));
}

}  // namespace

TableFigures read_figures(Connection& connection, const Table& table) {
  const auto figures_of = [&](const std::string& name) {
    return connection.run(
        doing,
        fmt::format("SELECT sum(greatest(c.reltuples, 0))::bigint, "
                    "sum(CASE WHEN c.relkind = 'r' THEN pg_total_relation_size(c.oid) ELSE 0 "
                    "END)::bigint FROM pg_catalog.pg_class c WHERE c.relkind = 'r' AND c.oid IN {}",
                    parts_sql),
        Parameters().text(name), Effect::reads);
  };
  TableFigures figures;
  const Result outbox = figures_of(table.name());
  if (!outbox.is_null(0, 0)) {
    figures.rows = outbox.number(0, 0);
    figures.bytes = outbox.number(0, 1);
  }
  const Result inbox = figures_of(quote_identifier(table.schema()) + ".processed_events");
  if (!inbox.is_null(0, 0)) {
    figures.inbox_rows = inbox.number(0, 0);
    figures.inbox_bytes = inbox.number(0, 1);
  }
  return figures;
}

void examine_table(Examination& examination, Patient& patient, const Table& table) {
  examination.check("indexes", [&] { examine_indexes(examination, patient, table); });
  examination.check("read-plan", [&] { examine_plan(examination, patient, table); });
  examination.check("lookup-indexes", [&] { examine_lookups(examination, patient, table); });
  examination.check("autovacuum", [&] { examine_autovacuum(examination, patient, table); });
  examination.check("settings-agreement", [&] { examine_agreement(examination, patient, table); });
}

}  // namespace outbox::store::postgres
