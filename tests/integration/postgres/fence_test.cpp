// SPDX-License-Identifier: Apache-2.0
//
// anchors/reliability.md, 7.6 and trap 21: what happens between the statements of two sessions.
#include <gmock/gmock.h>

#include <atomic>
#include <future>
#include <thread>

#include "integration/postgres/relay.hpp"

namespace outbox::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class PostgresFence : public ::testing::Test {
 protected:
  void SetUp() override {
    store::postgres::make_home(options_of(schema_)).migrations()->apply();
    schema_.execute(
        "INSERT INTO outbox_events (aggregate_type, aggregate_id, event_type, payload) "
        "VALUES ('order', 'k', 'PAID', '{}')");
  }

  // Ends once the settling session waits for a lock that another holds, or has not waited at all.
  void wait_until_blocked(const std::future<store::SettleResult>& settling) {
    const std::string sql =
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'outboxd relay settle' AND "
        "wait_event_type = 'Lock' AND query LIKE '%" +
        schema_.name() + "%'";
    while (schema_.value(sql) == "0" && settling.wait_for(10ms) != std::future_status::ready) {
    }
  }

  // A deferred trigger sleeps while the commit is under way.
  void make_commits_slow() {
    schema_.execute(
        "CREATE FUNCTION sleep_long() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "PERFORM pg_sleep(20); RETURN NULL; END $$;"
        "CREATE CONSTRAINT TRIGGER slow_commit AFTER UPDATE ON outbox_events DEFERRABLE INITIALLY "
        "DEFERRED FOR EACH ROW EXECUTE FUNCTION sleep_long()");
  }

  void make_commits_fast() { schema_.execute("DROP TRIGGER slow_commit ON outbox_events"); }

  void kill_while_committing(const std::string& application_name) {
    // The session that sleeps is the one that has locked this table.
    const std::string session =
        "SELECT a.pid FROM pg_stat_activity a JOIN pg_locks l ON l.pid = a.pid WHERE "
        "l.relation = 'outbox_events'::regclass AND a.wait_event = 'PgSleep' AND "
        "a.application_name = '" +
        application_name + "'";
    while (!schema_.value(session))
      schema_.execute("SELECT pg_sleep(0.01)");
    schema_.execute("SELECT pg_terminate_backend((" + session + " LIMIT 1))");
  }

  PostgresSchema schema_;
};

TEST_F(PostgresFence, an_epoch_that_is_committed_while_settling_waits_keeps_the_row_unsettled) {
  Member member = join(options_of(schema_));
  const RowBatch batch = member.read();
  ASSERT_THAT(batch.rows, SizeIs(1));
  store::postgres::Connection taker({.url = schema_.url(), .role = "test taker"});
  taker.begin();
  taker.run_script("taking", "UPDATE outboxd_slots SET epoch = epoch + 1, owner = 'other'");
  auto settling = std::async(std::launch::async, [&] { return member.publish(batch); });
  wait_until_blocked(settling);
  taker.commit();
  const store::SettleResult result = settling.get();
  EXPECT_EQ(result.rows_settled, 0);
  EXPECT_THAT(result.lost_slots, SizeIs(32));
  EXPECT_EQ(schema_.value("SELECT status FROM outbox_events"), "PENDING");
}

TEST_F(PostgresFence, who_takes_a_slot_waits_for_nobody_and_leaves_one_that_is_being_settled) {
  Member member = join(options_of(schema_));
  schema_.execute("UPDATE outboxd_slots SET expires_at = clock_timestamp() - interval '1 second'");
  store::postgres::Connection settling({.url = schema_.url(), .role = "test settling"});
  settling.begin();
  settling.run_script("locking", "SELECT FROM outboxd_slots WHERE slot = 5 FOR SHARE");
  const Member second = join(options_of(schema_, "publisher-00000002"));
  EXPECT_THAT(second.held, SizeIs(31));
  settling.roll_back();
}

TEST_F(PostgresFence, a_commit_whose_answer_never_came_is_in_doubt_and_may_be_settled_again) {
  Member member = join(options_of(schema_));
  const RowBatch batch = member.read();
  make_commits_slow();
  auto settling =
      std::async(std::launch::async, [&] { return error_of([&] { member.publish(batch); }); });
  kill_while_committing("outboxd relay settle");
  const Error error = settling.get();
  EXPECT_EQ(error.kind(), ErrorKind::unreachable);
  EXPECT_TRUE(error.in_doubt());
  make_commits_fast();
  EXPECT_EQ(member.publish(batch).rows_settled, 1) << "the next call connects anew";
}

