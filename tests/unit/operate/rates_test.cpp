// SPDX-License-Identifier: Apache-2.0
#include "app/rates.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/show.hpp"
#include "app/terminal.hpp"

namespace outbox::app {
namespace {

using admin::Json;
using ::testing::HasSubstr;

struct Figures {
  int pending = 0;
  int messages = 0;
  int committed = 0;
  int lag = 0;
  bool exact = true;
};

LookAround look(double at, const Figures& figures) {
  const Json backlog = {{"pending", figures.pending},
                        {"exact", figures.exact},
                        {"retrying", 1},
                        {"dead", 2},
                        {"oldest_pending_age_ms", 2500}};
  const Json relay = {{"name", "default"}, {"paused", false}, {"backlog", backlog}};
  const Json partition = {{"topic", "orders"}, {"partition", 0}, {"committed", figures.committed}};
  const Json group = {{"group_id", "stock"},
                      {"state", "Stable"},
                      {"paused", false},
                      {"lag", figures.lag},
                      {"partitions", Json::array({partition})}};
  const Json topic = {{"name", "orders"}, {"messages", figures.messages}};
  const Json store = {{"name", "shop"}, {"relays", Json::array({relay})}};
  return {Json{{"stores", Json::array({store})}, {"consumers", Json::array({group})}},
          Json{{"items", Json::array({topic})}}, 0, at};
}

TEST(Rates, are_what_changed_by_the_seconds_between) {
  const Json rates =
      rates_between(look(10, {400, 1000, 900, 100}), look(12, {200, 1600, 1700, 50}));
  EXPECT_EQ(rates["interval_seconds"], 2.0);
  EXPECT_EQ(rates["relays"][0]["pending_per_second"], -100.0);
  EXPECT_EQ(rates["relays"][0]["clear_in_seconds"], 2.0);
  EXPECT_EQ(rates["topics"][0]["per_second"], 300.0);
  EXPECT_EQ(rates["consumers"][0]["handled_per_second"], 400.0);
  EXPECT_EQ(rates["consumers"][0]["lag_per_second"], -25.0);
  EXPECT_EQ(rates["consumers"][0]["clear_in_seconds"], 2.0);
}

TEST(Rates, are_unknown_at_the_first_look_and_of_estimates) {
  const Json first = rates_between(std::nullopt, look(10, {400, 1000, 900, 100}));
  EXPECT_TRUE(first["interval_seconds"].is_null());
  EXPECT_TRUE(first["relays"][0]["pending_per_second"].is_null());
  EXPECT_TRUE(first["topics"][0]["per_second"].is_null());
  const Json guessed = rates_between(look(10, {400, 1, 1, 1}), look(11, {100'000, 1, 1, 1, false}));
  EXPECT_TRUE(guessed["relays"][0]["pending_per_second"].is_null());
}

TEST(Rates, of_a_topic_are_not_below_zero_when_its_retention_went_on) {
  const Json rates = rates_between(look(10, {0, 1000, 0, 0}), look(11, {0, 10, 0, 0}));
  EXPECT_EQ(rates["topics"][0]["per_second"], 0.0);
}

TEST(Rates, are_shown_with_signs_and_the_time_until_all_is_done) {
  const Json rates = rates_between(look(10, {100, 1000, 0, 0}), look(11, {400, 2200, 0, 0}));
  const std::string text = show_rates(rates, {.columns = 80});
  EXPECT_THAT(text, ::testing::ContainsRegex("shop/default +400 +\\+300 +2.5 s"));
  EXPECT_THAT(text, ::testing::ContainsRegex("orders +1,200 +2,200"));
  const std::string draining =
      show_rates(rates_between(look(10, {400, 0, 0, 0}), look(11, {300, 0, 0, 0})), {});
  EXPECT_THAT(draining, ::testing::ContainsRegex("-100 .*3.0 s"));
}

TEST(ProgressLine, tells_share_rate_and_the_time_that_is_left) {
  EXPECT_EQ(progress_line("replaying", 1000, 250, 5),
            "replaying  [######..................]  25 %  250 of 1,000  50.0/s  15.0 s left");
  EXPECT_EQ(progress_line("replaying", std::nullopt, 250, 5), "replaying  250  50.0/s");
  EXPECT_THAT(progress_line("replaying", 10, 20, 0), HasSubstr("100 %"));
}

TEST(MayLeadTo, takes_a_template_for_the_topics_that_begin_and_end_as_it_does) {
  EXPECT_TRUE(may_lead_to("{aggregate_type}.events", "order.events"));
  EXPECT_FALSE(may_lead_to("{aggregate_type}.events", ".events"));
  EXPECT_FALSE(may_lead_to("{aggregate_type}.events", "order.logs"));
  EXPECT_TRUE(may_lead_to("shop.{event_type}", "shop.PAID"));
  EXPECT_TRUE(may_lead_to("orders", "orders"));
  EXPECT_FALSE(may_lead_to("orders", "orders2"));
  EXPECT_FALSE(may_lead_to("{topic}", "orders"));
}

}  // namespace
}  // namespace outbox::app
