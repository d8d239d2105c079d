// SPDX-License-Identifier: Apache-2.0
//
// The outbox table: its indexes, the plan of the relay's own read, and what is agreed among those
// who relay it.
#include <fmt/format.h>

#include "store/mariadb/diagnosis.hpp"
#include "store/mariadb/read_filter.hpp"
#include "store/mariadb/terms.hpp"

namespace outbox::store::mariadb {
namespace {

constexpr std::string_view doing = "looking at the outbox table";

// As LeaseCapture reads for a relay that holds half of the slots.
std::string planned_read(Connection& connection, const Table& table) {
  const int slots = stored_slots(connection, table);
  std::vector<SlotLease> leases;
  for (int slot = 0; slot < std::max(1, slots / 2); ++slot)
    leases.push_back({.slot = slot, .epoch = 1, .token = {}});
  ReadRequest request;
  request.leases = leases;
  return fmt::format("EXPLAIN SELECT {} FROM {} WHERE {} ORDER BY {} LIMIT 1000",
                     Table::column(table.shape().columns.id), table.in_order(),
                     read_conditions(table, request, slots), table.order_by());
}

// The names in the result's head differ in case between servers, their order does not: the key is
// behind the possible ones.
std::string index_of(Result& plan, bool is_mariadb) {
  if (!plan.next()) return {};
  return plan.text(is_mariadb ? 5 : 6);
}

void examine_plan(Examination& examination, Patient& patient, const Table& table) {
  Result plan =
      patient.connection.run(doing, planned_read(patient.connection, table), Effect::reads);
  const std::string index = index_of(plan, patient.connection.is_mariadb());
  const auto figures = read_figures(patient.connection, table);
  if (table.shape().native) {
    if (index == "outboxd_open") {
      return examination.well("the relay's read uses the index outboxd_open");
    }
    return examination.problem(
        index.empty() ? "no index serves the relay's read"
                      : fmt::format("the relay's read goes through {}", index),
        "every read looks at settled rows too, and takes longer with each of them",
        fmt::format("ALTER TABLE {} ADD KEY outboxd_open (open_state, id, bucket)", table.name()));
  }
  if (!index.empty() && index != "PRIMARY") {
    return examination.well(fmt::format("the relay's read uses the index {}", index));
  }
  const std::string found = index.empty() ? "no index serves the relay's read"
                                          : "the relay's read goes through the primary key";
  if (figures.rows.value_or(0) <= patient.limits.rows_for_a_plan) {
    return examination.notice(
        found, "it will be slow once the table has many settled rows",
        fmt::format("CREATE INDEX on the status and the order of {}", table.name()));
  }
  examination.warning(
      found, "every read looks at settled rows too",
      fmt::format("CREATE INDEX on the status and the order of {}, or ANALYZE TABLE "
                  "it",
                  table.name()));
}

void examine_lookups(Examination& examination, Patient& patient, const Table& table) {
  std::string missing;
  for (const auto& column : {table.shape().columns.event_id, table.shape().columns.aggregate_id}) {
    if (!table.has(column)) continue;
    Result found = patient.connection.run(
        doing,
        fmt::format("SELECT 1 FROM information_schema.statistics WHERE table_schema = {} AND "
                    "table_name = {} AND column_name = {} AND seq_in_index = 1 LIMIT 1",
                    quote_text(table.schema()), table.outbox_literal(), quote_text(*column)),
        Effect::reads);
    if (!found.next()) missing += (missing.empty() ? "" : ", ") + *column;
  }
  if (missing.empty()) return examination.well("events can be found by their ids");
  examination.notice("no index serves looking for events by " + missing,
                     "a search looks at the newest 200,000 rows alone",
                     "set outbox.lookup-indexes and run `outboxd migrate`; each index costs every "
                     "insert a little");
}

void examine_engine(Examination& examination, Patient& patient, const Table& table) {
  Result found = patient.connection.run(
      doing,
      fmt::format("SELECT table_name, engine FROM information_schema.tables WHERE table_schema = "
                  "{} AND (table_name = {} OR table_name LIKE 'outboxd\\_%' OR table_name = "
                  "'processed_events') AND table_type = 'BASE TABLE' AND engine <> 'InnoDB'",
                  quote_text(table.schema()), table.outbox_literal()),
      Effect::reads);
  bool well = true;
  while (found.next()) {
    well = false;
    examination.problem(fmt::format("the table {} is stored by {}", found.text(0), found.text(1)),
                        "it takes part in no transaction: an event stays though its business "
                        "change is rolled back",
                        fmt::format("ALTER TABLE {} ENGINE = InnoDB", found.text(0)));
  }
  if (well) examination.well("all tables are InnoDB's");
}

void examine_agreement(Examination& examination, Patient& patient, const Table& table) {
  examine_terms(examination, terms_of(patient.shared.options()),
                read_standing(patient.connection, table), stored_slots(patient.connection, table));
}

}  // namespace

TableFigures read_figures(Connection& connection, const Table& table) {
  TableFigures figures;
  Result found = connection.run(
      doing,
      fmt::format("SELECT table_name = 'processed_events', table_rows, "
                  "data_length + index_length FROM information_schema.tables "
                  "WHERE table_schema = {} AND table_name IN ({}, 'processed_events')",
                  quote_text(table.schema()), table.outbox_literal()),
      Effect::reads);
  while (found.next()) {
    const bool is_inbox = found.integer(0) != 0;
    (is_inbox ? figures.inbox_rows : figures.rows) = found.number(1);
    (is_inbox ? figures.inbox_bytes : figures.bytes) = found.number(2);
  }
  return figures;
}

void examine_table(Examination& examination, Patient& patient, const Table& table) {
  examination.check("storage-engine", [&] { examine_engine(examination, patient, table); });
  examination.check("read-plan", [&] { examine_plan(examination, patient, table); });
  examination.check("lookup-indexes", [&] { examine_lookups(examination, patient, table); });
  examination.check("settings-agreement", [&] { examine_agreement(examination, patient, table); });
}

}  // namespace outbox::store::mariadb
