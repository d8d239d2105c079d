// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "store/migrations/embedded.hpp"
#include "store/postgres/seams.hpp"

namespace outbox::store::postgres {
namespace {

// "outboxd" as a number: one lock for the database, held by the transaction, so that a pooler
// between does no harm.
constexpr std::string_view lock_sql = "SELECT pg_advisory_xact_lock(31364186846028900)";

constexpr std::string_view doing = "migrating";

struct Applied {
  std::string name;
  std::string checksum;
  std::string applied_at;
};

std::string replace_all(std::string text, std::string_view what, const std::string& with) {
  for (std::size_t at = text.find(what); at != std::string::npos;
       at = text.find(what, at + with.size())) {
    text.replace(at, what.size(), with);
  }
  return text;
}

class PostgresMigrations final : public Migrations {
 public:
  explicit PostgresMigrations(std::shared_ptr<Shared> shared)
      : shared_(std::move(shared)), connection_(migration_options()) {}

  std::vector<MigrationView> status() override {
    find_schema();
    const std::map<int, Applied> applied = read_applied();
    std::vector<MigrationView> views;
    for (const EmbeddedMigration& migration : wanted()) {
      const auto found = applied.find(migration.number);
      views.push_back(view_of(migration, found == applied.end()
                                             ? std::nullopt
                                             : std::optional(found->second.applied_at)));
    }
    return views;
  }

  std::vector<MigrationView> apply() override {
    find_schema();
    std::vector<MigrationView> views;
    for (const EmbeddedMigration& migration : wanted()) {
      if (auto applied_at = apply_one(migration)) views.push_back(view_of(migration, applied_at));
    }
    return views;
  }

 private:
  // Building an index on a large table takes its time; waiting for a lock is what must end.
  [[nodiscard]] ConnectionOptions migration_options() const {
    ConnectionOptions options = shared_->connection_options("migrate");
    options.statement_timeout = std::chrono::milliseconds(0);
    options.lock_timeout = std::chrono::milliseconds(30000);
    return options;
  }

  [[nodiscard]] const TableShape& shape() const { return shared_->options().table; }

  // A table of others stays as it is.
  [[nodiscard]] bool wants_lookup_indexes() const {
    return shared_->options().lookup_indexes && shape().native;
  }

  [[nodiscard]] std::vector<EmbeddedMigration> wanted() const {
    std::vector<EmbeddedMigration> migrations;
    for (const EmbeddedMigration& migration : postgres_migrations()) {
      if (migration.native_only() && !shape().native) continue;
      if (migration.daily_partitions_only() && !shared_->options().daily_partitions) continue;
      if (migration.lookup_indexes_only() && !wants_lookup_indexes()) continue;
      migrations.push_back(migration);
    }
    return migrations;
  }

  // Our tables stand beside the outbox; where there is none yet, where CREATE TABLE would put it.
  void find_schema() {
    if (!schema_.empty()) return;
    std::string name = quote_identifier(shape().table);
    if (!shape().schema.empty()) name = quote_identifier(shape().schema) + "." + name;
    const Result found = connection_.run(
        doing,
        "SELECT (SELECT n.nspname::text FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n "
        "ON n.oid = c.relnamespace WHERE c.oid = pg_catalog.to_regclass($1)), "
        "(SELECT nspname::text FROM pg_catalog.pg_namespace WHERE nspname = coalesce(nullif($2, "
        "''), pg_catalog.current_schema()))",
        Parameters().text(name).text(shape().schema), Effect::reads);
    if (!shape().native && found.is_null(0, 0)) {
      throw Error(
          ErrorKind::not_found, "PostgreSQL: there is no table " + name,
          "set outbox.table to the table of that preset; migrate makes none of a document's");
    }
    const int column = found.is_null(0, 0) ? 1 : 0;
    if (found.is_null(0, column)) {
      throw Error(ErrorKind::not_found,
                  fmt::format("PostgreSQL: there is no schema {}", shape().schema),
                  "create it, or set outbox.table to a table of another one");
    }
    schema_ = found.text(0, column);
  }

