// SPDX-License-Identifier: Apache-2.0
//
// Traps 42 and 43: who waits for whom, and what a lock that was not got leaves behind.
#include <gmock/gmock.h>

#include <future>

#include <fmt/format.h>

#include "integration/mariadb/relay.hpp"

namespace outbox::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

class MariadbLocking : public ::testing::Test {
 protected:
  void SetUp() override { store::mariadb::make_home(options_of(database_)).migrations()->apply(); }

  store::mariadb::Connection session() const {
    return store::mariadb::Connection(
        {.url = database_.url(), .role = "test", .database = {}, .lock_timeout = 1s});
  }

  // Ends once a session of this database waits for a row's lock. What InnoDB tells of that is as
  // old as the last question, unless nobody on the server asks for a tenth of a second: a pause of
  // any length keeps two tests that ask at once from holding each other up.
  void wait_until_blocked() {
    const std::string waiting =
        "SELECT count(*) FROM information_schema.innodb_trx x JOIN "
        "information_schema.processlist p ON p.id = x.trx_mysql_thread_id "
        "WHERE x.trx_state = 'LOCK WAIT' AND p.db = '" +
        database_.name() + "'";
    while (database_.value(waiting) == "0")
      database_.execute("DO sleep(0.12 + 0.3 * rand())");
  }

  MariadbDatabase database_;
};

TEST_F(MariadbLocking, an_insert_never_waits_for_a_claim_of_the_relays) {
  insert_keys(database_, {"a", "b"});
  store::HomeOptions with_rows = options_of(database_);
  with_rows.capture = store::CaptureMode::row;
  Member member = join(with_rows);
  store::mariadb::Connection other = session();
  other.begin();
  other.run("a test", "UPDATE outbox_events SET topic = 't' WHERE id = 2");
  const RowBatch batch = member.read({.rows_max = 1000});
  EXPECT_THAT(keys_of(batch), ElementsAre("a")) << "a row that is locked is passed over";
  // As wide as a claim may be and kept open: the end of the index is within it (trap 42).
  store::mariadb::Connection claiming = session();
  claiming.begin();
  claiming.run("a test",
               "SELECT id FROM outbox_events FORCE INDEX (outboxd_open) WHERE open_state = 1 "
               "ORDER BY id LIMIT 1000 FOR UPDATE SKIP LOCKED");
  store::mariadb::Connection inserting = session();
  EXPECT_NO_THROW(
      inserting.run("a test",
                    "INSERT INTO outbox_events (aggregate_type, aggregate_id, event_type, payload) "
                    "VALUES ('order', 'c', 'PAID', '{}')"));
  claiming.roll_back();
  other.roll_back();
}

TEST_F(MariadbLocking, a_lock_that_was_not_got_in_a_settle_undoes_all_of_it) {
  insert_keys(database_, {"a", "b"});
  store::HomeOptions options = options_of(database_);
  options.lease_ttl = 4s;  // A lock is waited for during a quarter of it.
  Member member = join(options);
  const RowBatch batch = member.read();
  ASSERT_THAT(batch.rows, SizeIs(2));
  store::mariadb::Connection holder = session();
  holder.begin();
  holder.run("a test", "SELECT id FROM outbox_events WHERE id = 2 FOR UPDATE");
  const std::vector<store::PublishedRow> published = {
      {.id = batch.rows[0].id, .slot = batch.rows[0].slot}};
  const std::vector<store::RowChange> changes = {{.id = batch.rows[1].id,
                                                  .slot = batch.rows[1].slot,
                                                  .outcome = store::RowOutcome::dead,
                                                  .reason = "no",
                                                  .retry_after = {}}};
  const Error error =
      error_of([&] { member.settle({.published = published, .changes = changes}); });
  EXPECT_EQ(error.kind(), ErrorKind::unreachable);
  EXPECT_EQ(database_.value("SELECT group_concat(status ORDER BY id) FROM outbox_events"),
            "PENDING,PENDING")
      << "no half of a transaction stays";
  holder.roll_back();
  EXPECT_EQ(member.settle({.published = published, .changes = changes}).rows_settled, 2);
}

TEST_F(MariadbLocking, an_epoch_committed_while_settling_waits_keeps_the_row_unsettled) {
  insert_keys(database_, {"a"});
  Member member = join(options_of(database_));
  const RowBatch batch = member.read();
  ASSERT_THAT(batch.rows, SizeIs(1));
  store::mariadb::Connection taker = session();
  taker.begin();
  taker.run("a test", "UPDATE outboxd_slots SET epoch = epoch + 1, owner = 'other'");
  auto settling = std::async(std::launch::async, [&] { return member.publish(batch); });
  wait_until_blocked();
  taker.commit();
  const store::SettleResult result = settling.get();
  EXPECT_EQ(result.rows_settled, 0);
  EXPECT_THAT(result.lost_slots, SizeIs(32));
  EXPECT_EQ(database_.value("SELECT status FROM outbox_events"), "PENDING");
}

TEST_F(MariadbLocking, who_takes_slots_waits_for_nobody_and_leaves_one_that_is_being_settled) {
  const Member member = join(options_of(database_));
  database_.execute("UPDATE outboxd_slots SET expires_at = utc_timestamp(6) - INTERVAL 1 SECOND");
  store::mariadb::Connection settling = session();
  settling.begin();
  settling.run("a test",
               "SELECT slot FROM outboxd_slots WHERE outbox_table = 'outbox_events' AND "
               "relay_name = 'default' AND slot = 5 LOCK IN SHARE MODE");
  EXPECT_THAT(join(options_of(database_, "publisher-00000002")).held, SizeIs(31));
  settling.roll_back();
}

TEST_F(MariadbLocking, a_read_waits_for_no_lock) {
  insert_keys(database_, {"a"});
  Member member = join(options_of(database_));
  store::mariadb::Connection holder = session();
  holder.begin();
  holder.run("a test", "SELECT id FROM outbox_events FOR UPDATE");
  EXPECT_THAT(keys_of(member.read()), ElementsAre("a"));
  holder.roll_back();
}

}  // namespace
}  // namespace outbox::testing
