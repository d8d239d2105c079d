// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <filesystem>
#include <map>

#include "core/clock.hpp"
#include "store/migrations/embedded.hpp"
#include "store/sqlite/seams.hpp"

namespace outbox::store::sqlite {

namespace {

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos;
       at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

struct Applied {
  std::string checksum;
  std::string applied_at;
};

class SqliteMigrations final : public Migrations {
 public:
  explicit SqliteMigrations(SharedContext context) : context_(std::move(context)) {}

  std::vector<MigrationView> status() override {
    std::map<int, Applied> applied;
    // Looking must not make the file.
    if (std::filesystem::exists(context_->database->path())) {
      const auto reader = context_->database->reader(context_->options.statement_timeout);
      applied = read_applied(*reader);
    }
    check(applied);
    std::vector<MigrationView> views;
    for (const EmbeddedMigration& migration : wanted())
      views.push_back(view_of(migration, applied));
    return views;
  }

  std::vector<MigrationView> apply() override {
    const Turn turn = context_->write(Access::create);
    turn.connection().run_script(
        "CREATE TABLE IF NOT EXISTS outboxd_migrations (outbox_table TEXT NOT NULL, "
        "number INTEGER NOT NULL, name TEXT NOT NULL, checksum TEXT NOT NULL, "
        "applied_at TEXT NOT NULL, PRIMARY KEY (outbox_table, number)) WITHOUT ROWID");
    std::vector<MigrationView> done;
    for (const EmbeddedMigration& migration : wanted()) {
      if (apply_one(turn.connection(), migration)) {
        done.push_back(view_of(migration, read_applied(turn.connection())));
      }
    }
    return done;
  }

 private:
  // Beside a table of others only our own are made.
  [[nodiscard]] std::vector<EmbeddedMigration> wanted() const {
    std::vector<EmbeddedMigration> wanted;
    for (const EmbeddedMigration& migration : sqlite_migrations()) {
      const bool native = context_->options.table.native;
      if (migration.native_only() && !native) continue;
      if (migration.lookup_indexes_only() && !(native && context_->options.lookup_indexes))
        continue;
      wanted.push_back(migration);
    }
    return wanted;
  }

  // The transaction is the lock: whoever comes second finds the migration applied.
  bool apply_one(Connection& connection, const EmbeddedMigration& migration) const {
    Transaction transaction(connection);
    const std::map<int, Applied> applied = read_applied(connection);
    check(applied);
    if (applied.contains(migration.number)) return false;
    try {
      connection.run_script(filled(migration));
    } catch (const Error& error) {
      // SQLite cannot say IF NOT EXISTS of a column, which another outbox of this file may have
      // added. Such a migration does nothing else.
      const bool is_there =
          std::string_view(error.what()).find("duplicate column name") != std::string_view::npos;
      if (!is_there)
        throw Error(error.kind(), fmt::format("migration {:04} {} was undone: {}", migration.number,
                                              migration.name, error.what()));
    }
    connection
        .query(
            "INSERT INTO outboxd_migrations (outbox_table, number, name, checksum, applied_at) "
            "VALUES (?1, ?2, ?3, ?4, ?5)",
            context_->table_name, migration.number, migration.name, migration.checksum,
            std::string_view(format_timestamp(wall_clock_us()).text))
        .run();
    transaction.commit();
    return true;
  }

  [[nodiscard]] std::map<int, Applied> read_applied(Connection& connection) const {
    std::map<int, Applied> applied;
    {
      Query exists = connection.query(
          "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'outboxd_migrations'");
      if (!exists.step()) return applied;
    }
    Query query = connection.query(
        "SELECT number, checksum, applied_at FROM outboxd_migrations WHERE outbox_table = ?1",
        context_->table_name);
    while (query.step()) {
      applied.emplace(static_cast<int>(query.integer(0)),
                      Applied{std::string(query.text(1)), std::string(query.text(2))});
    }
    return applied;
  }

  static void check(const std::map<int, Applied>& applied) {
    for (const auto& [number, entry] : applied) {
      const EmbeddedMigration* known = nullptr;
      for (const EmbeddedMigration& migration : sqlite_migrations()) {
        if (migration.number == number) known = &migration;
      }
      if (known == nullptr) {
        throw Error(
            ErrorKind::conflict,
            fmt::format("the database has migration {:04}, which this program does not know",
                        number),
            "use the newer outboxd that applied it");
      }
      if (known->checksum != entry.checksum) {
        throw Error(ErrorKind::conflict,
                    fmt::format("migration {:04} {} was applied with another checksum", number,
                                known->name),
                    "an applied migration never changes; use the outboxd that applied it");
      }
    }
  }

  [[nodiscard]] MigrationView view_of(const EmbeddedMigration& migration,
                                      const std::map<int, Applied>& applied) const {
    MigrationView view;
    view.number = migration.number;
    view.name = migration.name;
    view.sql = filled(migration);
    if (const auto found = applied.find(migration.number); found != applied.end()) {
      view.applied_at = found->second.applied_at;
    }
    return view;
  }

  [[nodiscard]] std::string filled(const EmbeddedMigration& migration) const {
    const std::string& table = context_->table_name;
    std::string sql(migration.sql);
    replace_all(sql, "{table}", quoted_identifier(table));
    for (const std::string_view suffix :
         {"_unsettled", "_dead", "_pending", "_event_id", "_key", "_aggregate"}) {
      replace_all(sql, fmt::format("{{name:{}}}", suffix),
                  quoted_identifier(derived_name(table, suffix)));
    }
    replace_all(sql, "{slots}", std::to_string(context_->options.slots));
    replace_all(sql, "{outbox}", quoted_text(table));
    return sql;
  }

  const SharedContext context_;
};

}  // namespace

std::unique_ptr<Migrations> make_migrations(SharedContext context) {
  return std::make_unique<SqliteMigrations>(std::move(context));
}

}  // namespace outbox::store::sqlite
