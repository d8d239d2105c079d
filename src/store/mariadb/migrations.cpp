// SPDX-License-Identifier: Apache-2.0
//
// MariaDB commits at each statement that changes a schema, so that a migration cannot be undone.
// Instead each is entered before its first statement and marked as done after its last, and all
// statements may run twice: one that was cut off is run again from its beginning.
#include <algorithm>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "store/mariadb/seams.hpp"
#include "store/migrations/embedded.hpp"

namespace outbox::store::mariadb {
namespace {

constexpr std::string_view doing = "migrating";

struct Applied {
  std::string name;
  std::string checksum;
  std::optional<std::string> applied_at;  // None: begun.
};

std::string replace_all(std::string text, std::string_view what, const std::string& with) {
  for (std::size_t at = text.find(what); at != std::string::npos;
       at = text.find(what, at + with.size())) {
    text.replace(at, what.size(), with);
  }
  return text;
}

// Our files end each statement with a semicolon at the end of a line, and have none elsewhere
// there: the session takes one statement at a time.
std::vector<std::string> statements_of(const std::string& sql) {
  constexpr std::string_view end_mark = ";\n";
  std::vector<std::string> statements;
  std::size_t begin = 0;
  for (std::size_t end = sql.find(end_mark); end != std::string::npos;
       end = sql.find(end_mark, begin)) {
    statements.push_back(sql.substr(begin, end - begin));
    begin = end + end_mark.size();
  }
  return statements;
}

class MariadbMigrations final : public Migrations {
 public:
  explicit MariadbMigrations(std::shared_ptr<Shared> shared)
      : shared_(std::move(shared)), connection_(migration_options()) {}

  std::vector<MigrationView> status() override {
    prepare();
    const std::map<int, Applied> applied = read_applied();
    std::vector<MigrationView> views;
    for (const EmbeddedMigration& migration : wanted()) {
      const auto found = applied.find(migration.number);
      views.push_back(
          view_of(migration, found == applied.end() ? std::nullopt : found->second.applied_at));
    }
    return views;
  }

  std::vector<MigrationView> apply() override {
    prepare();
    lock();
    std::vector<MigrationView> views;
    try {
      make_record_table();
      for (const EmbeddedMigration& migration : wanted()) {
        if (auto applied_at = apply_one(migration)) views.push_back(view_of(migration, applied_at));
      }
    } catch (const Error&) {
      connection_.close();  // Which gives the lock back.
      throw;
    }
    connection_.run(doing, fmt::format("DO release_lock({})", lock_name()), Effect::reads);
    return views;
  }

 private:
  // Building a table on a busy server takes its time; waiting for a lock is what must end.
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
    std::vector<EmbeddedMigration> wanted;
    for (const EmbeddedMigration& migration : mariadb_migrations()) {
      if (migration.native_only() && !shape().native) continue;
      if (migration.daily_partitions_only() && !shared_->options().daily_partitions) continue;
      if (migration.lookup_indexes_only() && !wants_lookup_indexes()) continue;
      wanted.push_back(migration);
    }
    return wanted;
  }

  void prepare() {
    connection_.ensure_open();
    schema_ = find_schema(connection_, shape().schema);
    if (!shape().native && !exists(shape().table)) {
      throw Error(
          ErrorKind::not_found, "MariaDB: there is no table " + shape().table,
          "set outbox.table to the table of that preset; migrate makes none of a document's");
    }
  }

  // One for the server, hence with the database's name; names have 64 characters at most.
  [[nodiscard]] std::string lock_name() const {
    return fmt::format("concat('outboxd ', left(sha2({}, 256), 40))", quote_text(schema_));
  }

  void lock() {
    Result got =
        connection_.run(doing, fmt::format("SELECT get_lock({}, 30)", lock_name()), Effect::reads);
    if (got.next() && got.integer(0) == 1) return;
    throw Error(ErrorKind::conflict, "MariaDB: another outboxd has been migrating for 30 s",
                "wait for its end and start again");
  }

  bool exists(const std::string& table) {
    Result found = connection_.run(
        doing,
        fmt::format("SELECT 1 FROM information_schema.tables WHERE table_schema = {} AND "
                    "table_name = {}",
                    quote_text(schema_), quote_text(table)),
        Effect::reads);
    return found.rows() > 0;
  }

  [[nodiscard]] std::string record_table() const {
    return quote_identifier(schema_) + ".outboxd_migrations";
  }

  void make_record_table() {
    connection_.run(
        doing, fmt::format("CREATE TABLE IF NOT EXISTS {} (outbox_table varchar(64) NOT NULL, "
                           "number int NOT NULL, name varchar(255) NOT NULL, checksum char(64) "
                           "NOT NULL, applied_at datetime(6) NULL, PRIMARY KEY (outbox_table, "
                           "number)) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = {}",
                           record_table(), collation()));
  }

