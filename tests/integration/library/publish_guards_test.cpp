// SPDX-License-Identifier: Apache-2.0
//
// Handles in a bad state: each gets its own words and the remedy, and nothing is written.
#include <gmock/gmock.h>
#include <soci/soci.h>

#include <outbox/mariadb.hpp>
#include <outbox/pqxx.hpp>
#include <outbox/soci.hpp>

#include "integration/library/stores.hpp"

namespace outbox::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// For events that are a transaction by themselves.
const PublishOptions alone = {.require_transaction = false};

class PublishOnMariadb : public ::testing::Test {
 protected:
  void begin() { run_on(connection_.get(), "START TRANSACTION"); }
  std::string id() { return std::to_string(mysql_thread_id(connection_.get())); }
  void kill() {
    const std::string number = id();
    store_.run("KILL " + number);
    while (store_.value("SELECT count(*) FROM information_schema.processlist WHERE id = " +
                        number) != "0") {
    }
  }
  std::string count() { return store_.value("SELECT count(*) FROM outbox_events"); }

  MariadbScratch store_;
  MariadbHandle connection_ = store_.connect();
};

TEST_F(PublishOnMariadb, where_autocommit_is_off_a_transaction_is_always_open) {
  mysql_autocommit(connection_.get(), 0);
  publish(connection_.get(), order_event("1"));
  mysql_rollback(connection_.get());
  EXPECT_EQ(count(), "0");
  publish(connection_.get(), order_event("2"));
  mysql_commit(connection_.get());
  EXPECT_EQ(count(), "1");
}

TEST_F(PublishOnMariadb, a_null_pointer_and_a_connection_that_was_never_made_are_refused) {
  EXPECT_EQ(error_of([&] { publish(static_cast<MYSQL*>(nullptr), order_event("1")); }).kind(),
            ErrorKind::usage);
  const MariadbHandle unconnected(mysql_init(nullptr));
  EXPECT_EQ(error_of([&] { publish(unconnected.get(), order_event("1")); }).kind(),
            ErrorKind::unreachable);
}

TEST_F(PublishOnMariadb, a_connection_that_was_killed_is_unreachable) {
  begin();
  kill();
  const Error within = error_of([&] { publish(connection_.get(), order_event("1")); });
  EXPECT_EQ(within.kind(), ErrorKind::unreachable) << within.what();
  EXPECT_FALSE(within.in_doubt());
  EXPECT_EQ(error_of([&] { publish(connection_.get(), order_event("1")); }).kind(),
            ErrorKind::unreachable);
  EXPECT_EQ(count(), "0");
}

TEST_F(PublishOnMariadb, an_insert_of_its_own_that_broke_is_in_doubt) {
  kill();
  EXPECT_TRUE(error_of([&] { publish(connection_.get(), order_event("1"), alone); }).in_doubt());
}

TEST_F(PublishOnMariadb, a_connection_that_reconnects_by_itself_is_refused) {
  const my_bool yes = 1;
  mysql_options(connection_.get(), MYSQL_OPT_RECONNECT, &yes);
  begin();
  const Error error = error_of([&] { publish(connection_.get(), order_event("1")); });
  EXPECT_EQ(error.kind(), ErrorKind::usage);
  EXPECT_THAT(error.hint(), HasSubstr("MYSQL_OPT_RECONNECT"));
}

TEST_F(PublishOnMariadb, results_that_wait_to_be_read_are_left_alone) {
  begin();
  ASSERT_EQ(mysql_query(connection_.get(), "SELECT 42"), 0);
  EXPECT_EQ(error_of([&] { publish(connection_.get(), order_event("1")); }).kind(),
            ErrorKind::usage);
  MYSQL_RES* const result = mysql_store_result(connection_.get());
  EXPECT_STREQ(mysql_fetch_row(result)[0], "42");
  mysql_free_result(result);
  publish(connection_.get(), order_event("1"));
}

TEST_F(PublishOnMariadb, texts_are_not_sent_in_another_character_set) {
  ASSERT_EQ(mysql_set_character_set(connection_.get(), "latin1"), 0);
  publish(connection_.get(), order_event("plain"), alone);
  const Error error = error_of([&] { publish(connection_.get(), order_event("é"), alone); });
  EXPECT_EQ(error.kind(), ErrorKind::usage);
  EXPECT_THAT(error.what(), HasSubstr("latin1"));
  EXPECT_THAT(error.hint(), HasSubstr("utf8mb4"));
}

TEST_F(PublishOnMariadb, what_a_column_would_cut_off_is_refused_without_strict_mode_too) {
  run_on(connection_.get(), "SET sql_mode = ''");
  begin();
  Event event = order_event("1");
  event.event_type = std::string(256, 'T');
  EXPECT_THAT(error_of([&] { publish(connection_.get(), event); }).what(),
              HasSubstr("event_type has 256 bytes"));
  event = order_event(std::string(65536, '1'));
  EXPECT_EQ(error_of([&] { publish(connection_.get(), event); }).kind(), ErrorKind::usage);
}

