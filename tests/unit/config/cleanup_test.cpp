// SPDX-License-Identifier: Apache-2.0
#include "support.hpp"

namespace outbox::config::testing {
namespace {

using namespace std::chrono_literals;

TEST(Cleanup, is_on_for_the_products_own_table_and_off_for_one_of_others) {
  EXPECT_TRUE(load_given({}).cleanup().enabled);
  for (const char* preset : {"publisher", "shop", "trading", "commerce"}) {
    EXPECT_FALSE(load_given({.flags = {{"outbox.preset", preset}}}).cleanup().enabled) << preset;
  }
  EXPECT_FALSE(load_given({.flags = {{"outbox.columns.id", "number"}}}).cleanup().enabled);
}

TEST(Cleanup, is_on_where_the_document_or_its_user_says_for_how_long) {
  const Settings framework = load_given({.flags = {{"outbox.preset", "framework"}}});
  EXPECT_TRUE(framework.cleanup().enabled);
  EXPECT_EQ(framework.cleanup().retention, 30 * 24h);
  const Settings shop =
      load_given({.flags = {{"outbox.preset", "shop"}, {"cleanup.retention-days", "3"}}});
  EXPECT_TRUE(shop.cleanup().enabled);
  EXPECT_EQ(shop.cleanup().retention, 3 * 24h);
}

TEST(Cleanup, is_what_the_switch_says_whatever_the_table) {
  EXPECT_FALSE(load_given({.flags = {{"cleanup.enabled", "false"}}}).cleanup().enabled);
  EXPECT_TRUE(load_given({.flags = {{"outbox.preset", "shop"}, {"cleanup.enabled", "true"}}})
                  .cleanup()
                  .enabled);
}

TEST(Cleanup, of_the_trading_platform_keeps_seven_days_where_it_is_called) {
  EXPECT_EQ(load_given({.flags = {{"outbox.preset", "trading"}}}).cleanup().retention, 7 * 24h);
}

TEST(Cleanup, keeps_the_inbox_for_ever_unless_it_is_told_otherwise) {
  EXPECT_EQ(load_given({}).cleanup().inbox_retention, 0ms);
  EXPECT_EQ(load_given({.flags = {{"cleanup.inbox-retention", "90"}}}).cleanup().inbox_retention,
            90 * 24h);
}

}  // namespace
}  // namespace outbox::config::testing
