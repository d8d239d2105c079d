// SPDX-License-Identifier: Apache-2.0
//
// A back end with an SQLite connection of its own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <outbox/error.hpp>
#include <outbox/sqlite.hpp>

#include "integration/sqlite/scratch.hpp"

namespace outbox::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// For events that are a transaction by themselves.
const PublishOptions alone = {.require_transaction = false};

class PublishOnSqlite : public ::testing::Test {
 protected:
  PublishOnSqlite() {
    store::HomeOptions options;
    options.url = folder_.file();
    store::sqlite::make_home(options).migrations()->apply();
    sqlite3* opened = nullptr;
    EXPECT_EQ(sqlite3_open(folder_.file().c_str(), &opened), SQLITE_OK);
    connection_.reset(opened);
  }

  [[nodiscard]] sqlite3* connection() const { return connection_.get(); }

  void run(const std::string& sql) {
    char* message = nullptr;
    EXPECT_EQ(sqlite3_exec(connection(), sql.c_str(), nullptr, nullptr, &message), SQLITE_OK)
        << message;
    sqlite3_free(message);
  }

  std::vector<std::string> seen(const std::string& sql) { return Client(folder_.file()).run(sql); }

  static Event event(const std::string& aggregate_id, const std::string& payload = "{}") {
    Event event;
    event.event_type = "ORDER_PAID";
    event.aggregate_type = "order";
    event.aggregate_id = aggregate_id;
    event.payload.bytes = payload;
    return event;
  }

  template <class Call>
  static Error error_of(Call call) {
    try {
      call();
    } catch (const Error& error) {
      return error;
    }
    ADD_FAILURE() << "no error came";
    return {ErrorKind::failed, "none"};
  }

  struct Closer {
    void operator()(sqlite3* handle) const noexcept { sqlite3_close(handle); }
  };

  ScratchFolder folder_;
  std::unique_ptr<sqlite3, Closer> connection_;
};

TEST_F(PublishOnSqlite, an_event_comes_and_goes_with_the_callers_transaction) {
  run("BEGIN IMMEDIATE");
  const Uuid id = publish(connection(), event("1"));
  EXPECT_THAT(seen("SELECT event_id FROM outbox_events"), ElementsAre());
  run("COMMIT");
  run("BEGIN IMMEDIATE");
  publish(connection(), event("2"));
  run("ROLLBACK");
  EXPECT_THAT(seen("SELECT event_id FROM outbox_events"), ElementsAre(to_string(id)));
}

TEST_F(PublishOnSqlite, without_a_transaction_it_is_refused_with_the_remedy) {
  const Error error = error_of([&] { publish(connection(), event("1")); });
  EXPECT_EQ(error.kind(), ErrorKind::usage);
  EXPECT_THAT(error.hint(), HasSubstr("BEGIN IMMEDIATE"));
  EXPECT_THAT(seen("SELECT count(*) FROM outbox_events"), ElementsAre("0"));
}

TEST_F(PublishOnSqlite, where_none_is_asked_for_the_insert_is_one_of_its_own) {
  publish(connection(), event("1"), alone);
  publish(connection(), std::vector<Event>(), alone);
  EXPECT_NE(sqlite3_get_autocommit(connection()), 0);
  EXPECT_THAT(seen("SELECT aggregate_id FROM outbox_events"), ElementsAre("1"));
}

TEST_F(PublishOnSqlite, events_keep_their_order_and_all_they_say) {
  Event binary = event("2");
  binary.payload = {std::string("\0\xFF", 2), "application/x-protobuf"};
  Event empty = event("3");
  empty.payload.bytes.reset();
  empty.topic = "order.events";
  publish(connection(), std::vector<Event>{event("1", R"({"a":"é"})"), binary, empty}, alone);
  EXPECT_THAT(seen("SELECT aggregate_id || ' ' || coalesce(payload, '-') || ' ' || "
                   "hex(payload_bytes) || ' ' || coalesce(topic, '-') "
                   "FROM outbox_events ORDER BY id"),
              ElementsAre(R"(1 {"a":"é"}  -)", "2 - 00FF -", "3 -  order.events"));
}

TEST_F(PublishOnSqlite, one_that_the_table_refuses_takes_the_others_back_and_leaves_the_rest) {
  run("CREATE TABLE orders (id INTEGER)");
  run("CREATE TRIGGER refuse BEFORE INSERT ON outbox_events WHEN NEW.aggregate_id = '2' "
      "BEGIN SELECT RAISE(ABORT, 'no second'); END");
  run("BEGIN IMMEDIATE");
  run("INSERT INTO orders VALUES (1)");
  const Error error = error_of([&] {
    publish(connection(), std::vector<Event>{event("1"), event("2")});
  });
  EXPECT_EQ(error.kind(), ErrorKind::failed);
  EXPECT_THAT(error.what(), HasSubstr("no second"));
  run("COMMIT");
  EXPECT_THAT(seen("SELECT count(*) FROM outbox_events"), ElementsAre("0"));
  EXPECT_THAT(seen("SELECT count(*) FROM orders"), ElementsAre("1"));
}

TEST_F(PublishOnSqlite, a_file_that_stays_locked_is_a_conflict) {
  Client other(folder_.file());
  other.run("BEGIN IMMEDIATE");
  const Error error = error_of([&] { publish(connection(), event("1"), alone); });
  EXPECT_EQ(error.kind(), ErrorKind::conflict);
  EXPECT_NE(sqlite3_get_autocommit(connection()), 0);
  other.run("ROLLBACK");
  publish(connection(), event("1"), alone);
}

TEST_F(PublishOnSqlite, bad_events_a_missing_table_and_a_null_pointer_are_refused) {
  EXPECT_EQ(error_of([&] { publish(connection(), event("")); }).kind(), ErrorKind::usage);
  PublishOptions options = alone;
  options.table = "no_such";
  const Error error = error_of([&] { publish(connection(), event("1"), options); });
  EXPECT_EQ(error.kind(), ErrorKind::not_found) << error.what();
  EXPECT_NE(sqlite3_get_autocommit(connection()), 0);
  EXPECT_EQ(error_of([&] { publish(static_cast<sqlite3*>(nullptr), event("1")); }).kind(),
            ErrorKind::usage);
}

}  // namespace
}  // namespace outbox::testing