  std::map<int, Applied> read_applied() {
    std::map<int, Applied> applied;
    if (!exists("outboxd_migrations")) return applied;
    Result rows = connection_.run(
        doing,
        fmt::format("SELECT number, name, checksum, date_format(applied_at, '%Y-%m-%dT%H:%i:%sZ') "
                    "FROM {} WHERE outbox_table = {}",
                    record_table(), quote_text(shape().table)),
        Effect::reads);
    while (rows.next()) {
      Applied& record = applied[rows.integer(0)];
      record.name = rows.text(1);
      record.checksum = rows.text(2);
      if (!rows.is_null(3)) record.applied_at = rows.text(3);
    }
    check_applied(applied);
    return applied;
  }

  static void check_applied(const std::map<int, Applied>& applied) {
    for (const auto& [number, record] : applied) {
      const auto known = mariadb_migrations();
      const auto found =
          std::find_if(known.begin(), known.end(),
                       [&](const EmbeddedMigration& one) { return one.number == number; });
      if (found == known.end()) {
        throw Error(ErrorKind::conflict,
                    fmt::format("MariaDB: the database has migration {:04} ({}), which this "
                                "program does not know",
                                number, record.name),
                    "use the newer outboxd that applied it");
      }
      if (found->checksum != record.checksum) {
        throw Error(ErrorKind::conflict,
                    fmt::format("MariaDB: migration {:04} ({}) was applied with another checksum "
                                "({}) than this program's ({})",
                                number, record.name, record.checksum, found->checksum),
                    "use the outboxd that applied it, or a released one");
      }
    }
  }

  std::optional<std::string> apply_one(const EmbeddedMigration& migration) {
    const std::map<int, Applied> applied = read_applied();
    const auto found = applied.find(migration.number);
    if (found != applied.end() && found->second.applied_at) return std::nullopt;
    if (found == applied.end()) enter(migration);
    for (const std::string& statement : statements_of(fill_in(migration.sql))) {
      run(migration, statement);
    }
    connection_.run(
        doing, fmt::format("UPDATE {} SET applied_at = {} WHERE outbox_table = {} AND "
                           "number = {}",
                           record_table(), now_sql, quote_text(shape().table), migration.number));
    return read_applied().at(migration.number).applied_at;
  }

  // MySQL cannot say IF NOT EXISTS of an index, nor of a column, which another outbox of this
  // database, or a run that was cut off, may have added.
  void run(const EmbeddedMigration& migration, const std::string& statement) {
    constexpr unsigned index_is_there = 1061;
    constexpr unsigned column_is_there = 1060;
    try {
      connection_.run(fmt::format("migration {:04} ({})", migration.number, migration.name),
                      statement);
    } catch (const SqlError& error) {
      if (error.number() != column_is_there && error.number() != index_is_there) throw;
    }
  }

  // Before it is entered as begun, the outbox must not be there: then it is somebody else's.
  void enter(const EmbeddedMigration& migration) {
    const bool makes_outbox = !migration.lookup_indexes_only() &&
                              migration.sql.find(" {schema}.{table} (") != std::string_view::npos;
    if (makes_outbox && exists(shape().table)) {
      throw Error(ErrorKind::conflict,
                  fmt::format("MariaDB: migration {:04} ({}): the table {} was there before and "
                              "was not made by outboxd",
                              migration.number, migration.name, shape().table),
                  "set outbox.preset to the document whose table it is, or outbox.table to "
                  "another name");
    }
    if (migration.daily_partitions_only()) refuse_rows(migration);
    connection_.run(doing, fmt::format("INSERT INTO {} (outbox_table, number, name, checksum) "
                                       "VALUES ({}, {}, {}, {})",
                                       record_table(), quote_text(shape().table), migration.number,
                                       quote_text(migration.name), quote_text(migration.checksum)));
  }

  // Building a full table anew would keep everybody waiting.
  void refuse_rows(const EmbeddedMigration& migration) {
    const Result found =
        connection_.run(doing,
                        fmt::format("SELECT 1 FROM {}.{} LIMIT 1", quote_identifier(schema_),
                                    quote_identifier(shape().table)),
                        Effect::reads);
    if (found.rows() == 0) return;
    throw Error(ErrorKind::conflict,
                fmt::format("MariaDB: migration {:04} ({}): the table has rows, and "
                            "outbox.partitions=daily takes an empty one",
                            migration.number, migration.name),
                "leave it unset, or see \"An outbox that is there already\" in "
                "docs/retention.md");
  }

  // The one that pads nothing has another name on each of the two.
  [[nodiscard]] std::string collation() const {
    return connection_.is_mariadb() ? "utf8mb4_nopad_bin" : "utf8mb4_0900_bin";
  }

  [[nodiscard]] std::string fill_in(std::string_view sql) const {
    std::string text(sql);
    text = replace_all(std::move(text), "{schema}", quote_identifier(schema_));
    text = replace_all(std::move(text), "{table}", quote_identifier(shape().table));
    text = replace_all(std::move(text), "{name:_pending}",
                       quote_identifier(shape().table + "_pending"));
    text = replace_all(std::move(text), "{outbox}", quote_text(shape().table));
    text = replace_all(std::move(text), "{slots}", std::to_string(shared_->options().slots));
    text = replace_all(std::move(text), "{collation}", collation());
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
  return std::make_unique<MariadbMigrations>(std::move(shared));
}

}  // namespace outbox::store::mariadb
