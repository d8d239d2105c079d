// SPDX-License-Identifier: Apache-2.0
#include "store/mariadb/read_filter.hpp"

#include <vector>

#include <fmt/format.h>

namespace outbox::store::mariadb {
namespace {

constexpr int buckets = 256;

std::string bucket_condition(const Table& table, const ReadRequest& request, int slots) {
  std::vector<bool> held(static_cast<std::size_t>(slots), false);
  for (const SlotLease& lease : request.leases) {
    if (lease.slot >= 0 && lease.slot < slots) held[static_cast<std::size_t>(lease.slot)] = true;
  }
  std::string wanted;
  int count = 0;
  for (int bucket = 0; bucket < buckets; ++bucket) {
    if (!held[static_cast<std::size_t>(bucket % slots)]) continue;
    wanted += fmt::format("{}{}", wanted.empty() ? "" : ",", bucket);
    ++count;
  }
  if (count == buckets) return {};
  return fmt::format(" AND {} IN ({})", table.bucket(), wanted);
}

// The sum keeps the planner from making ranges of what lies between the ids; the list is searched
// by halves for each entry of the index, before its row is fetched.
std::string in_flight_condition(const Table& table, const ReadRequest& request) {
  std::string ids;
  for (const RowId& id : request.in_flight) {
    ids += ids.empty() ? "" : ",";
    ids += table.number_ids() ? std::to_string(id.number) : quote_text(id.text);
  }
  return fmt::format(" AND {}{} NOT IN ({})", Table::column(table.shape().columns.id),
                     table.number_ids() ? " + 0" : "", ids);
}

std::string held_condition(const Table& table, const ReadRequest& request) {
  const auto text_or_empty = [&table](const TableColumns::Column& column) {
    if (!table.has(column)) return std::string("X''");
    return Table::as_bytes(fmt::format("coalesce({}, '')", table.as_text(column)));
  };
  const TableColumns& columns = table.shape().columns;
  std::string routes;
  for (const RouteColumns& route : request.held_routes) {
    routes += fmt::format("{}({}, {}, {})", routes.empty() ? "" : ", ", quote_bytes(route.topic),
                          quote_bytes(route.aggregate_type), quote_bytes(route.event_type));
  }
  return fmt::format(" AND ({}, {}, {}) NOT IN ({})", text_or_empty(columns.topic),
                     text_or_empty(columns.aggregate_type), text_or_empty(columns.event_type),
                     routes);
}

}  // namespace

std::string read_conditions(const Table& table, const ReadRequest& request, int slots) {
  std::string conditions = table.unsettled() + table.share();
  conditions += bucket_condition(table, request, slots);
  if (!request.in_flight.empty()) conditions += in_flight_condition(table, request);
  const std::string key = Table::as_bytes(table.wire_key());
  if (!request.blocked_keys.empty()) {
    // A row without a key is never blocked; NOT IN alone would leave it out.
    conditions += fmt::format(" AND ({} NOT IN {}) IS NOT FALSE", key,
                              quote_bytes_list(request.blocked_keys));
  }
  if (!request.only_keys.empty()) {
    conditions += fmt::format(" AND {} IN {}", key, quote_bytes_list(request.only_keys));
  }
  if (!request.held_routes.empty()) conditions += held_condition(table, request);
  return conditions;
}

namespace {

int stored_number(Connection& connection, const Table& table, const char* name) {
  Result found =
      connection.run("reading the number of slots",
                     fmt::format("SELECT value FROM {} WHERE outbox_table = {} AND name = '{}'",
                                 table.own("meta"), table.outbox_literal(), name),
                     Effect::reads);
  if (found.next() && found.integer(0) > 0) return found.integer(0);
  throw Error(ErrorKind::not_found,
              "MariaDB: outboxd_meta knows nothing of the table " + table.name(),
              "run `outboxd migrate`");
}

}  // namespace

int stored_slots(Connection& connection, const Table& table) {
  return stored_number(connection, table, "slots");
}

int stored_generation(Connection& connection, const Table& table) {
  return stored_number(connection, table, "generation");
}

}  // namespace outbox::store::mariadb
