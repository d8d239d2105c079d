// SPDX-License-Identifier: Apache-2.0
#include "schema.hpp"

#include <string>

#include <outbox/error.hpp>

#include "files.hpp"

namespace shop {
namespace {

// A lock of PostgreSQL's by number, this one says "shop". SQLite's writer is alone anyway.
constexpr const char* lock_sql = "SELECT pg_advisory_xact_lock(1936224112)";

}  // namespace

void make_tables(outbox::Database& database) {
  if (database.dialect() == outbox::Dialect::sqlite) {
    database.script(std::string(files::sqlite_schema()));
    return;
  }
  // Two sessions that run CREATE TABLE IF NOT EXISTS at once may still collide.
  database.script(std::string(lock_sql) + ";" + std::string(files::postgres_schema()));
}

void one_at_a_time(outbox::Transaction& transaction) {
  if (transaction.dialect() == outbox::Dialect::postgres) transaction.execute(lock_sql);
}

void expect_outbox(outbox::Database& database) {
  try {
    database.transaction([](outbox::Transaction& transaction) {
      transaction.execute("SELECT id FROM outbox_events LIMIT 0");
      transaction.execute("SELECT event_id FROM processed_events LIMIT 0");
    });
  } catch (const outbox::Error& error) {
    if (error.kind() != outbox::ErrorKind::failed) throw;
    throw outbox::Error(outbox::ErrorKind::not_found, error.what(),
                        "run outboxd migrate on this database");
  }
}

std::string_view today_sql(outbox::Dialect dialect) {
  return dialect == outbox::Dialect::sqlite ? "date('now')"
                                            : "(clock_timestamp() AT TIME ZONE 'UTC')::date";
}

}  // namespace shop
