// SPDX-License-Identifier: Apache-2.0
//
// How far a read skips (anchors/reliability.md, traps 2, 3, 10 and 7.3), and how much it brings.
#include <gmock/gmock.h>

#include <fmt/format.h>

#include "core/clock.hpp"
#include "integration/postgres/relay.hpp"
#include "store/postgres/floor.hpp"

namespace outbox::testing {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class PostgresCapture : public ::testing::Test {
 protected:
  void SetUp() override { store::postgres::make_home(options_of(schema_)).migrations()->apply(); }

  void insert(int rows) {
    schema_.execute(
        fmt::format("INSERT INTO outbox_events (aggregate_type, aggregate_id, event_type, payload) "
                    "SELECT 'order', 'k' || i, 'PAID', '{{}}' FROM generate_series(1, {}) i",
                    rows));
  }

  // Reads as the member does, and keeps a floor of its own besides, to see what it comes to.
  RowBatch read(Member& member, const Query& query = {}) {
    if (!floor_) {
      table_.emplace(store::postgres::Table::look_up(connection_, options_of(schema_)));
      floor_.emplace(*table_);
    }
    store::ReadRequest request{.leases = member.held,
                               .in_flight = query.in_flight,
                               .blocked_keys = query.blocked_keys,
                               .only_keys = query.only_keys,
                               .held_routes = query.held_routes,
                               .lowest_unsettled = query.lowest_unsettled,
                               .rescan = query.rescan,
                               .rows_max = query.rows_max,
                               .bytes_max = query.bytes_max};
    lowest_ = floor_->before_read(connection_, request);
    RowBatch batch = member.read(query);
    floor_->after_read(batch, true);
    return batch;
  }

  // Reads and publishes until nothing is left.
  std::size_t drain(Member& member) {
    std::size_t rows = 0;
    while (true) {
      const RowBatch batch = read(member, {.rows_max = 500});
      if (batch.rows.empty()) return rows;
      rows += batch.rows.size();
      member.publish(batch);
    }
  }

  // Reads until a read skips something, or until the time is over.
  bool skips_within(Member& member, std::chrono::milliseconds duration) {
    const Moment end = BootClock::now() + duration;
    while (BootClock::now() < end) {
      read(member);
      if (lowest_) return true;
    }
    return false;
  }

