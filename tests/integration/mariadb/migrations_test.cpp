// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include "integration/mariadb/relay.hpp"

namespace outbox::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

TEST(MariadbMigrations, a_table_that_was_there_before_is_named_and_left_alone) {
  MariadbDatabase database;
  database.execute("CREATE TABLE outbox_events (id int)");
  const auto migrations = store::mariadb::make_home(options_of(database)).migrations();
  const Error error = error_of([&] { migrations->apply(); });
  EXPECT_EQ(error.kind(), ErrorKind::conflict);
  EXPECT_THAT(error.what(), HasSubstr("was there before"));
  EXPECT_EQ(database.value("SELECT count(*) FROM information_schema.columns WHERE table_name = "
                           "'outbox_events' AND table_schema = '" +
                           database.name() + "'"),
            "1");
}

TEST(MariadbMigrations, one_that_was_cut_off_is_run_again_from_its_beginning) {
  MariadbDatabase database;
  const auto migrations = store::mariadb::make_home(options_of(database)).migrations();
  migrations->apply();
  insert_keys(database, {"a"});
  // As if the program had died between the last statement and the note of its success.
  database.execute("UPDATE outboxd_migrations SET applied_at = NULL WHERE number = 2");
  EXPECT_FALSE(migrations->status()[1].applied_at);
  EXPECT_THAT(migrations->apply(), SizeIs(1));
  EXPECT_EQ(database.value("SELECT count(*) FROM outbox_events"), "1") << "nothing is lost";
}

TEST(MariadbMigrations, two_tables_of_one_database_have_slots_and_ids_of_their_own) {
  MariadbDatabase database;
  store::HomeOptions second = options_of(database);
  second.table.table = "second_events";
  store::mariadb::make_home(options_of(database)).migrations()->apply();
  store::mariadb::make_home(second).migrations()->apply();
  EXPECT_THAT(join(options_of(database)).held, SizeIs(32));
  EXPECT_THAT(join(second).held, SizeIs(32));
  EXPECT_EQ(database.value("SELECT count(DISTINCT value) FROM outboxd_meta WHERE name = "
                           "'outbox_id'"),
            "2");
}

TEST(MariadbMigrations, ids_that_went_back_make_a_new_outbox) {
  MariadbDatabase database;
  const store::Home home = store::mariadb::make_home(options_of(database));
  home.migrations()->apply();
  insert_keys(database, {"a", "b"});
  const store::Terms terms{.relay_name = "default",
                           .aggregate_types = {},
                           .capture = "lease",
                           .settle = "mark",
                           .slots = 32};
  const Uuid before = home.agreement()->agree(terms).outbox_id;
  EXPECT_EQ(home.agreement()->agree(terms).outbox_id, before);
  database.execute("TRUNCATE TABLE outbox_events");
  EXPECT_NE(home.agreement()->agree(terms).outbox_id, before);
}

TEST(MariadbMigrations, times_are_utc_whatever_the_time_zone_of_who_inserts) {
  MariadbDatabase database;
  store::mariadb::make_home(options_of(database)).migrations()->apply();
  database.execute("SET time_zone = '+09:00'");
  insert_keys(database, {"a"});
  EXPECT_EQ(database.value("SELECT abs(timestampdiff(SECOND, created_at, utc_timestamp())) < 60 "
                           "FROM outbox_events"),
            "1");
  Member member = join(options_of(database));
  const RowBatch batch = member.read();
  ASSERT_THAT(batch.rows, SizeIs(1));
  const auto now = database.value("SELECT unix_timestamp(now(6)) * 1000000");
  EXPECT_NEAR(static_cast<double>(batch.rows[0].occurred_at_us), std::stod(*now), 60e6);
}

}  // namespace
}  // namespace outbox::testing
