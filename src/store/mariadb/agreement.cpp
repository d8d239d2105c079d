// SPDX-License-Identifier: Apache-2.0
#include <set>
#include <utility>

#include <fmt/format.h>

#include "store/mariadb/read_filter.hpp"
#include "store/mariadb/seams.hpp"
#include "store/mariadb/terms.hpp"

namespace outbox::store::mariadb {
namespace {

class MariadbAgreement final : public Agreement {
 public:
  explicit MariadbAgreement(std::shared_ptr<Shared> shared)
      : shared_(std::move(shared)), connection_(shared_->connection_options("relay agreement")) {}

  Agreed agree(const Terms& terms) override {
    prepare();
    check_own_tables();
    return transact(connection_, [&] {
      make_meta(terms);
      check_terms(connection_, *table_, terms);
      return Agreed{.outbox_id = outbox_id(),
                    .slots = make_slots(connection_, *table_),
                    .generation = stored_generation(connection_, *table_)};
    });
  }

  std::optional<int> partition_count(const std::string& topic) override {
    prepare();
    Result found =
        connection_.run("reading a partition count",
                        fmt::format("SELECT value FROM {} WHERE outbox_table = {} AND name = {}",
                                    table_->own("meta"), table_->outbox_literal(), name_of(topic)),
                        Effect::reads);
    if (!found.next()) return std::nullopt;
    return found.integer(0);
  }

  int adopt_partition_count(const std::string& topic, int expected, int count) override {
    prepare();
    // What another instance commits meanwhile is not in a statement's own snapshot; a second look
    // is.
    if (expected == 0) {
      connection_.run(
          "adopting a partition count",
          fmt::format("INSERT IGNORE INTO {} (outbox_table, name, value) "
                      "VALUES ({}, {}, '{}')",
                      table_->own("meta"), table_->outbox_literal(), name_of(topic), count));
    } else {
      connection_.run("adopting a partition count",
                      fmt::format("UPDATE {} SET value = '{}' WHERE outbox_table = {} AND "
                                  "name = {} AND value = '{}'",
                                  table_->own("meta"), count, table_->outbox_literal(),
                                  name_of(topic), expected));
    }
    return partition_count(topic).value_or(0);
  }

 private:
  static std::string name_of(const std::string& topic) { return quote_text("partitions:" + topic); }

  void prepare() {
    if (!table_) table_ = shared_->table(connection_);
  }

  void check_own_tables() {
    Result found = connection_.run(
        "looking for outboxd's own tables",
        fmt::format("SELECT table_name FROM information_schema.tables WHERE table_schema = {}",
                    quote_text(table_->schema())),
        Effect::reads);
    std::set<std::string> names;
    while (found.next())
      names.insert(found.text(0));
    for (const char* name :
         {"outboxd_meta", "outboxd_relays", "outboxd_members", "outboxd_slots", "outboxd_keys"}) {
      if (names.contains(name)) continue;
      throw Error(ErrorKind::not_found,
                  fmt::format("MariaDB: the database {} has no table {}", table_->schema(), name),
                  "run `outboxd migrate`");
    }
  }

  // Where only another outbox of this database was migrated, or a preset's table has none yet.
  void make_meta(const Terms& terms) {
    connection_.run("storing what all go by",
                    fmt::format("INSERT IGNORE INTO {0} (outbox_table, name, value) VALUES "
                                "({1}, 'outbox_id', uuid()), ({1}, 'slots', '{2}'), "
                                "({1}, 'generation', '1')",
                                table_->own("meta"), table_->outbox_literal(), terms.slots));
  }

  // A table whose ids have gone back, by a restore or TRUNCATE, is a new outbox: ids that are
  // derived from (outbox, row id) must not repeat.
  Uuid outbox_id() {
    if (table_->counts_ids()) {
      const Result gone_back = connection_.run(
          "comparing the highest id",
          fmt::format("DELETE FROM {} WHERE outbox_table = {} AND name = 'high_water_id' AND "
                      "CAST(value AS SIGNED) > {}",
                      table_->own("meta"), table_->outbox_literal(), highest_id_sql(*table_)));
      if (gone_back.touched() > 0) {
        connection_.run(
            "renewing the outbox's id",
            fmt::format("UPDATE {} SET value = '{}' WHERE outbox_table = {} AND "
                        "name = 'outbox_id'",
                        table_->own("meta"), to_string(random_uuid()), table_->outbox_literal()));
      }
      store_high_water(connection_, *table_);
    }
    Result found = connection_.run(
        "reading the outbox's id",
        fmt::format("SELECT value FROM {} WHERE outbox_table = {} AND name = 'outbox_id'",
                    table_->own("meta"), table_->outbox_literal()),
        Effect::reads);
    if (!found.next()) return {};
    return parse_uuid(found.bytes(0)).value_or(Uuid{});
  }

  std::shared_ptr<Shared> shared_;
  Connection connection_;
  std::shared_ptr<const Table> table_;
};

}  // namespace

std::unique_ptr<Agreement> make_agreement(std::shared_ptr<Shared> shared) {
  return std::make_unique<MariadbAgreement>(std::move(shared));
}

}  // namespace outbox::store::mariadb
