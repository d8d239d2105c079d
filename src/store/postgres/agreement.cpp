// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include <fmt/format.h>

#include "store/postgres/read_filter.hpp"
#include "store/postgres/seams.hpp"
#include "store/postgres/terms.hpp"

namespace outbox::store::postgres {
namespace {

class PostgresAgreement final : public Agreement {
 public:
  explicit PostgresAgreement(std::shared_ptr<Shared> shared)
      : shared_(std::move(shared)), connection_(shared_->connection_options("relay agreement")) {}

  Agreed agree(const Terms& terms) override {
    prepare();
    check_own_tables();
    Transaction transaction(connection_);
    make_meta(terms);
    check_terms(connection_, *table_, terms);
    const Agreed agreed{.outbox_id = outbox_id(),
                        .slots = make_slots(connection_, *table_),
                        .generation = stored_generation(connection_, *table_)};
    transaction.commit();
    return agreed;
  }

  std::optional<int> partition_count(const std::string& topic) override {
    prepare();
    const Result found = connection_.run(
        "reading a partition count",
        fmt::format("SELECT value::int4 FROM {} WHERE outbox_table = {} AND name = $1",
                    table_->own("meta"), table_->outbox_literal()),
        Parameters().text("partitions:" + topic), Effect::reads);
    if (found.rows() == 0) return std::nullopt;
    return found.integer(0, 0);
  }

  int adopt_partition_count(const std::string& topic, int expected, int count) override {
    prepare();
    // What another instance commits meanwhile is not in a statement's own snapshot; a second look
    // is.
    const std::string name = "partitions:" + topic;
    if (expected == 0) {
      connection_.run("adopting a partition count",
                      fmt::format("INSERT INTO {} (outbox_table, name, value) VALUES ({}, $1, "
                                  "$2::int4::text) ON CONFLICT DO NOTHING",
                                  table_->own("meta"), table_->outbox_literal()),
                      Parameters().text(name).integer(count));
    } else {
      connection_.run("adopting a partition count",
                      fmt::format("UPDATE {} SET value = $2::int4::text WHERE outbox_table = {} "
                                  "AND name = $1 AND value = $3::int4::text",
                                  table_->own("meta"), table_->outbox_literal()),
                      Parameters().text(name).integer(count).integer(expected));
    }
    return partition_count(topic).value_or(0);
  }

 private:
  void prepare() {
    if (!table_) table_ = shared_->table(connection_);
  }

  void check_own_tables() {
    const Result found = connection_.run(
        "looking for outboxd's own tables",
        "SELECT n FROM unnest(ARRAY['meta', 'relays', 'members', 'slots', 'keys']) n "
        "WHERE to_regclass($1 || n) IS NULL",
        Parameters().text(quote_identifier(table_->schema()) + ".outboxd_"), Effect::reads);
    if (found.rows() == 0) return;
    throw Error(ErrorKind::not_found,
                fmt::format("PostgreSQL: the schema {} has no table outboxd_{}", table_->schema(),
                            found.text(0, 0)),
                "run `outboxd migrate`");
  }

  // Where only another outbox of this schema was migrated, or a preset's table has none yet.
  void make_meta(const Terms& terms) {
    connection_.run("storing what all go by",
                    fmt::format("INSERT INTO {0} (outbox_table, name, value) VALUES "
                                "({1}, 'outbox_id', gen_random_uuid()::text), "
                                "({1}, 'slots', $1::int4::text), ({1}, 'generation', '1') "
                                "ON CONFLICT DO NOTHING",
                                table_->own("meta"), table_->outbox_literal()),
                    Parameters().integer(terms.slots));
  }

  // A table whose ids have gone back, by a restore or TRUNCATE … RESTART IDENTITY, is a new outbox:
  // ids that are derived from (outbox, row id) must not repeat.
  Uuid outbox_id() {
    if (table_->sequence()) {
      connection_.run(
          "comparing the highest id",
          fmt::format("WITH gone_back AS (DELETE FROM {0} WHERE outbox_table = {1} AND "
                      "name = 'high_water_id' AND value::bigint > {2} RETURNING 1) "
                      "UPDATE {0} SET value = gen_random_uuid()::text WHERE outbox_table = {1} AND "
                      "name = 'outbox_id' AND EXISTS (SELECT FROM gone_back)",
                      table_->own("meta"), table_->outbox_literal(), highest_id_sql(*table_)),
          Parameters());
      store_high_water(connection_, *table_);
    }
    const Result found = connection_.run(
        "reading the outbox's id",
        fmt::format("SELECT value::uuid FROM {} WHERE outbox_table = {} AND name = 'outbox_id'",
                    table_->own("meta"), table_->outbox_literal()),
        Parameters(), Effect::reads);
    return found.uuid(0, 0);
  }

  std::shared_ptr<Shared> shared_;
  Connection connection_;
  std::shared_ptr<const Table> table_;
};

}  // namespace

std::unique_ptr<Agreement> make_agreement(std::shared_ptr<Shared> shared) {
  return std::make_unique<PostgresAgreement>(std::move(shared));
}

}  // namespace outbox::store::postgres
