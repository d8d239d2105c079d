// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <charconv>
#include <set>

#include "store/sqlite/foreign.hpp"
#include "store/sqlite/seams.hpp"
#include "store/sqlite/terms.hpp"

namespace outbox::store::sqlite {

namespace {

class SqliteAgreement final : public Agreement {
 public:
  explicit SqliteAgreement(SharedContext context) : context_(std::move(context)) {}

  Agreed agree(const Terms& terms) override {
    auto lock = context_->database->relay_lock();
    const Turn turn = context_->write();
    Connection& connection = turn.connection();
    check_writable(connection);
    if (context_->options.table.native)
      check_table(connection);
    else
      (void)context_->table(connection);
    check_own_tables(connection);
    Transaction transaction(connection);
    enter_terms(connection, *context_, terms);
    if (!read_meta(connection, *context_, "slots")) {
      write_meta(connection, *context_, "slots", std::to_string(terms.slots));
    }
    Agreed agreed;
    agreed.slots = stored_slots(connection, *context_);
    agreed.generation = stored_generation(connection, *context_);
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
      const std::string_view preset = preset_of(found);
      const std::string fitting =
          preset.empty() ? "" : fmt::format(" or outbox.preset to {}, which it looks like", preset);
      throw Error(
          ErrorKind::not_found,
          fmt::format("the table {} has no column {}", context_->table_name, missing),
          "it was not made by `outboxd migrate`; set outbox.table to one that was" + fitting);
    }
  }

  void check_own_tables(Connection& connection) const {
    for (const char* name : {"outboxd_meta", "outboxd_relays", "outboxd_members", "outboxd_slots",
                             "outboxd_keys", "outboxd_replays"}) {
      Query query =
          connection.query("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1", name);
      if (query.step()) continue;
      throw Error(ErrorKind::not_found,
                  fmt::format("{} has no table {}", context_->database->path(), name),
                  "run `outboxd migrate`");
    }
  }

  // Numbers that the program itself makes may go up and down; those that the file makes may not.
  [[nodiscard]] std::int64_t highest_id(Connection& connection) const {
    const Table& table = context_->table(connection);
    if (table.number_ids() && table.facts.counts_ids) {
      Query query = connection.query(
          "SELECT seq FROM sqlite_sequence WHERE name = ?1 COLLATE NOCASE", context_->table_name);
      return query.step() ? query.integer(0) : 0;
    }
    if (!table.facts.reuses_ids) return 0;
    Query query = connection.query(fmt::format("SELECT coalesce(max({}), 0) FROM {}",
                                               quoted_identifier(*table.shape.columns.id),
                                               quoted_identifier(table.shape.table)));
    return query.step() ? query.integer(0) : 0;
  }

  // A sequence that went back gives row ids out again: under a new uuid nobody takes new events for
  // old ones (design, Table).
  [[nodiscard]] Uuid outbox_id(Connection& connection) const {
    const std::int64_t highest = highest_id(connection);
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
