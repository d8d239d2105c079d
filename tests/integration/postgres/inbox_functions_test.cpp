// SPDX-License-Identifier: Apache-2.0
//
// The inbox as consumers in other languages use it (migration 0004).
#include <gtest/gtest.h>

#include "integration/postgres/relay.hpp"

namespace outbox::testing {
namespace {

constexpr const char* one = "'11111111-1111-4111-8111-111111111111'";
constexpr const char* two = "'22222222-2222-4222-8222-222222222222'";

class InboxFunctions : public ::testing::Test {
 protected:
  InboxFunctions() { store::postgres::make_home(options_of(schema_)).migrations()->apply(); }

  std::optional<std::string> claim(const std::string& consumer, const std::string& id) {
    return schema_.value("SELECT outbox_claim('" + consumer + "', " + id + ")");
  }

  PostgresSchema schema_;
};

TEST_F(InboxFunctions, claim_an_event_once_per_consumer) {
  EXPECT_EQ(claim("mails", one), "t");
  EXPECT_EQ(claim("mails", one), "f");
  EXPECT_EQ(claim("mails", two), "t");
  EXPECT_EQ(claim("points", one), "t");
  EXPECT_EQ(schema_.value("SELECT count(*) FROM processed_events"), "3");
}

TEST_F(InboxFunctions, a_claim_goes_with_the_transaction_that_made_it) {
  schema_.execute("BEGIN");
  EXPECT_EQ(claim("mails", one), "t");
  schema_.execute("ROLLBACK");
  EXPECT_EQ(claim("mails", one), "t");
}

TEST_F(InboxFunctions, claim_many_and_tell_which_of_them_are_new) {
  claim("mails", two);
  const std::string ids = std::string("ARRAY[") + two + "," + one + "," + one + "]::uuid[]";
  EXPECT_EQ(schema_.value("SELECT string_agg(e::text, ',') FROM outbox_claim_events('mails', " +
                          ids + ") AS e"),
            "11111111-1111-4111-8111-111111111111");
  EXPECT_EQ(schema_.value("SELECT count(*) FROM outbox_claim_events('mails', " + ids + ")"), "0");
}

TEST_F(InboxFunctions, an_event_without_an_id_is_an_error_and_not_a_duplicate) {
  EXPECT_ANY_THROW(claim("mails", "NULL"));
}

TEST_F(InboxFunctions, need_no_search_path_to_find_the_inbox) {
  schema_.execute("SET search_path = pg_catalog");
  EXPECT_EQ(schema_.value("SELECT " + schema_.name() + ".outbox_claim('mails', " + one + ")"), "t");
}

}  // namespace
}  // namespace outbox::testing