TEST_F(PostgresFence, a_read_on_a_killed_session_is_no_doubt_and_the_next_one_connects_anew) {
  // A role of its own tells the session from those of other tests.
  schema_.execute("CREATE ROLE " + schema_.name() + " LOGIN SUPERUSER");
  store::HomeOptions options = options_of(schema_);
  options.url += "&user=" + schema_.name();
  {
    Member member = join(options);
    EXPECT_THAT(member.read().rows, SizeIs(1));
    schema_.execute(
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE "
        "application_name = 'outboxd relay capture' AND usename = '" +
        schema_.name() + "'");
    const Error error = error_of([&] { member.read(); });
    EXPECT_EQ(error.kind(), ErrorKind::unreachable);
    EXPECT_FALSE(error.in_doubt());
    EXPECT_THAT(member.read().rows, SizeIs(1));
  }
  schema_.execute("DROP ROLE " + schema_.name());
}

TEST_F(PostgresFence, rows_of_a_claim_whose_commit_is_in_doubt_come_again_at_once) {
  store::HomeOptions options = options_of(schema_);
  options.capture = store::CaptureMode::row;
  Member member = join(options);
  make_commits_slow();
  auto reading = std::async(std::launch::async, [&] { return error_of([&] { member.read(); }); });
  kill_while_committing("outboxd relay capture");
  EXPECT_TRUE(reading.get().in_doubt());
  make_commits_fast();
  // As if the commit had been done all the same.
  schema_.execute(
      "UPDATE outbox_events SET status = 'PROCESSING', locked_by = 'publisher-00000001', "
      "locked_at = now()");
  EXPECT_THAT(keys_of(member.read()), ElementsAre("k"));
}

TEST_F(PostgresFence, a_row_locked_by_another_publisher_is_skipped) {
  schema_.execute(
      "INSERT INTO outbox_events (aggregate_type, aggregate_id, event_type, payload) "
      "VALUES ('order', 'other', 'PAID', '{}')");
  store::HomeOptions options = options_of(schema_);
  options.capture = store::CaptureMode::row;
  Member member = join(options);
  store::postgres::Connection publisher({.url = schema_.url(), .role = "test publisher"});
  publisher.begin();
  publisher.run_script("locking", "SELECT FROM outbox_events WHERE aggregate_id = 'k' FOR UPDATE");
  const RowBatch first = member.read();
  EXPECT_THAT(keys_of(first), ElementsAre("other"));
  publisher.roll_back();
  const std::vector<RowId> in_flight = {first.rows[0].id};
  EXPECT_THAT(keys_of(member.read({.in_flight = in_flight})), ElementsAre("k"));
}

TEST_F(PostgresFence, many_relays_share_slots_heartbeat_and_settle_without_a_deadlock) {
  schema_.execute(
      "INSERT INTO outbox_events (aggregate_type, aggregate_id, event_type, payload) "
      "SELECT 'order', 'k' || i, 'PAID', '{}' FROM generate_series(1, 2000) i");
  std::atomic<int> errors = 0;
  const auto work = [&](int number) {
    try {
      Member member = join(options_of(schema_, "publisher-0000000" + std::to_string(number)), 11);
      const auto pulse = store::postgres::make_home(
                             options_of(schema_, "publisher-0000000" + std::to_string(number)))
                             .leases();
      std::atomic<bool> done = false;
      std::jthread heart([&] {
        while (!done)
          pulse->heartbeat(member.held);
      });
      while (true) {
        const RowBatch batch = member.read({.rows_max = 50});
        if (batch.rows.empty()) break;
        member.publish(batch);
      }
      done = true;
    } catch (const Error& error) {
      ADD_FAILURE() << error.what();
      ++errors;
    }
  };
  {
    std::vector<std::jthread> relays;
    for (int number = 1; number <= 3; ++number)
      relays.emplace_back(work, number);
  }
  EXPECT_EQ(errors, 0);
  EXPECT_EQ(schema_.value("SELECT count(*) FROM outbox_events WHERE status <> 'PUBLISHED'"), "0");
}

}  // namespace
}  // namespace outbox::testing
