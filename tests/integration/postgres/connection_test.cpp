// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <fmt/format.h>

#include "integration/postgres/relay.hpp"

namespace outbox::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Error ping_error(const std::string& url) {
  store::HomeOptions options;
  options.url = url;
  return error_of([&] { store::postgres::make_home(options).ping(); });
}

TEST(PostgresConnection, an_unknown_database_is_a_matter_of_configuration) {
  const PostgresSchema schema;
  const Error error = ping_error(schema.url() + "&dbname=no_such_database");
  EXPECT_EQ(error.kind(), ErrorKind::configuration);
  EXPECT_THAT(error.what(), HasSubstr("no_such_database"));
}

TEST(PostgresConnection, an_unknown_role_is_a_matter_of_configuration) {
  const PostgresSchema schema;
  const Error error = ping_error(schema.url() + "&user=no_such_role&password=secret-word");
  EXPECT_EQ(error.kind(), ErrorKind::configuration);
  EXPECT_THAT(error.what(), Not(HasSubstr("secret-word")));
}

TEST(PostgresConnection, a_server_that_is_not_there_is_unreachable) {
  // Port 1 is for root to give away, and nobody does.
  const Error error = ping_error("postgresql://user:secret-word@127.0.0.1:1/x");
  EXPECT_EQ(error.kind(), ErrorKind::unreachable);
  EXPECT_THAT(error.what(), Not(HasSubstr("secret-word")));
}

TEST(PostgresConnection, a_url_that_cannot_be_read_is_a_matter_of_configuration) {
  const Error error = ping_error("postgresql://user:secret-word@host:5432/x?no_such_option=1");
  EXPECT_EQ(error.kind(), ErrorKind::configuration);
  EXPECT_THAT(error.what(), HasSubstr("database.url"));
  EXPECT_THAT(error.what(), Not(HasSubstr("secret-word")));
}

TEST(PostgresConnection, a_read_only_server_is_refused) {
  const PostgresSchema schema;
  const Error error = ping_error(schema.url() + "%20-cdefault_transaction_read_only%3Don");
  EXPECT_EQ(error.kind(), ErrorKind::unreachable);
  EXPECT_THAT(error.what(), HasSubstr("read-only"));
}

TEST(PostgresConnection, a_session_says_who_it_is_and_limits_itself) {
  PostgresSchema schema;
  store::postgres::Connection connection({.url = schema.url(),
                                          .role = "relay capture",
                                          .statement_timeout = 1234ms,
                                          .lock_timeout = 567ms});
  const auto setting = [&](const char* name) {
    return connection.run_text("a test", fmt::format("SELECT current_setting('{}')", name), {})
        .text(0, 0);
  };
  EXPECT_EQ(setting("application_name"), "outboxd relay capture");
  EXPECT_EQ(setting("statement_timeout"), "1234ms");
  EXPECT_EQ(setting("lock_timeout"), "567ms");
  EXPECT_EQ(setting("idle_in_transaction_session_timeout"), "1min");
  EXPECT_EQ(setting("search_path"), schema.name()) << "the URL's own options stay";
}

TEST(PostgresConnection, a_statement_that_takes_too_long_ends) {
  const PostgresSchema schema;
  store::postgres::Connection connection(
      {.url = schema.url(), .role = "test", .statement_timeout = 50ms});
  const Error error = error_of(
      [&] { connection.run("sleeping", "SELECT pg_sleep(60)", store::postgres::Parameters()); });
  EXPECT_EQ(error.kind(), ErrorKind::unreachable);
  EXPECT_THAT(error.what(), HasSubstr("57014"));
}

TEST(PostgresConnection, what_a_broken_transaction_still_sends_does_not_run_by_itself) {
  PostgresSchema schema;
  schema.execute("CREATE TABLE t (n int)");
  store::postgres::Connection connection({.url = schema.url(), .role = "test"});
  connection.begin();
  const std::string pid = connection.run_text("a test", "SELECT pg_backend_pid()", {}).text(0, 0);
  schema.execute("SELECT pg_terminate_backend(" + pid + ", 10000)");
  const auto insert = [&] {
    connection.run("inserting", "INSERT INTO t VALUES (1)", store::postgres::Parameters());
  };
  EXPECT_EQ(error_of(insert).kind(), ErrorKind::unreachable);
  EXPECT_EQ(error_of(insert).kind(), ErrorKind::unreachable) << "the transaction is gone for good";
  connection.roll_back();
  insert();
  EXPECT_EQ(schema.value("SELECT count(*) FROM t"), "1");
}

TEST(PostgresConnection, a_unit_is_one_transaction) {
  PostgresSchema schema;
  schema.execute("CREATE TABLE t (n int PRIMARY KEY)");
  store::postgres::Connection connection({.url = schema.url(), .role = "test"});
  const std::vector<store::postgres::Statement> statements = {
      {.sql = "INSERT INTO t VALUES (1)", .parameters = {}},
      {.sql = "INSERT INTO t VALUES (1)", .parameters = {}},
      {.sql = "INSERT INTO t VALUES (2)", .parameters = {}}};
  try {
    connection.run_unit("inserting", statements);
    FAIL() << "the second one was taken";
  } catch (const store::postgres::UnitError& error) {
    EXPECT_EQ(error.position(), 1U);
    EXPECT_EQ(error.sqlstate(), "23505");
  }
  EXPECT_EQ(schema.value("SELECT count(*) FROM t"), "0");
  EXPECT_EQ(connection.run_unit("inserting", std::span(statements).last(2)).size(), 2U);
}

}  // namespace
}  // namespace outbox::testing
