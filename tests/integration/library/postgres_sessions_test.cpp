// SPDX-License-Identifier: Apache-2.0
//
// Sessions that the server ends, at every moment of a transaction.
#include <future>

#include <outbox/database.hpp>

#include "integration/library/each.hpp"

namespace outbox::testing {
namespace {

class DatabaseSessions : public OnEach {
 protected:
  DatabaseSessions() : database_(options()) {
    database_.script("CREATE TABLE orders (id BIGINT PRIMARY KEY, status TEXT)");
  }

  /// The server's process behind the transaction's session.
  static std::string process_of(Transaction& transaction) {
    return transaction.execute("SELECT pg_backend_pid()").at(0).text(0);
  }

  void end_session(const std::string& process) {
    ASSERT_EQ(schema_->value("SELECT pg_terminate_backend(" + process + ", 10000)"), "t");
  }

  Database database_;
};
INSTANTIATE_TEST_SUITE_P(Each, DatabaseSessions, ::testing::Values(Dialect::postgres),
                         dialect_name);

TEST_P(DatabaseSessions, one_that_was_ended_while_idle_is_replaced_without_an_error) {
  end_session(database_.transaction([](Transaction& open) { return process_of(open); }));
  EXPECT_EQ(value(database_, "SELECT 1"), "1");
}

TEST_P(DatabaseSessions, one_that_is_ended_within_a_transaction_undoes_it_for_certain) {
  const Error error = error_of([&] {
    database_.transaction([&](Transaction& open) {
      open.execute("INSERT INTO orders (id) VALUES (1)");
      end_session(process_of(open));
      open.execute("INSERT INTO orders (id) VALUES (2)");
    });
  });
  EXPECT_EQ(error.kind(), ErrorKind::unreachable) << error.what();
  EXPECT_FALSE(error.in_doubt());
  EXPECT_EQ(value(database_, "SELECT count(*) FROM orders"), "0");
}

TEST_P(DatabaseSessions, nothing_runs_by_itself_behind_a_broken_transaction) {
  database_.transaction([](Transaction&) {});
  const Error error = error_of([&] {
    database_.transaction([&](Transaction& open) {
      end_session(process_of(open));
      EXPECT_THROW(open.execute("INSERT INTO orders (id) VALUES (1)"), Error);
      EXPECT_THROW(open.execute("INSERT INTO orders (id) VALUES (2)"), Error);
      EXPECT_THROW(open.publish(event("3")), Error);
    });
  });
  EXPECT_EQ(error.kind(), ErrorKind::unreachable) << error.what();
  EXPECT_FALSE(error.in_doubt());
  EXPECT_EQ(value(database_, "SELECT count(*) FROM orders"), "0");
  EXPECT_EQ(value(database_, "SELECT count(*) FROM outbox_events"), "0");
}

TEST_P(DatabaseSessions, publishing_on_a_broken_one_is_an_unreachable_database) {
  EXPECT_EQ(error_of([&] {
              database_.transaction([&](Transaction& open) {
                end_session(process_of(open));
                open.publish(event("3"));
              });
            }).kind(),
            ErrorKind::unreachable);
}

TEST_P(DatabaseSessions, one_that_is_ended_while_committing_leaves_the_transaction_in_doubt) {
  // A deferred trigger sleeps while the commit is under way.
  database_.script(
      "CREATE FUNCTION sleep_long() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
      "PERFORM pg_sleep(60); RETURN NULL; END $$;"
      "CREATE CONSTRAINT TRIGGER slow_commit AFTER INSERT ON orders DEFERRABLE INITIALLY "
      "DEFERRED FOR EACH ROW EXECUTE FUNCTION sleep_long()");
  std::promise<std::string> process;
  auto committing = std::async(std::launch::async, [&] {
    return error_of([&] {
      database_.transaction([&](Transaction& open) {
        open.execute("INSERT INTO orders (id) VALUES (1)");
        process.set_value(process_of(open));
      });
    });
  });
  const std::string pid = process.get_future().get();
  while (schema_->value("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND "
                        "pid = " +
                        pid) == "0") {
    schema_->execute("SELECT pg_sleep(0.01)");
  }
  end_session(pid);
  const Error error = committing.get();
  EXPECT_EQ(error.kind(), ErrorKind::unreachable) << error.what();
  EXPECT_TRUE(error.in_doubt());
}

TEST_P(DatabaseSessions, how_long_a_transaction_may_lie_idle_is_the_back_ends_to_say) {
  const std::string limit = "SHOW idle_in_transaction_session_timeout";
  EXPECT_EQ(value(database_, limit), "0") << "the server's own";
  DatabaseOptions limited = options();
  limited.url += "%20-cidle_in_transaction_session_timeout%3D300000";
  Database database(limited);
  EXPECT_EQ(value(database, limit), "5min");
}

TEST_P(DatabaseSessions, a_deadlock_is_a_conflict_for_one_of_the_two) {
  database_.script("INSERT INTO orders (id) VALUES (1), (2)");
  std::promise<void> first_locked;
  std::promise<void> second_locked;
  const auto run = [&](int mine, int other, std::promise<void>& locked, std::promise<void>& wait) {
    return database_.transaction([&](Transaction& open) {
      open.execute("UPDATE orders SET status = 'X' WHERE id = $1", mine);
      locked.set_value();
      wait.get_future().wait();
      open.execute("UPDATE orders SET status = 'X' WHERE id = $1", other);
    });
  };
  auto one = std::async(std::launch::async, [&] { run(1, 2, first_locked, second_locked); });
  auto two = std::async(std::launch::async, [&] { run(2, 1, second_locked, first_locked); });
  int conflicts = 0;
  for (std::future<void>* future : {&one, &two}) {
    try {
      future->get();
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::conflict) << error.what();
      ++conflicts;
    }
  }
  EXPECT_EQ(conflicts, 1);
}

TEST_P(DatabaseSessions, a_server_that_is_not_there_is_unreachable_and_nothing_is_in_doubt) {
  Database nowhere({.url = "postgresql://user:secret-word@127.0.0.1:1/shop"});
  const Error error = error_of([&] { value(nowhere, "SELECT 1"); });
  EXPECT_EQ(error.kind(), ErrorKind::unreachable);
  EXPECT_FALSE(error.in_doubt());
  EXPECT_THAT(error.what(), ::testing::Not(::testing::HasSubstr("secret-word")));
}

}  // namespace
}  // namespace outbox::testing