TEST_F(PublishOnMariadb, texts_come_through_without_backslash_escapes_and_with_ansi_quotes) {
  run_on(connection_.get(), "SET sql_mode = 'NO_BACKSLASH_ESCAPES,ANSI_QUOTES'");
  Event event = order_event("it's \\ \"1\"");
  publish(connection_.get(), event, alone);
  EXPECT_EQ(store_.value("SELECT aggregate_id FROM outbox_events"), "it's \\ \"1\"");
}

TEST_F(PublishOnMariadb, many_large_events_go_all_or_none) {
  std::vector<Event> events(30, order_event("1", '"' + std::string(900'000, '\\') + '"'));
  for (Event& event : events)
    event.payload = bytes_payload(std::string(900'000, '\x5C'), "application/x-thing");
  publish(connection_.get(), events, alone);
  EXPECT_EQ(count(), "30");
  store_.run(
      "CREATE TRIGGER refuse BEFORE INSERT ON outbox_events FOR EACH ROW "
      "IF NEW.aggregate_id = '2' THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no second'; "
      "END IF");
  events.back().aggregate_id = "2";
  EXPECT_THAT(error_of([&] { publish(connection_.get(), events, alone); }).what(),
              HasSubstr("no second"));
  begin();
  publish(connection_.get(), order_event("kept"));
  EXPECT_EQ(error_of([&] { publish(connection_.get(), events); }).kind(), ErrorKind::failed);
  mysql_commit(connection_.get());
  EXPECT_EQ(count(), "31");
}

TEST_F(PublishOnMariadb, after_a_deadlock_that_rolled_back_nothing_goes_on_alone) {
  store_.run("CREATE TABLE orders (id INT PRIMARY KEY, status INT) ENGINE = InnoDB");
  store_.run("INSERT INTO orders VALUES (1, 0), (2, 0)");
  const MariadbHandle other = store_.connect();
  begin();
  run_on(connection_.get(), "UPDATE orders SET status = 1 WHERE id = 1");
  run_on(other.get(), "START TRANSACTION");
  run_on(other.get(), "UPDATE orders SET status = 1 WHERE id = 2");
  run_on(other.get(), "INSERT INTO orders VALUES (3, 0), (4, 0), (5, 0)");
  // The one with fewer changes is the victim: ours.
  mysql_send_query(other.get(), "UPDATE orders SET status = 1 WHERE id = 1", 41);
  EXPECT_THROW(run_on(connection_.get(), "UPDATE orders SET status = 1 WHERE id = 2"),
               std::runtime_error);
  EXPECT_EQ(mysql_read_query_result(other.get()), 0);
  EXPECT_THAT(error_of([&] { publish(connection_.get(), order_event("1")); }).what(),
              HasSubstr("no transaction is open"));
  mysql_commit(other.get());
}

class PublishOnPqxx : public ::testing::Test {
 protected:
  PostgresStore store_;
  pqxx::connection connection_{store_.url()};
};

TEST_F(PublishOnPqxx, a_transaction_that_ended_or_failed_is_refused) {
  {
    pqxx::work ended(connection_);
    ended.commit();
    EXPECT_EQ(error_of([&] { publish(ended, order_event("1")); }).kind(), ErrorKind::usage);
  }
  pqxx::work failed(connection_);
  EXPECT_THROW(failed.exec("SELECT no_such"), pqxx::sql_error);
  const Error error = error_of([&] { publish(failed, order_event("1")); });
  EXPECT_EQ(error.kind(), ErrorKind::usage) << error.what();
  EXPECT_THAT(store_.column("event_id"), ElementsAre());
}

TEST_F(PublishOnPqxx, a_subtransaction_takes_its_event_back) {
  pqxx::work transaction(connection_);
  publish(transaction, order_event("1"));
  {
    pqxx::subtransaction part(transaction);
    publish(part, order_event("2"));
    part.abort();
  }
  transaction.commit();
  EXPECT_THAT(store_.column("aggregate_id"), ElementsAre("1"));
}

TEST_F(PublishOnPqxx, a_session_that_the_server_ended_is_unreachable) {
  pqxx::work transaction(connection_);
  const std::string process = transaction.exec1("SELECT pg_backend_pid()")[0].c_str();
  PostgresSchema other;
  ASSERT_EQ(other.value("SELECT pg_terminate_backend(" + process + ", 10000)"), "t");
  const Error error = error_of([&] { publish(transaction, order_event("1")); });
  EXPECT_EQ(error.kind(), ErrorKind::unreachable) << error.what();
}

TEST_F(PublishOnPqxx, texts_are_not_sent_in_another_encoding) {
  connection_.set_client_encoding("LATIN1");
  pqxx::work transaction(connection_);
  publish(transaction, order_event("plain"));
  EXPECT_THAT(error_of([&] { publish(transaction, order_event("é")); }).what(),
              HasSubstr("LATIN1"));
}

TEST(PublishOnSoci, a_session_that_is_not_connected_is_refused) {
  soci::session session;
  const Error error = error_of([&] { publish(session, order_event("1")); });
  EXPECT_EQ(error.kind(), ErrorKind::usage);
  EXPECT_THAT(error.what(), HasSubstr("not connected"));
}

}  // namespace
}  // namespace outbox::testing