  [[nodiscard]] std::string record_table() const {
    return quote_identifier(schema_) + ".outboxd_migrations";
  }

  std::map<int, Applied> read_applied() {
    std::map<int, Applied> applied;
    const Result exists = connection_.run(doing, "SELECT to_regclass($1) IS NOT NULL",
                                          Parameters().text(record_table()), Effect::reads);
    if (!exists.boolean(0, 0)) return applied;
    const Result rows = connection_.run(
        doing,
        fmt::format("SELECT number, name, checksum, to_char(applied_at AT TIME ZONE 'UTC', "
                    "'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') FROM {} WHERE outbox_table = $1",
                    record_table()),
        Parameters().text(shape().table), Effect::reads);
    for (int row = 0; row < rows.rows(); ++row) {
      applied[rows.integer(row, 0)] = {.name = rows.text(row, 1),
                                       .checksum = rows.text(row, 2),
                                       .applied_at = rows.text(row, 3)};
    }
    check_applied(applied);
    return applied;
  }

  static void check_applied(const std::map<int, Applied>& applied) {
    for (const auto& [number, record] : applied) {
      const auto known = postgres_migrations();
      const auto found =
          std::find_if(known.begin(), known.end(),
                       [&](const EmbeddedMigration& one) { return one.number == number; });
      if (found == known.end()) {
        throw Error(ErrorKind::conflict,
                    fmt::format("PostgreSQL: the database has migration {:04} ({}), which this "
                                "program does not know",
                                number, record.name),
                    "use the newer outboxd that applied it");
      }
      if (found->checksum != record.checksum) {
        throw Error(ErrorKind::conflict,
                    fmt::format("PostgreSQL: migration {:04} ({}) was applied with another "
                                "checksum ({}) than this program's ({})",
                                number, record.name, record.checksum, found->checksum),
                    "use the outboxd that applied it, or a released one");
      }
    }
  }

  // Under the lock, and in a transaction of its own: another instance may just have done it.
  std::optional<std::string> apply_one(const EmbeddedMigration& migration) {
    if (migration.lookup_indexes_only()) make_lookup_indexes(migration);
    Transaction transaction(connection_);
    connection_.run(doing, lock_sql, Parameters());
    connection_.run_script(
        doing, fmt::format("CREATE TABLE IF NOT EXISTS {} (outbox_table text NOT NULL, number "
                           "integer NOT NULL, name text NOT NULL, checksum text NOT NULL, "
                           "applied_at timestamptz NOT NULL DEFAULT clock_timestamp(), "
                           "PRIMARY KEY (outbox_table, number))",
                           record_table()));
    if (read_applied().contains(migration.number)) return std::nullopt;
    if (!migration.lookup_indexes_only()) run(migration);
    connection_.run(doing,
                    fmt::format("INSERT INTO {} (outbox_table, number, name, checksum) "
                                "VALUES ($1, $2, $3, $4)",
                                record_table()),
                    Parameters()
                        .text(shape().table)
                        .integer(migration.number)
                        .text(migration.name)
                        .text(migration.checksum));
    std::string applied_at = read_applied().at(migration.number).applied_at;
    transaction.commit();
    return applied_at;
  }

  // Outside of any transaction, so that nobody who writes has to wait. Two who do it at once wait
  // for each other at the table; an index that was cut off stays behind unusable.
  void make_lookup_indexes(const EmbeddedMigration& migration) {
    if (read_applied().contains(migration.number)) return;
    drop_unfinished_indexes();
    const std::string sql = fill_in(migration.sql);
    for (std::size_t at = 0; at < sql.size();) {
      const std::size_t end = std::min(sql.find(';', at), sql.size());
      const std::string statement = sql.substr(at, end - at);
      at = end + 1;
      if (statement.find("CREATE") != std::string::npos)
        connection_.run_script("making indexes to look events up by", statement);
    }
    const std::vector<std::string> broken = unfinished_indexes();
    if (broken.empty()) return;
    throw Error(ErrorKind::conflict,
                fmt::format("PostgreSQL: the index {} was not finished", broken.front()),
                "migrate again, which drops it and makes it anew");
  }

