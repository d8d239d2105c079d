// SPDX-License-Identifier: Apache-2.0
//
// What days of a table cost MariaDB that they do not cost PostgreSQL: p_rest, which days are split
// off, and ids that each partition counts by itself.
#include <gmock/gmock.h>

#include <fmt/format.h>

#include "integration/mariadb/relay.hpp"

namespace outbox::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr int days_ahead = 3;

class MariadbPartitions : public ::testing::Test {
 protected:
  void SetUp() override {
    store::HomeOptions options = options_of(database_);
    options.daily_partitions = true;
    store::Home home = store::mariadb::make_home(options);
    home.migrations()->apply();
    retaining_ = home.retention();
  }

  static store::RetentionRequest request() {
    return {.keep = std::chrono::hours(30 * 24), .archive_table = {}, .rows_max = 1000};
  }

  store::PartitionChanges keep() { return retaining_->keep_partitions(request(), days_ahead); }

  void insert(const std::string& created_at, const std::string& status) {
    database_.execute(fmt::format(
        "INSERT INTO outbox_events (aggregate_type, aggregate_id, event_type, payload, created_at, "
        "status, published_at) VALUES ('order', 'a', 'PAID', '{{}}', '{0}', '{1}', '{0}')",
        created_at, status));
  }

  // A day before all others, as the clean-up made it when it was today.
  void make_old_day(int day) {
    const auto first = [this](const std::string& column) {
      return *database_.value(fmt::format(
          "SELECT {} FROM information_schema.partitions WHERE table_schema = database() AND "
          "table_name = 'outbox_events' AND partition_ordinal_position = 1",
          column));
    };
    database_.execute(fmt::format(
        "ALTER TABLE outbox_events REORGANIZE PARTITION {0} INTO (PARTITION p2001010{1} VALUES "
        "LESS THAN ('2001-01-{2:02}'), PARTITION {0} VALUES LESS THAN ({3}))",
        first("partition_name"), day, day + 1, first("partition_description")));
  }

  std::string ids() {
    return database_.value("SELECT group_concat(id ORDER BY id) FROM outbox_events").value_or("");
  }

  MariadbDatabase database_;
  std::unique_ptr<store::Retention> retaining_;
};

TEST_F(MariadbPartitions, rows_without_a_day_are_never_moved_and_the_days_are_told_of) {
  insert_keys(database_, {"a", "b", "c"});
  const store::PartitionChanges changes = keep();
  EXPECT_THAT(changes.hindered, SizeIs(days_ahead + 1));
  EXPECT_THAT(changes.created, IsEmpty());
  EXPECT_FALSE(changes.busy);
  EXPECT_EQ(ids(), "1,2,3");
  EXPECT_EQ(database_.value("SELECT count(*) FROM information_schema.partitions WHERE "
                            "table_schema = database() AND table_name = 'outbox_events'"),
            "1");
}

TEST_F(MariadbPartitions, nobody_waits_for_days_that_rows_without_one_hinder) {
  insert_keys(database_, {"a"});
  store::mariadb::Connection other(
      {.url = database_.url(), .role = "test", .database = {}, .lock_timeout = 1s});
  other.begin();
  other.run("a test", "SELECT id FROM outbox_events");
  const store::PartitionChanges changes = keep();
  EXPECT_FALSE(changes.busy) << "it did not even ask for the table";
  EXPECT_THAT(changes.hindered, SizeIs(days_ahead + 1));
  other.roll_back();
}

TEST_F(MariadbPartitions, rows_without_a_day_go_one_by_one_and_then_days_are_made) {
  insert("2001-01-01 12:00:00", "PUBLISHED");
  insert("2100-01-01 12:00:00", "PUBLISHED");
  database_.execute("UPDATE outbox_events SET published_at = '2001-01-01'");
  insert("2001-01-01 12:00:00", "PENDING");
  EXPECT_EQ(retaining_->preview(request(), {}, 100).rows, 2);
  EXPECT_EQ(retaining_->clear_published(request()).rows, 2);
  EXPECT_THAT(keep().created, IsEmpty()) << "one row is there still";
  database_.execute("DELETE FROM outbox_events");
  EXPECT_THAT(keep().created, SizeIs(days_ahead + 1));
  insert("2100-01-01 12:00:00", "PUBLISHED");
  database_.execute("UPDATE outbox_events SET published_at = '2001-01-01'");
  EXPECT_EQ(retaining_->clear_published(request()).rows, 1)
      << "beside days too: it would keep the next ones from being made";
}

TEST_F(MariadbPartitions, ids_go_on_behind_those_of_a_day_that_was_dropped) {
  EXPECT_THAT(keep().created, SizeIs(days_ahead + 1));
  make_old_day(1);
  for (int row = 0; row < 5; ++row)
    insert("2001-01-01 12:00:00", "PUBLISHED");
  EXPECT_THAT(keep().dropped, ElementsAre("p20010101"));
  EXPECT_EQ(ids(), "");
  database_.execute("FLUSH TABLES outbox_events");
  insert_keys(database_, {"a"});
  EXPECT_EQ(ids(), "6") << "consumers know the others";
}

TEST_F(MariadbPartitions, ids_go_on_behind_those_that_stood_where_days_are_split_off) {
  insert_keys(database_, {"a", "b", "c"});
  database_.execute("DELETE FROM outbox_events");
  EXPECT_THAT(keep().created, SizeIs(days_ahead + 1));
  insert_keys(database_, {"d"});
  EXPECT_EQ(ids(), "4");
}

TEST_F(MariadbPartitions, a_lock_that_is_not_got_ends_it_for_this_time) {
  EXPECT_THAT(keep().created, SizeIs(days_ahead + 1));
  for (int day = 9; day > 0; --day)
    make_old_day(day);
  store::mariadb::Connection other({.url = database_.url(), .role = "test", .database = {}});
  other.begin();
  other.run("a test", "SELECT count(*) FROM outbox_events");
  const auto begun = std::chrono::steady_clock::now();
  const store::PartitionChanges changes = keep();
  EXPECT_TRUE(changes.busy);
  EXPECT_THAT(changes.dropped, IsEmpty());
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 5s) << "nine days, and one wait of a second";
  other.roll_back();
  EXPECT_THAT(keep().dropped, SizeIs(9));
}

}  // namespace
}  // namespace outbox::testing
