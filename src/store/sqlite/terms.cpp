// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite/terms.hpp"

#include <fmt/format.h>

#include <algorithm>

#include <nlohmann/json.hpp>

#include "core/clock.hpp"

namespace outbox::store::sqlite {

namespace {

using Types = std::vector<std::string>;

std::string names_of(const Types& types) {
  if (types.empty()) return "all aggregate types";
  std::string names;
  for (const std::string& type : types)
    names += (names.empty() ? "" : ", ") + type;
  return names;
}

bool share_a_type(const Types& left, const Types& right) {
  if (left.empty() || right.empty()) return true;
  return std::any_of(left.begin(), left.end(), [&](const std::string& type) {
    return std::find(right.begin(), right.end(), type) != right.end();
  });
}

// What a relay with living members goes by.
struct Standing {
  Terms terms;
  std::string members;
};

std::vector<Standing> living(Connection& connection, const Context& context) {
  Query query = connection.query(
      "SELECT r.relay_name, r.aggregate_types, r.capture, r.settle, "
      "group_concat(m.member_name, ', '), r.delivery FROM outboxd_relays r JOIN outboxd_members m "
      "ON m.outbox_table = r.outbox_table AND m.relay_name = r.relay_name "
      "WHERE r.outbox_table = ?1 AND m.expires_at > ?2 "
      "AND NOT (r.relay_name = ?3 AND m.member_name = ?4) GROUP BY r.relay_name",
      context.table_name, wall_clock_us(), context.options.relay_name, context.options.member_name);
  std::vector<Standing> relays;
  while (query.step()) {
    Standing& relay = relays.emplace_back();
    relay.terms.relay_name = query.text(0);
    relay.terms.aggregate_types = nlohmann::json::parse(query.text(1)).get<Types>();
    relay.terms.capture = query.text(2);
    relay.terms.settle = query.text(3);
    relay.members = query.text(4);
    relay.terms.delivery = query.text(5);
  }
  return relays;
}

void check_same(const Standing& relay, std::string_view setting, const std::string& theirs,
                const std::string& ours) {
  if (theirs == ours) return;
  throw Error(ErrorKind::conflict,
              fmt::format("{} is {} here, but {} of relay {} go by {}", setting, ours,
                          relay.members, relay.terms.relay_name, theirs),
              "use the same value, or end the others first");
}

void check_fit(const Standing& relay, const Terms& terms) {
  const std::string theirs = names_of(relay.terms.aggregate_types);
  const std::string ours = names_of(terms.aggregate_types);
  if (relay.terms.relay_name == terms.relay_name) {
    check_same(relay, "relay.capture", relay.terms.capture, terms.capture);
    check_same(relay, "relay.settle", relay.terms.settle, terms.settle);
    check_same(relay, "relay.delivery", relay.terms.delivery, terms.delivery);
    check_same(relay, "relay.aggregate-types", theirs, ours);
  } else if (share_a_type(relay.terms.aggregate_types, terms.aggregate_types)) {
    throw Error(ErrorKind::conflict,
                fmt::format("relay {} takes {}, but relay {} ({}) already takes {}",
                            terms.relay_name, ours, relay.terms.relay_name, relay.members, theirs),
                "give each relay aggregate types of its own (relays.NAME.aggregate-types)");
  }
}

}  // namespace

Terms terms_of(const HomeOptions& options) {
  Terms terms;
  terms.relay_name = options.relay_name;
  terms.aggregate_types = options.aggregate_types;
  terms.capture = options.capture == CaptureMode::row ? "row" : "lease";
  terms.settle = options.settle == SettleMode::remove ? "delete" : "mark";
  terms.delivery = options.delivery;
  terms.slots = options.slots;
  return terms;
}

void enter_terms(Connection& connection, const Context& context, const Terms& terms) {
  for (const Standing& relay : living(connection, context))
    check_fit(relay, terms);
  connection
      .query(
          "INSERT INTO outboxd_relays (outbox_table, relay_name, aggregate_types, capture, "
          "settle, agreed_at, delivery) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) "
          "ON CONFLICT (outbox_table, relay_name) DO UPDATE SET "
          "aggregate_types = excluded.aggregate_types, capture = excluded.capture, "
          "settle = excluded.settle, agreed_at = excluded.agreed_at, "
          "delivery = excluded.delivery",
          context.table_name, terms.relay_name, nlohmann::json(terms.aggregate_types).dump(),
          terms.capture, terms.settle, wall_clock_us(), terms.delivery)
      .run();
}

}  // namespace outbox::store::sqlite
