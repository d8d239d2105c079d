// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "support.hpp"

namespace outbox::config {
namespace {

using testing::load_given;
using testing::refusal;

TEST(Alerts, are_read_from_yaml_by_name) {
  const Settings settings = load_given({.yaml = R"(
alerts:
  lag:
    when: oldest-pending-seconds
    above: 300
    for: 2m
    command: [/usr/local/bin/page, --team, orders]
    resolve: false
  dead:
    when: dead-letters
    webhook: https://chat.example/hooks/1
)"});
  ASSERT_EQ(settings.alerts().size(), 2U);
  const AlertSettings& dead = settings.alerts()[0];
  EXPECT_EQ(dead.name, "dead");
  EXPECT_EQ(dead.when, "dead-letters");
  EXPECT_EQ(dead.above, 0);
  EXPECT_EQ(dead.webhook, "https://chat.example/hooks/1");
  EXPECT_EQ(dead.repeat_interval, std::chrono::hours(4));
  EXPECT_TRUE(dead.tells_recovery);
  const AlertSettings& lag = settings.alerts()[1];
  EXPECT_EQ(lag.above, 300);
  EXPECT_EQ(lag.hold, std::chrono::minutes(2));
  EXPECT_EQ(lag.command, (std::vector<std::string>{"/usr/local/bin/page", "--team", "orders"}));
  EXPECT_FALSE(lag.tells_recovery);
}

TEST(Alerts, are_read_from_variables_and_flags) {
  const Settings settings =
      load_given({.flags = {{"alerts.two-words.when", "pending"}},
                  .environment = {{"OUTBOXD_ALERTS_TWO_WORDS_WEBHOOK", "http://localhost/"},
                                  {"OUTBOXD_ALERTS_TWO_WORDS_REPEAT_INTERVAL", "90"}}});
  ASSERT_EQ(settings.alerts().size(), 1U);
  EXPECT_EQ(settings.alerts()[0].name, "two-words");
  EXPECT_EQ(settings.alerts()[0].repeat_interval, std::chrono::seconds(90));
}

TEST(Alerts, show_no_webhook_which_may_hold_a_secret) {
  const Settings settings = load_given(
      {.flags = {{"alerts.a.when", "pending"}, {"alerts.a.webhook", "https://x.example/s3cret"}}});
  for (const EffectiveValue& value : settings.effective())
    EXPECT_EQ(value.text.find("s3cret"), std::string::npos) << value.name;
}

TEST(Alerts, are_refused_where_nobody_would_hear_them_or_nothing_is_watched) {
  EXPECT_THAT(refusal({.flags = {{"alerts.a.when", "pending"}}}),
              ::testing::HasSubstr("alerts.a.webhook"));
  EXPECT_THAT(refusal({.flags = {{"alerts.a.webhook", "http://localhost/"}}}),
              ::testing::HasSubstr("alerts.a.when"));
  EXPECT_THAT(
      refusal({.flags = {{"alerts.a.when", "moon"}, {"alerts.a.webhook", "http://localhost/"}}}),
      ::testing::HasSubstr("dead-letters"));
  EXPECT_THAT(refusal({.flags = {{"alerts.a.when", "pending"}, {"alerts.a.webhook", "ftp://x/"}}}),
              ::testing::HasSubstr("https://"));
  EXPECT_THAT(refusal({.flags = {{"alerts.a.wen", "pending"}}}),
              ::testing::HasSubstr("alerts.a.when"));
}

}  // namespace
}  // namespace outbox::config
