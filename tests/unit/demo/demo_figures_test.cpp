// SPDX-License-Identifier: Apache-2.0
#include "app/demo_figures.hpp"

#include <gtest/gtest.h>

namespace outbox::app {
namespace {

using std::chrono::microseconds;

TEST(LatencyHistogram, tells_percentiles_to_within_a_bucket_of_three_percent) {
  LatencyHistogram histogram;
  for (int i = 1; i <= 100'000; ++i)
    histogram.add(microseconds(i));
  EXPECT_NEAR(histogram.milliseconds_at(0.50), 50.0, 50.0 * 0.032);
  EXPECT_NEAR(histogram.milliseconds_at(0.99), 99.0, 99.0 * 0.032);
}

TEST(LatencyHistogram, keeps_single_microseconds_apart_and_takes_hours) {
  LatencyHistogram histogram;
  histogram.add(microseconds(7));
  EXPECT_DOUBLE_EQ(histogram.milliseconds_at(0.5), 0.007);
  histogram.clear();
  EXPECT_EQ(histogram.milliseconds_at(0.5), 0.0);
  histogram.add(std::chrono::hours(3));
  EXPECT_NEAR(histogram.milliseconds_at(0.5), 3 * 3.6e6, 3 * 3.6e6 * 0.032);
  histogram.add(std::chrono::hours(1000));
  EXPECT_GT(histogram.milliseconds_at(1.0), 3 * 3.6e6) << "the last bucket takes what is longer";
}

TEST(DemoLedger, counts_an_event_of_an_order_that_was_rolled_back) {
  DemoLedger ledger;
  const Uuid ghost = random_uuid();
  ledger.rolled_back(ghost);
  ledger.consumed({{1, 0, random_uuid()}});
  EXPECT_EQ(ledger.take_figures().rolled_back_seen, 0);
  ledger.consumed({{2, 0, ghost}});
  EXPECT_EQ(ledger.take_figures().rolled_back_seen, 1);
}

TEST(DemoLedger, counts_a_customers_older_order_that_comes_after_a_newer_one) {
  DemoLedger ledger;
  ledger.consumed({{2, 7, random_uuid()}, {1, 8, random_uuid()}, {3, 7, random_uuid()}});
  EXPECT_EQ(ledger.take_figures().out_of_order, 0);
  ledger.consumed({{2, 7, random_uuid()}});
  EXPECT_EQ(ledger.take_figures().out_of_order, 1);
}

TEST(DemoLedger, is_drained_only_once_everything_under_way_is_consumed) {
  DemoLedger ledger;
  ledger.committing(1);
  ledger.committed(1);
  EXPECT_FALSE(ledger.wait_until_drained(std::chrono::milliseconds(1)));
  EXPECT_FALSE(ledger.wait_for_room(1, [] {
    std::stop_source stopped;
    stopped.request_stop();
    return stopped.get_token();
  }()));
  ledger.consumed({{1, 0, random_uuid()}});
  EXPECT_TRUE(ledger.wait_until_drained(std::chrono::milliseconds(0)));
  EXPECT_EQ(ledger.take_figures().written, 1);
}

}  // namespace
}  // namespace outbox::app