  std::optional<std::int64_t> lowest_;
  std::optional<store::postgres::Table> table_;
  std::optional<store::postgres::SafeFloor> floor_;
  PostgresSchema schema_;
  store::postgres::Connection connection_{{.url = schema_.url(), .role = "test floor"}};
};

TEST_F(PostgresCapture, what_is_settled_is_skipped_once_no_transaction_can_bring_an_older_row) {
  Member member = join(options_of(schema_));
  insert(5000);
  EXPECT_EQ(drain(member), 5000U);
  EXPECT_TRUE(skips_within(member, 30s));
  EXPECT_EQ(lowest_, 5001);
  insert(10);
  EXPECT_EQ(drain(member), 10U);
  read(member, {.lowest_unsettled = RowId{.number = 4000, .text = {}}});
  EXPECT_EQ(lowest_, 4000) << "never above what the caller still has";
  read(member, {.rescan = true});
  EXPECT_FALSE(lowest_) << "from the first row when told to";
}

TEST_F(PostgresCapture, nothing_is_skipped_while_a_transaction_lives_that_may_have_drawn_an_id) {
  Member member = join(options_of(schema_));
  store::postgres::Connection late({.url = schema_.url(), .role = "test writer"});
  late.begin();
  late.run_script("writing",
                  "INSERT INTO outbox_events (aggregate_type, aggregate_id, event_type, payload) "
                  "VALUES ('order', 'late', 'PAID', '{}')");
  insert(5000);
  EXPECT_EQ(drain(member), 5000U);
  EXPECT_FALSE(skips_within(member, 1s)) << "four looks in which the writer was seen";
  late.commit();
  EXPECT_THAT(keys_of(member.read()), ElementsAre("late"));
}

TEST_F(PostgresCapture, nothing_is_skipped_while_a_transaction_is_prepared) {
  Member member = join(options_of(schema_));
  const std::string name = "prepared " + schema_.name();
  schema_.execute(
      "BEGIN; INSERT INTO outbox_events (aggregate_type, aggregate_id, event_type, payload) "
      "VALUES ('order', 'late', 'PAID', '{}'); PREPARE TRANSACTION '" +
      name + "'");
  insert(5000);
  EXPECT_EQ(drain(member), 5000U);
  EXPECT_FALSE(skips_within(member, 1s));
  schema_.execute("COMMIT PREPARED '" + name + "'");
  EXPECT_THAT(keys_of(member.read()), ElementsAre("late"));
}

TEST_F(PostgresCapture, rows_of_a_key_that_was_blocked_are_read_when_it_is_free_again) {
  Member member = join(options_of(schema_));
  insert(5000);
  const std::vector<std::string> blocked = {"k17"};
  const Moment end = BootClock::now() + 1500ms;
  std::size_t settled = 0;
  while (BootClock::now() < end || settled < 4999) {
    const RowBatch batch = read(member, {.blocked_keys = blocked, .rows_max = 500});
    settled += batch.rows.size();
    member.publish(batch);
  }
  EXPECT_EQ(lowest_, 5001) << "blocked rows are skipped as long as they are blocked";
  EXPECT_THAT(keys_of(read(member)), ElementsAre("k17"));
}

TEST_F(PostgresCapture, a_slot_that_is_new_to_us_brings_its_old_rows) {
  Member member = join(options_of(schema_), 16);
  insert(6000);
  drain(member);
  skips_within(member, 1500ms);
  for (const store::AcquiredSlot& slot : member.leases->acquire(16)) {
    member.held.push_back(slot.lease);
  }
  drain(member);
  EXPECT_EQ(schema_.value("SELECT count(*) FROM outbox_events WHERE status = 'PENDING'"), "0");
}

TEST_F(PostgresCapture, a_sequence_that_goes_back_hides_no_row) {
  Member member = join(options_of(schema_));
  insert(5000);
  drain(member);
  EXPECT_TRUE(skips_within(member, 30s));
  schema_.execute("TRUNCATE outbox_events RESTART IDENTITY");
  insert(3);
  const Moment end = BootClock::now() + 30s;
  RowBatch batch;
  while (batch.rows.empty() && BootClock::now() < end)
    batch = member.read();
  EXPECT_THAT(batch.rows, SizeIs(3)) << "seen by the next look, without a rescan";
}

TEST_F(PostgresCapture, rows_of_5_megabytes_come_one_by_one) {
  // Half of it cannot be compressed, the other half is nothing but x.
  schema_.execute(
      "INSERT INTO outbox_events (aggregate_type, aggregate_id, event_type, payload) "
      "SELECT 'order', 'k' || i, 'PAID', to_json(CASE WHEN i % 2 = 0 THEN repeat('x', 5000000) "
      "ELSE (SELECT string_agg(md5(random()::text), '') FROM generate_series(1, 156250)) END) "
      "FROM generate_series(1, 12) i");
  Member member = join(options_of(schema_));
  std::size_t rows = 0;
  while (true) {
    const RowBatch batch = member.read({.rows_max = 1000, .bytes_max = 8'000'000});
    if (batch.rows.empty()) break;
    EXPECT_LE(batch.rows.size(), 2U);
    EXPECT_LE(batch.bytes, 13'100'000U);
    for (const OutboxRow& row : batch.rows)
      EXPECT_GE(row.payload.size(), 5'000'000U);
    rows += batch.rows.size();
    member.publish(batch);
  }
  EXPECT_EQ(rows, 12U);
}

TEST_F(PostgresCapture, a_read_of_a_table_full_of_settled_rows_uses_the_partial_index) {
  insert(20000);
  schema_.execute("UPDATE outbox_events SET status = 'PUBLISHED' WHERE id <= 19990");
  schema_.execute("VACUUM ANALYZE outbox_events");
  Member member = join(options_of(schema_));
  EXPECT_THAT(member.read().rows, SizeIs(10));
  const auto scans = [&] {
    schema_.execute("SELECT pg_stat_force_next_flush()");
    return schema_.value(
        "SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = "
        "'outbox_events_unsettled' AND schemaname = current_schema()");
  };
  // The reader's own statistics arrive when its session ends.
  member.capture.reset();
  const Moment end = BootClock::now() + 30s;
  while (scans() == "0" && BootClock::now() < end)
    schema_.execute("SELECT pg_sleep(0.05)");
  EXPECT_NE(scans(), "0");
}

TEST_F(PostgresCapture, rows_without_a_key_are_read_with_a_mark) {
  schema_.execute(
      "ALTER TABLE outbox_events ALTER aggregate_id DROP NOT NULL, "
      "DROP COLUMN bucket");
  store::HomeOptions options = options_of(schema_);
  options.table.columns.bucket.reset();
  insert(1);
  schema_.execute("INSERT INTO outbox_events (aggregate_type, event_type) VALUES ('order', 'X')");
  Member member = join(options);
  const std::vector<std::string> blocked = {"other"};
  const RowBatch batch = member.read({.blocked_keys = blocked});
  ASSERT_THAT(batch.rows, SizeIs(2));
  EXPECT_FALSE(batch.rows[0].key_is_null);
  EXPECT_TRUE(batch.rows[1].key_is_null);
  EXPECT_EQ(batch.rows[1].slot, 0) << "bucket 0";
}

TEST_F(PostgresCapture, old_rows_far_below_the_others_in_flight_are_left_out_too) {
  insert(3);
  schema_.execute("ALTER TABLE outbox_events ALTER id RESTART WITH 5000000");
  insert(3);
  Member member = join(options_of(schema_));
  const std::vector<RowId> in_flight = {{.number = 2, .text = {}},
                                        {.number = 5'000'001, .text = {}}};
  const RowBatch batch = member.read({.in_flight = in_flight});
  std::vector<std::int64_t> ids;
  for (const OutboxRow& row : batch.rows)
    ids.push_back(row.id.number);
  EXPECT_THAT(ids, ElementsAre(1, 3, 5'000'000, 5'000'002));
}

}  // namespace
}  // namespace outbox::testing
