// SPDX-License-Identifier: Apache-2.0
#include <future>
#include <latch>
#include <thread>
#include <vector>

#include <outbox/database.hpp>

#include "integration/library/each.hpp"

namespace outbox::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class DatabaseOn : public OnEach {};
INSTANTIATE_TEST_SUITE_P(Each, DatabaseOn, all_dialects(), dialect_name);

TEST_P(DatabaseOn, a_change_and_its_event_are_committed_together) {
  // [example publish-with-a-database]
  Database database({.url = url_});
  database.script("CREATE TABLE orders (id BIGINT PRIMARY KEY, status TEXT NOT NULL)");

  const std::int64_t order_id = 4711;
  const Uuid event_id = database.transaction([&](Transaction& transaction) {
    transaction.execute("INSERT INTO orders (id, status) VALUES ($1, $2)", order_id, "PAID");
    Event paid;
    paid.event_type = "ORDER_PAID";
    paid.aggregate_type = "order";
    paid.aggregate_id = std::to_string(order_id);
    paid.payload.bytes = R"({"order_id":4711,"total_amount":1999})";
    return transaction.publish(paid);
  });
  // [end]
  EXPECT_EQ(value(database, "SELECT status FROM orders WHERE id = 4711"), "PAID");
  EXPECT_EQ(value(database, "SELECT event_id FROM outbox_events"), to_string(event_id));
}

TEST_P(DatabaseOn, what_the_function_throws_undoes_everything_and_goes_on) {
  Database database(options());
  database.script("CREATE TABLE orders (id BIGINT PRIMARY KEY)");
  const auto work = [&](Transaction& transaction) {
    transaction.execute("INSERT INTO orders (id) VALUES ($1)", 1);
    transaction.publish(event("1"));
    throw std::domain_error("too little stock");
  };
  EXPECT_THROW(database.transaction(work), std::domain_error);
  EXPECT_EQ(value(database, "SELECT count(*) FROM orders"), "0");
  EXPECT_EQ(value(database, "SELECT count(*) FROM outbox_events"), "0");
}

TEST_P(DatabaseOn, sixteen_threads_share_the_connections_and_lose_no_change) {
  DatabaseOptions few = options();
  few.connections_max = 4;
  Database database(few);
  database.script(
      "CREATE TABLE counters (id BIGINT PRIMARY KEY, count BIGINT NOT NULL);"
      "INSERT INTO counters (id, count) VALUES (1, 0)");
  constexpr int threads = 16;
  constexpr int rounds = 20;
  std::vector<std::future<void>> done;
  for (int thread = 0; thread < threads; ++thread) {
    done.push_back(std::async(std::launch::async, [&] {
      for (int round = 0; round < rounds; ++round) {
        database.transaction([&](Transaction& transaction) {
          transaction.execute("UPDATE counters SET count = count + $1 WHERE id = $2", 1, 1);
          transaction.publish(event("1"));
        });
      }
    }));
  }
  for (std::future<void>& one : done)
    one.get();
  EXPECT_EQ(value(database, "SELECT count FROM counters"), std::to_string(threads * rounds));
  EXPECT_EQ(value(database, "SELECT count(*) FROM outbox_events"),
            std::to_string(threads * rounds));
}

TEST_P(DatabaseOn, a_caller_for_whom_no_connection_comes_free_is_told_of_a_conflict) {
  DatabaseOptions one = options();
  one.connections_max = 1;
  one.statement_timeout = std::chrono::milliseconds(200);
  Database database(one);
  std::latch open(1);
  std::latch refused(1);
  auto holder = std::async(std::launch::async, [&] {
    database.transaction([&](Transaction& transaction) {
      transaction.execute("SELECT 1");
      open.count_down();
      refused.wait();
    });
  });
  open.wait();
  EXPECT_EQ(error_of([&] { value(database, "SELECT 1"); }).kind(), ErrorKind::conflict);
  refused.count_down();
  holder.get();
  EXPECT_EQ(value(database, "SELECT 1"), "1");
}

