// SPDX-License-Identifier: Apache-2.0
#include "store/postgres/error.hpp"

#include <gmock/gmock.h>

namespace outbox::store::postgres {
namespace {

using ::testing::HasSubstr;

struct Case {
  const char* sqlstate;
  ErrorKind kind;
  bool may_run_again;
};

TEST(PostgresError, each_class_of_codes_has_its_kind) {
  const Case cases[] = {
      {"28P01", ErrorKind::configuration, false}, {"28000", ErrorKind::configuration, false},
      {"3D000", ErrorKind::configuration, false}, {"42501", ErrorKind::configuration, false},
      {"42P01", ErrorKind::not_found, false},     {"42703", ErrorKind::not_found, false},
      {"3F000", ErrorKind::not_found, false},     {"57014", ErrorKind::unreachable, true},
      {"57P01", ErrorKind::unreachable, false},   {"57P02", ErrorKind::unreachable, false},
      {"57P03", ErrorKind::unreachable, false},   {"08006", ErrorKind::unreachable, false},
      {"08P01", ErrorKind::unreachable, false},   {"53100", ErrorKind::unreachable, false},
      {"53300", ErrorKind::unreachable, false},   {"25006", ErrorKind::unreachable, false},
      {"40001", ErrorKind::unreachable, true},    {"40P01", ErrorKind::unreachable, true},
      {"55P03", ErrorKind::unreachable, true},    {"22P02", ErrorKind::failed, false},
      {"23505", ErrorKind::failed, false},        {"", ErrorKind::unreachable, false},
  };
  for (const Case& one : cases) {
    const SqlError error = make_error({.sqlstate = one.sqlstate, .text = "no", .detail = {}}, "x");
    EXPECT_EQ(error.kind(), one.kind) << one.sqlstate;
    EXPECT_EQ(error.may_run_again(), one.may_run_again) << one.sqlstate;
    EXPECT_FALSE(error.in_doubt());
  }
}

TEST(PostgresError, a_message_says_what_was_tried_and_the_remedy) {
  const SqlError error = make_error(
      {.sqlstate = "42P01", .text = "relation \"outbox_events\" does not exist", .detail = {}},
      "reading the outbox");
  EXPECT_STREQ(error.what(),
               "PostgreSQL: reading the outbox: relation \"outbox_events\" does not exist [42P01]: "
               "run `outboxd migrate`, or set outbox.table or outbox.preset");
}

TEST(PostgresError, what_only_a_person_can_mend_is_told_from_a_server_that_is_away) {
  const auto kind = [](const char* text) { return connect_error(text).kind(); };
  EXPECT_EQ(kind("FATAL:  password authentication failed for user \"x\"\n"),
            ErrorKind::configuration);
  EXPECT_EQ(kind("FATAL:  database \"x\" does not exist\n"), ErrorKind::configuration);
  EXPECT_EQ(kind("FATAL:  role \"x\" does not exist\n"), ErrorKind::configuration);
  EXPECT_EQ(kind("FATAL:  no pg_hba.conf entry for host \"::1\"\n"), ErrorKind::configuration);
  EXPECT_EQ(kind("connection to server at \"127.0.0.1\", port 1 failed: Connection refused\n"),
            ErrorKind::unreachable);
  EXPECT_EQ(kind("FATAL:  the database system is starting up\n"), ErrorKind::unreachable);
  EXPECT_EQ(kind("FATAL:  sorry, too many clients already\n"), ErrorKind::unreachable);
  EXPECT_EQ(kind("could not translate host name \"db\" to address\n"), ErrorKind::unreachable);
}

}  // namespace
}  // namespace outbox::store::postgres
