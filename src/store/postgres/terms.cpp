// SPDX-License-Identifier: Apache-2.0
#include "store/postgres/terms.hpp"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "store/postgres/read_filter.hpp"
#include "store/standing.hpp"

namespace outbox::store::postgres {
namespace {

constexpr std::string_view doing = "comparing terms with other instances";

// All relay names of this outbox that have terms, with one living member of each that has any.
}  // namespace

std::vector<Standing> read_standing(Connection& connection, const Table& table) {
  const Result rows = connection.run(
      doing,
      fmt::format("SELECT r.relay_name, r.capture, r.settle, (SELECT count(*) FROM {0} m WHERE "
                  "m.outbox_table = r.outbox_table AND m.relay_name = r.relay_name AND "
                  "m.expires_at > clock_timestamp()), coalesce((SELECT min(m.member_name || ' on ' "
                  "|| m.host) FROM {0} m WHERE m.outbox_table = r.outbox_table AND "
                  "m.relay_name = r.relay_name AND m.expires_at > clock_timestamp()), ''), "
                  "r.delivery FROM {1} r WHERE r.outbox_table = {2} "
                  "ORDER BY r.relay_name",
                  table.own("members"), table.own("relays"), table.outbox_literal()),
      Parameters(), Effect::reads);
  std::vector<Standing> standing;
  for (int row = 0; row < rows.rows(); ++row) {
    Standing one;
    one.terms.relay_name = rows.text(row, 0);
    one.terms.capture = rows.text(row, 1);
    one.terms.settle = rows.text(row, 2);
    one.living = rows.integer(row, 3);
    one.member = rows.text(row, 4);
    one.terms.delivery = rows.text(row, 5);
    standing.push_back(std::move(one));
  }
  const Result types =
      connection.run(doing,
                     fmt::format("SELECT r.relay_name, u FROM {} r, unnest(r.aggregate_types) u "
                                 "WHERE r.outbox_table = {} ORDER BY 1, 2",
                                 table.own("relays"), table.outbox_literal()),
                     Parameters(), Effect::reads);
  for (int row = 0; row < types.rows(); ++row) {
    for (Standing& one : standing) {
      if (one.terms.relay_name == types.bytes(row, 0)) {
        one.terms.aggregate_types.push_back(types.text(row, 1));
      }
    }
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
  connection.run(doing,
                 fmt::format("SELECT value FROM {} WHERE outbox_table = {} AND name = 'outbox_id' "
                             "FOR UPDATE",
                             table.own("meta"), table.outbox_literal()),
                 Parameters(), Effect::reads);
  for (const Standing& other : read_standing(connection, table)) {
    if (other.living > 0) check_fit(terms, other);
  }
  connection.run(
      doing,
      fmt::format(
          "INSERT INTO {} (outbox_table, relay_name, aggregate_types, capture, settle, "
          "delivery) VALUES ({}, {}, $1, $2, $3, $4) ON CONFLICT (outbox_table, relay_name) DO "
          "UPDATE "
          "SET aggregate_types = excluded.aggregate_types, capture = excluded.capture, "
          "settle = excluded.settle, delivery = excluded.delivery, agreed_at = clock_timestamp()",
          table.own("relays"), table.outbox_literal(), quote_literal(terms.relay_name)),
      Parameters()
          .texts(terms.aggregate_types)
          .text(terms.capture)
          .text(terms.settle)
          .text(terms.delivery));
}

int make_slots(Connection& connection, const Table& table) {
  const int slots = stored_slots(connection, table);
  connection.run("making slots",
                 fmt::format("INSERT INTO {} (outbox_table, relay_name, slot) SELECT {}, {}, n "
                             "FROM generate_series(0, $1 - 1) n ON CONFLICT DO NOTHING",
                             table.own("slots"), table.outbox_literal(), table.relay_literal()),
                 Parameters().integer(slots));
  return slots;
}

std::string highest_id_sql(const Table& table) {
  return fmt::format("coalesce(pg_sequence_last_value({}), 0)", *table.sequence());
}

void store_high_water(Connection& connection, const Table& table) {
  connection.run("noting the highest id",
                 fmt::format("INSERT INTO {} AS m (outbox_table, name, value) VALUES ({}, "
                             "'high_water_id', {}::text) ON CONFLICT (outbox_table, name) DO "
                             "UPDATE SET value = excluded.value "
                             "WHERE m.value::bigint < excluded.value::bigint",
                             table.own("meta"), table.outbox_literal(), highest_id_sql(table)),
                 Parameters());
}

}  // namespace outbox::store::postgres
