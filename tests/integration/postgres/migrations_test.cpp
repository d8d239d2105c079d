// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <atomic>
#include <thread>

#include "integration/postgres/relay.hpp"

namespace outbox::testing {
namespace {

using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::SizeIs;

TEST(PostgresMigrations, many_at_once_apply_each_migration_once) {
  PostgresSchema schema;
  std::atomic<std::size_t> applied = 0;
  {
    std::vector<std::jthread> programs;
    for (int i = 0; i < 4; ++i) {
      programs.emplace_back([&] {
        try {
          applied += store::postgres::make_home(options_of(schema)).migrations()->apply().size();
        } catch (const Error& error) {
          ADD_FAILURE() << error.what();
        }
      });
    }
  }
  const std::size_t known =
      store::postgres::make_home(options_of(schema)).migrations()->status().size();
  EXPECT_EQ(applied, known);
  EXPECT_EQ(schema.value("SELECT count(*) FROM outboxd_migrations"), std::to_string(known));
}

TEST(PostgresMigrations, status_shows_what_would_run) {
  const PostgresSchema schema;
  const auto views = store::postgres::make_home(options_of(schema)).migrations()->status();
  ASSERT_THAT(views, SizeIs(Ge(5)));
  EXPECT_FALSE(views[1].applied_at);
  EXPECT_EQ(views[1].name, "outbox");
  EXPECT_THAT(views[1].sql, HasSubstr("CREATE TABLE \"" + schema.name() + "\".\"outbox_events\""));
}

TEST(PostgresMigrations, a_table_that_was_there_before_is_left_alone) {
  PostgresSchema schema;
  schema.execute("CREATE TABLE outbox_events (id int)");
  const Error error =
      error_of([&] { store::postgres::make_home(options_of(schema)).migrations()->apply(); });
  EXPECT_EQ(error.kind(), ErrorKind::conflict);
  EXPECT_THAT(error.what(), HasSubstr("outbox.preset"));
}

TEST(PostgresMigrations, with_a_foreign_table_only_own_tables_are_made) {
  PostgresSchema schema;
  schema.execute("CREATE TABLE outbox_events (id bigserial PRIMARY KEY, status text)");
  store::HomeOptions options = options_of(schema);
  options.table.native = false;
  store::postgres::make_home(options).migrations()->apply();
  EXPECT_EQ(schema.value("SELECT string_agg(relname, ',' ORDER BY relname) FROM pg_class WHERE "
                         "relkind = 'r' AND relnamespace = current_schema()::regnamespace"),
            "outbox_events,outboxd_audit,outboxd_discarded,outboxd_held_topics,outboxd_jobs,"
            "outboxd_keys,outboxd_letter_marks,outboxd_locks,outboxd_members,"
            "outboxd_meta,outboxd_migrations,outboxd_pauses,outboxd_relays,outboxd_replays,"
            "outboxd_slots");
  EXPECT_EQ(schema.value("SELECT count(*) FROM pg_attribute WHERE attrelid = "
                         "'outbox_events'::regclass AND attnum > 0"),
            "2");
}

TEST(PostgresMigrations, an_index_that_an_earlier_run_did_not_finish_is_made_anew) {
  PostgresSchema schema;
  store::HomeOptions options = options_of(schema);
  store::postgres::make_home(options).migrations()->apply();
  schema.execute(
      "INSERT INTO outbox_events (aggregate_type, aggregate_id, event_type, payload) "
      "SELECT 'order', 'a', 'ORDER_PAID', '{}' FROM generate_series(1, 2)");
  EXPECT_THROW(schema.execute("CREATE UNIQUE INDEX CONCURRENTLY outbox_events_key ON outbox_events "
                              "(aggregate_id)"),
               Error);
  const std::string broken =
      "SELECT count(*) FROM pg_index WHERE indrelid = 'outbox_events'::regclass AND NOT indisvalid";
  ASSERT_EQ(schema.value(broken), "1");
  options.lookup_indexes = true;
  store::postgres::make_home(options).migrations()->apply();
  EXPECT_EQ(schema.value(broken), "0");
  EXPECT_EQ(schema.value("SELECT indisunique FROM pg_index WHERE indexrelid = "
                         "'outbox_events_key'::regclass"),
            "f");
}

TEST(PostgresMigrations, a_missing_foreign_table_is_an_error) {
  const PostgresSchema schema;
  store::HomeOptions options = options_of(schema);
  options.table.native = false;
  const Error error = error_of([&] { store::postgres::make_home(options).migrations()->apply(); });
  EXPECT_EQ(error.kind(), ErrorKind::not_found);
}

TEST(PostgresMigrations, the_schema_of_the_configuration_counts) {
  PostgresSchema schema;
  const PostgresSchema other;
  store::HomeOptions options = options_of(schema);
  options.table.schema = other.name();
  store::postgres::make_home(options).migrations()->apply();
  EXPECT_EQ(schema.value("SELECT to_regclass('" + other.name() + ".processed_events') IS NOT NULL"),
            "t");
  Member member = join(options);
  EXPECT_EQ(member.held.size(), 32U);
}

}  // namespace
}  // namespace outbox::testing
