// SPDX-License-Identifier: Apache-2.0
#include "store/mariadb/terms.hpp"

#include <algorithm>

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "store/mariadb/read_filter.hpp"
#include "store/standing.hpp"

namespace outbox::store::mariadb {
namespace {

constexpr std::string_view doing = "comparing terms with other instances";

// All relay names of this outbox that have terms, with one living member of each that has any.
}  // namespace

std::vector<Standing> read_standing(Connection& connection, const Table& table) {
  const std::string living = fmt::format(
      "FROM {} m WHERE m.outbox_table = r.outbox_table AND m.relay_name = r.relay_name AND "
      "m.expires_at > {}",
      table.own("members"), now_sql);
  Result rows = connection.run(
      doing,
      fmt::format("SELECT r.relay_name, r.capture, r.settle, (SELECT count(*) {0}), "
                  "coalesce((SELECT min(concat(m.member_name, ' on ', m.host)) {0}), ''), "
                  "r.aggregate_types, r.delivery FROM {1} r WHERE r.outbox_table = {2} ORDER BY "
                  "r.relay_name",
                  living, table.own("relays"), table.outbox_literal()),
      Effect::reads);
  std::vector<Standing> standing;
  while (rows.next()) {
    Standing& one = standing.emplace_back();
    one.terms.relay_name = rows.text(0);
    one.terms.capture = rows.text(1);
    one.terms.settle = rows.text(2);
    one.living = rows.integer(3);
    one.member = rows.text(4);
    one.terms.aggregate_types =
        nlohmann::json::parse(rows.bytes(5)).get<std::vector<std::string>>();
    one.terms.delivery = rows.text(6);
  }
  return standing;
}

Terms terms_of(const HomeOptions& options) {
  return {.relay_name = options.relay_name,
          .aggregate_types = options.aggregate_types,
          .capture = options.capture == CaptureMode::row ? "row" : "lease",
          .settle = options.settle == SettleMode::remove ? "delete" : "mark",
          .delivery = options.delivery,
          .slots = options.slots};
}

void check_terms(Connection& connection, const Table& table, const Terms& wanted) {
  Terms terms = wanted;
  std::sort(terms.aggregate_types.begin(), terms.aggregate_types.end());
  // One at a time, so that two first instances cannot both find nobody there.
  connection.run(doing, fmt::format("SELECT value FROM {} WHERE outbox_table = {} AND name = "
                                    "'outbox_id' FOR UPDATE",
                                    table.own("meta"), table.outbox_literal()));
  for (const Standing& other : read_standing(connection, table)) {
    if (other.living > 0) check_fit(terms, other);
  }
  connection.run(
      doing,
      fmt::format("INSERT INTO {} (outbox_table, relay_name, aggregate_types, capture, settle, "
                  "delivery) VALUES ({}, {}, {}, {}, {}, {}) ON DUPLICATE KEY UPDATE "
                  "aggregate_types = VALUES(aggregate_types), capture = VALUES(capture), "
                  "settle = VALUES(settle), delivery = VALUES(delivery), agreed_at = {}",
                  table.own("relays"), table.outbox_literal(), quote_text(terms.relay_name),
                  quote_text(nlohmann::json(terms.aggregate_types).dump()),
                  quote_text(terms.capture), quote_text(terms.settle), quote_text(terms.delivery),
                  now_sql));
}

int make_slots(Connection& connection, const Table& table) {
  const int slots = stored_slots(connection, table);
  std::string rows;
  for (int slot = 0; slot < slots; ++slot) {
    rows += fmt::format("{}({}, {}, {})", rows.empty() ? "" : ", ", table.outbox_literal(),
                        table.relay_literal(), slot);
  }
  connection.run("making slots",
                 fmt::format("INSERT IGNORE INTO {} (outbox_table, relay_name, slot) VALUES {}",
                             table.own("slots"), rows));
  return slots;
}

std::string highest_id_sql(const Table& table) {
  return fmt::format(
      "(SELECT coalesce(auto_increment, 1) - 1 FROM information_schema.tables WHERE "
      "table_schema = {} AND table_name = {})",
      quote_text(table.schema()), table.outbox_literal());
}

void store_high_water(Connection& connection, const Table& table) {
  connection.run("noting the highest id",
                 fmt::format("INSERT INTO {} (outbox_table, name, value) VALUES ({}, "
                             "'high_water_id', {}) ON DUPLICATE KEY UPDATE value = "
                             "greatest(CAST(value AS SIGNED), CAST(VALUES(value) AS SIGNED))",
                             table.own("meta"), table.outbox_literal(), highest_id_sql(table)));
}

}  // namespace outbox::store::mariadb