TEST_P(DatabaseOn, a_lock_that_another_holds_for_too_long_is_a_conflict) {
  DatabaseOptions hasty = options();
  // MariaDB counts such waiting in whole seconds.
  hasty.statement_timeout = std::chrono::milliseconds(GetParam() == Dialect::mariadb ? 2500 : 300);
  Database database(hasty);
  database.script(
      "CREATE TABLE orders (id BIGINT PRIMARY KEY, status TEXT);"
      "INSERT INTO orders (id) VALUES (1)");
  std::latch locked(1);
  std::latch refused(1);
  const std::string change = "UPDATE orders SET status = 'PAID' WHERE id = 1";
  auto holder = std::async(std::launch::async, [&] {
    if (GetParam() == Dialect::mariadb) {
      store::mariadb::Connection other({.url = url_, .role = "test holder", .database = {}});
      other.begin();
      other.run("holding", change);
      locked.count_down();
      refused.wait();
      other.roll_back();
    } else if (GetParam() == Dialect::postgres) {
      store::postgres::Connection other({.url = url_, .role = "test holder"});
      other.run_script("holding", "BEGIN; " + change);
      locked.count_down();
      refused.wait();
    } else {
      Client other(url_);
      other.run("BEGIN IMMEDIATE; " + change);
      locked.count_down();
      refused.wait();
    }
  });
  locked.wait();
  const Error error = error_of([&] {
    database.transaction([&](Transaction& transaction) { transaction.execute(change); });
  });
  EXPECT_EQ(error.kind(), ErrorKind::conflict) << error.what();
  refused.count_down();
  holder.get();
}

// On MariaDB every change of the schema commits.
class DatabaseWithWholeScripts : public DatabaseOn {};
INSTANTIATE_TEST_SUITE_P(Each, DatabaseWithWholeScripts,
                         ::testing::Values(Dialect::postgres, Dialect::sqlite), dialect_name);

TEST_P(DatabaseWithWholeScripts, a_script_is_run_whole_or_not_at_all) {
  Database database(options());
  const Error error = error_of(
      [&] { database.script("CREATE TABLE first (id BIGINT); CREATE TABLE second (id BIGINT,)"); });
  EXPECT_EQ(error.kind(), ErrorKind::failed);
  EXPECT_EQ(error_of([&] { value(database, "SELECT count(*) FROM first"); }).kind(),
            ErrorKind::failed);
}

TEST(Database, an_url_of_no_known_kind_is_refused_without_its_password) {
  for (const char* url : {"", "shop", "oracle://root:secret@host/shop", "sqlite://host/shop.db",
                          "ftp://user:secret@host/shop.db", "/tmp/shop.txt"}) {
    try {
      const Database database({.url = url});
      FAIL() << url;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::configuration) << url;
      EXPECT_THAT(error.what(), HasSubstr("DatabaseOptions::url"));
      EXPECT_THAT(error.what(), Not(HasSubstr("secret")));
    }
  }
}

TEST(Database, takes_sqlite_by_url_and_by_path) {
  const ScratchFolder folder;
  for (const std::string& url : {"sqlite:///" + folder.file("a.db"), folder.file("b.sqlite")}) {
    Database database({.url = url});
    EXPECT_EQ(database.dialect(), Dialect::sqlite);
    database.script("CREATE TABLE made (id INTEGER)");
  }
  EXPECT_TRUE(std::filesystem::exists(folder.file("a.db")));
  EXPECT_TRUE(std::filesystem::exists(folder.file("b.sqlite")));
}

TEST(Database, on_sqlite_a_transaction_within_another_is_refused_at_once) {
  const ScratchFolder folder;
  Database database({.url = folder.file("a.db")});
  try {
    database.transaction([&](Transaction&) { database.transaction([](Transaction&) {}); });
    FAIL() << "no error came";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
  }
}

}  // namespace
}  // namespace outbox::testing