  // CREATE INDEX … IF NOT EXISTS passes over one that an earlier run left behind.
  void drop_unfinished_indexes() {
    for (const std::string& name : unfinished_indexes()) {
      connection_.run_script("dropping an index that was not finished",
                             fmt::format("DROP INDEX {}IF EXISTS {}", concurrently(), name));
    }
  }

  // Of those by which events are looked up; without the ones that somebody is making at this
  // moment.
  std::vector<std::string> unfinished_indexes() {
    const Result found = connection_.run(
        doing,
        "SELECT pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname) "
        "FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid "
        "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
        "WHERE i.indrelid = pg_catalog.to_regclass($1) AND NOT i.indisvalid AND c.relname IN ($2, "
        "$3, $4) AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_progress_create_index p "
        "WHERE p.index_relid = i.indexrelid)",
        Parameters()
            .text(table_name())
            .text(shape().table + "_event_id")
            .text(shape().table + "_key")
            .text(shape().table + "_aggregate"),
        Effect::reads);
    std::vector<std::string> names;
    for (int row = 0; row < found.rows(); ++row)
      names.push_back(found.text(row, 0));
    return names;
  }

  [[nodiscard]] std::string table_name() const {
    return quote_identifier(schema_) + "." + quote_identifier(shape().table);
  }

  // In a partitioned table indexes are made for all its parts at once.
  [[nodiscard]] std::string_view concurrently() const {
    return shared_->options().daily_partitions ? "" : "CONCURRENTLY ";
  }

  void run(const EmbeddedMigration& migration) {
    try {
      connection_.run_script(fmt::format("migration {:04} ({})", migration.number, migration.name),
                             fill_in(migration.sql));
    } catch (const SqlError& error) {
      if (migration.daily_partitions_only()) {
        throw Error(ErrorKind::conflict,
                    fmt::format("{}: outbox.partitions=daily takes an empty table that has nothing "
                                "of others on it",
                                error.what()),
                    "leave it unset, or see \"An outbox that is there already\" in "
                    "docs/retention.md");
      }
      if (error.sqlstate() != "42P07") throw;
      throw Error(ErrorKind::conflict,
                  fmt::format("{}: {} was there before and was not made by outboxd", error.what(),
                              shape().table),
                  "set outbox.preset to the document whose table it is, or outbox.table to "
                  "another name");
    }
  }

  [[nodiscard]] std::string fill_in(std::string_view sql) const {
    std::string text(sql);
    text = replace_all(std::move(text), "{schema}", quote_identifier(schema_));
    text = replace_all(std::move(text), "{table}", quote_identifier(shape().table));
    text = replace_all(std::move(text), "{outbox}", quote_literal(shape().table));
    text = replace_all(std::move(text), "{concurrently}", std::string(concurrently()));
    text = replace_all(std::move(text), "{slots}", std::to_string(shared_->options().slots));
    constexpr std::string_view named = "{name:";
    for (std::size_t at = text.find(named); at != std::string::npos; at = text.find(named)) {
      const std::size_t end = text.find('}', at);
      const std::string suffix = text.substr(at + named.size(), end - at - named.size());
      text.replace(at, end - at + 1, quote_identifier(shape().table + suffix));
    }
    return text;
  }

  [[nodiscard]] MigrationView view_of(const EmbeddedMigration& migration,
                                      std::optional<std::string> applied_at) const {
    return {.number = migration.number,
            .name = std::string(migration.name),
            .sql = fill_in(migration.sql),
            .applied_at = std::move(applied_at)};
  }

  std::shared_ptr<Shared> shared_;
  Connection connection_;
  std::string schema_;
};

}  // namespace

std::unique_ptr<Migrations> make_migrations(std::shared_ptr<Shared> shared) {
  return std::make_unique<PostgresMigrations>(std::move(shared));
}

}  // namespace outbox::store::postgres
