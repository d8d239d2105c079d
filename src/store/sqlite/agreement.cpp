// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>

#include <nlohmann/json.hpp>

#include "core/clock.hpp"
#include "store/sqlite/seams.hpp"

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

Types types_of(std::string_view json) {
  return nlohmann::json::parse(json).get<Types>();
}

// What a relay with living members goes by.
struct Standing {
  std::string relay_name;
  Types aggregate_types;
  std::string capture;
  std::string settle;
  std::string members;
};

class SqliteAgreement final : public Agreement {
 public:
  explicit SqliteAgreement(SharedContext context) : context_(std::move(context)) {}

  Agreed agree(const Terms& terms) override {
    auto lock = context_->database->relay_lock();
    const Turn turn = context_->write();
    Connection& connection = turn.connection();
    check_writable(connection);
    check_table(connection);
    Transaction transaction(connection);
    check_living(connection, terms);
    write_terms(connection, terms);
    if (!read_meta(connection, *context_, "slots")) {
      write_meta(connection, *context_, "slots", std::to_string(terms.slots));
    }
    Agreed agreed;
    agreed.slots = stored_slots(connection, *context_);
    agreed.outbox_id = outbox_id(connection);
    transaction.commit();
    relay_lock_ = std::move(lock);
    return agreed;
  }

  std::optional<int> partition_count(const std::string& topic) override {
    const Turn turn = context_->write();
    return count_of(turn.connection(), topic);
  }

  int adopt_partition_count(const std::string& topic, int expected, int count) override {
    const Turn turn = context_->write();
    Transaction transaction(turn.connection());
    const int standing = count_of(turn.connection(), topic).value_or(0);
    if (standing != expected) return standing;
    write_meta(turn.connection(), *context_, "partitions/" + topic, std::to_string(count));
    transaction.commit();
    return count;
  }

 private:
  static void check_writable(const Connection& connection) {
    if (sqlite3_db_readonly(connection.handle(), "main") != 1) return;
    throw Error(ErrorKind::configuration, "the database file may only be read",
                "give this user the right to write the file and its folder");
  }

  void check_table(Connection& connection) const {
    std::set<std::string> found;
    Query query = connection.query("SELECT name FROM pragma_table_info(?1)", context_->table_name);
    while (query.step())
      found.emplace(query.text(0));
    if (found.empty()) {
      throw Error(ErrorKind::not_found,
                  fmt::format("the table {} does not exist in {}", context_->table_name,
                              context_->database->path()),
                  "run `outboxd migrate`, or set outbox.table");
    }
    std::string missing;
    for (const std::string& column : context_->options.table.column_names()) {
      // The bucket is no column here: 0002_outbox.sqlite.sql says why.
      if (column == "bucket" || found.contains(column)) continue;
      missing += (missing.empty() ? "" : ", ") + column;
    }
    if (!missing.empty()) {
      throw Error(ErrorKind::not_found,
                  fmt::format("the table {} has no column {}", context_->table_name, missing),
                  "it was not made by `outboxd migrate`; set outbox.table to one that was");
    }
  }

  [[nodiscard]] std::vector<Standing> living(Connection& connection) const {
    Query query = connection.query(
        "SELECT r.relay_name, r.aggregate_types, r.capture, r.settle, "
        "group_concat(m.member_name, ', ') FROM outboxd_relays r JOIN outboxd_members m "
        "ON m.outbox_table = r.outbox_table AND m.relay_name = r.relay_name "
        "WHERE r.outbox_table = ?1 AND m.expires_at > ?2 "
        "AND NOT (r.relay_name = ?3 AND m.member_name = ?4) GROUP BY r.relay_name",
        context_->table_name, wall_clock_us(), context_->options.relay_name,
        context_->options.member_name);
    std::vector<Standing> relays;
    while (query.step()) {
      relays.push_back({std::string(query.text(0)), types_of(query.text(1)),
                        std::string(query.text(2)), std::string(query.text(3)),
                        std::string(query.text(4))});
    }
    return relays;
  }

  void check_living(Connection& connection, const Terms& terms) const {
    for (const Standing& relay : living(connection)) {
      if (relay.relay_name == terms.relay_name) {
        check_same(relay, "relay.capture", relay.capture, terms.capture);
        check_same(relay, "relay.settle", relay.settle, terms.settle);
        check_same(relay, "relay.aggregate-types", names_of(relay.aggregate_types),
                   names_of(terms.aggregate_types));
      } else if (share_a_type(relay.aggregate_types, terms.aggregate_types)) {
        throw Error(ErrorKind::conflict,
                    fmt::format("relay {} takes {}, but relay {} ({}) already takes {}",
                                terms.relay_name, names_of(terms.aggregate_types), relay.relay_name,
                                relay.members, names_of(relay.aggregate_types)),
                    "give each relay aggregate types of its own (relays.NAME.aggregate-types)");
      }
    }
  }

  static void check_same(const Standing& relay, std::string_view setting, const std::string& theirs,
                         const std::string& ours) {
    if (theirs == ours) return;
    throw Error(ErrorKind::conflict,
                fmt::format("{} is {} here, but {} of relay {} go by {}", setting, ours,
                            relay.members, relay.relay_name, theirs),
                "use the same value, or end the others first");
  }

  void write_terms(Connection& connection, const Terms& terms) const {
    connection
        .query(
            "INSERT INTO outboxd_relays (outbox_table, relay_name, aggregate_types, capture, "
            "settle, agreed_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6) "
            "ON CONFLICT (outbox_table, relay_name) DO UPDATE SET "
            "aggregate_types = excluded.aggregate_types, capture = excluded.capture, "
            "settle = excluded.settle, agreed_at = excluded.agreed_at",
            context_->table_name, terms.relay_name, nlohmann::json(terms.aggregate_types).dump(),
            terms.capture, terms.settle, wall_clock_us())
        .run();
  }

  // A sequence that went back gives row ids out again: under a new uuid nobody takes new events for
  // old ones (design, Table).
  [[nodiscard]] Uuid outbox_id(Connection& connection) const {
    std::int64_t highest = 0;
    {
      Query query =
          connection.query("SELECT seq FROM sqlite_sequence WHERE name = ?1", context_->table_name);
      if (query.step()) highest = query.integer(0);
    }
    const auto stored_text = read_meta(connection, *context_, "highest_id").value_or("0");
    std::int64_t stored = 0;
    std::from_chars(stored_text.data(), stored_text.data() + stored_text.size(), stored);
    auto id = parse_uuid(read_meta(connection, *context_, "outbox_id").value_or(""));
    if (!id || highest < stored) {
      id = random_uuid();
      write_meta(connection, *context_, "outbox_id", to_string(*id));
    }
    write_meta(connection, *context_, "highest_id", std::to_string(highest));
    return *id;
  }

  [[nodiscard]] std::optional<int> count_of(Connection& connection,
                                            const std::string& topic) const {
    const auto text = read_meta(connection, *context_, "partitions/" + topic);
    if (!text) return std::nullopt;
    int count = 0;
    std::from_chars(text->data(), text->data() + text->size(), count);
    return count;
  }

  const SharedContext context_;
  std::shared_ptr<RelayLock> relay_lock_;
};

}  // namespace

std::unique_ptr<Agreement> make_agreement(SharedContext context) {
  return std::make_unique<SqliteAgreement>(std::move(context));
}

}  // namespace outbox::store::sqlite
