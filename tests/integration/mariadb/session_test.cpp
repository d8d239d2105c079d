// SPDX-License-Identifier: Apache-2.0
//
// What each session of ours makes sure of, and what becomes of one that breaks.
#include <gmock/gmock.h>

#include <future>

#include <fmt/format.h>

#include "integration/mariadb/relay.hpp"

namespace outbox::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string variable(MariadbDatabase& database, const std::string& name) {
  return database.value("SELECT @@session." + name).value_or("NULL");
}

TEST(MariadbSession, is_read_committed_in_utc_and_strict_whatever_the_server_says) {
  MariadbDatabase database;
  EXPECT_EQ(variable(database, "tx_isolation"), "READ-COMMITTED");
  EXPECT_EQ(variable(database, "time_zone"), "+00:00");
  EXPECT_EQ(variable(database, "autocommit"), "1");
  EXPECT_EQ(variable(database, "collation_connection"), "utf8mb4_bin");
  EXPECT_EQ(variable(database, "innodb_lock_wait_timeout"), "5");
  EXPECT_EQ(variable(database, "lock_wait_timeout"), "5");
  EXPECT_EQ(variable(database, "max_statement_time"), "30.000000");
  EXPECT_THAT(variable(database, "sql_mode"), HasSubstr("STRICT_ALL_TABLES"));
}

TEST(MariadbSession, takes_one_statement_at_a_time) {
  MariadbDatabase database;
  EXPECT_EQ(error_of([&] { database.execute("SELECT 1; SELECT 2"); }).kind(), ErrorKind::failed);
}

TEST(MariadbSession, a_wrong_password_or_database_is_a_matter_of_configuration) {
  MariadbDatabase database;
  store::HomeOptions options = options_of(database);
  options.url.replace(options.url.find("outboxd-secret"), 14, "hunter2");
  const Error login = error_of([&] { store::mariadb::make_home(options).ping(); });
  EXPECT_EQ(login.kind(), ErrorKind::configuration);
  EXPECT_THAT(login.what(), ::testing::Not(HasSubstr("hunter2")));
  options.url = database.url() + "_absent";
  EXPECT_EQ(error_of([&] { store::mariadb::make_home(options).ping(); }).kind(),
            ErrorKind::configuration);
}

TEST(MariadbSession, a_server_that_is_not_there_is_unreachable) {
  store::HomeOptions options;
  options.url = "mariadb://u@127.0.0.1:1/db";
  EXPECT_EQ(error_of([&] { store::mariadb::make_home(options).ping(); }).kind(),
            ErrorKind::unreachable);
}

TEST(MariadbSession, tls_is_not_left_out_where_the_server_has_none) {
  MariadbDatabase database;
  store::HomeOptions options = options_of(database);
  options.url += "?tls=verify";
  EXPECT_EQ(error_of([&] { store::mariadb::make_home(options).ping(); }).kind(),
            ErrorKind::unreachable);
}

TEST(MariadbSession, a_killed_connection_is_opened_anew_by_the_next_call) {
  MariadbDatabase database;
  store::mariadb::make_home(options_of(database)).migrations()->apply();
  insert_keys(database, {"a"});
  Member member = join(options_of(database));
  store::mariadb::Connection killed({.url = database.url(), .role = "killed", .database = {}});
  store::mariadb::Result found = killed.run("a test", "SELECT connection_id()");
  ASSERT_TRUE(found.next());
  database.execute("KILL " + found.text(0));
  const Error error =
      error_of([&] { killed.run("a test", "UPDATE outbox_events SET topic = 't'"); });
  EXPECT_EQ(error.kind(), ErrorKind::unreachable);
  EXPECT_TRUE(error.in_doubt()) << "a write of which no answer came";
  EXPECT_NO_THROW(killed.run("a test", "UPDATE outbox_events SET topic = 't'"));
}

TEST(MariadbSession, a_transaction_that_was_killed_is_refused_its_next_statement) {
  MariadbDatabase database;
  database.execute("CREATE TABLE numbers (n int)");
  store::mariadb::Connection killed({.url = database.url(), .role = "killed", .database = {}});
  store::mariadb::Transaction transaction(killed);
  killed.run("a test", "INSERT INTO numbers VALUES (1)");
  store::mariadb::Result found = killed.run("a test", "SELECT connection_id()");
  ASSERT_TRUE(found.next());
  database.execute("KILL " + found.text(0));
  const auto insert = [&] { killed.run("a test", "INSERT INTO numbers VALUES (2)"); };
  EXPECT_FALSE(error_of(insert).in_doubt()) << "nothing is done before COMMIT";
  EXPECT_THAT(error_of(insert).what(), HasSubstr("within a transaction"));
  EXPECT_EQ(database.value("SELECT count(*) FROM numbers"), "0");
}

TEST(MariadbSession, a_connection_killed_within_commit_leaves_its_outcome_in_doubt) {
  MariadbDatabase database;
  database.execute("CREATE TABLE numbers (n int) ENGINE = InnoDB");
  store::mariadb::Connection killed({.url = database.url(), .role = "killed", .database = {}});
  killed.begin();
  killed.run("a test", "INSERT INTO numbers VALUES (1)");
  store::mariadb::Result found = killed.run("a test", "SELECT connection_id()");
  ASSERT_TRUE(found.next());
  // A read lock on all tables lets writers come as far as their COMMIT.
  database.execute("FLUSH TABLES WITH READ LOCK");
  auto committing =
      std::async(std::launch::async, [&] { return error_of([&] { killed.commit(); }); });
  const std::string waits = fmt::format(
      "SELECT count(*) FROM information_schema.processlist WHERE id = {} AND info = 'COMMIT'",
      found.text(0));
  while (database.value(waits) != "1") {
  }
  database.execute("KILL " + found.text(0));
  const Error error = committing.get();
  database.execute("UNLOCK TABLES");
  EXPECT_EQ(error.kind(), ErrorKind::unreachable);
  EXPECT_TRUE(error.in_doubt());
}

}  // namespace
}  // namespace outbox::testing
