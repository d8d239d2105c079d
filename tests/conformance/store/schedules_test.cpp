// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include "conformance/store/store_under_test.hpp"

namespace outbox::testing {
namespace {

using std::chrono_literals::operator""h;
using std::chrono::microseconds;
using store::DatabaseTime;

// With microseconds, all of which must come back.
const DatabaseTime noon{microseconds{1'794'052'800'123'457}};

TEST_P(StoreConformance, a_job_that_is_not_known_has_no_run) {
  const auto schedules = store_->open(options()).schedules();
  EXPECT_EQ(schedules->state("nightly").last_due, std::nullopt);
  EXPECT_EQ(schedules->state("nightly").last_due, std::nullopt);
}

TEST_P(StoreConformance, a_jobs_time_is_the_databases_and_goes_on) {
  const auto schedules = store_->open(options()).schedules();
  const DatabaseTime before = schedules->state("nightly").now;
  const DatabaseTime after = schedules->state("nightly").now;
  EXPECT_LT(before, after);
  EXPECT_LT(after - before, 60s);
  EXPECT_GT(before.time_since_epoch(), std::chrono::days(20'000));
}

TEST_P(StoreConformance, a_run_is_begun_by_one_of_all) {
  const auto first = store_->open(options()).schedules();
  const auto second = store_->open(options()).schedules();
  ASSERT_EQ(first->state("nightly").last_due, std::nullopt);
  ASSERT_EQ(second->state("nightly").last_due, std::nullopt);
  EXPECT_TRUE(first->begin_run("nightly", std::nullopt, noon));
  EXPECT_FALSE(second->begin_run("nightly", std::nullopt, noon));
  EXPECT_EQ(second->state("nightly").last_due, noon);
  EXPECT_TRUE(second->begin_run("nightly", noon, noon + 24h));
  EXPECT_FALSE(first->begin_run("nightly", noon, noon + 24h));
  EXPECT_EQ(first->state("nightly").last_due, noon + 24h);
}

TEST_P(StoreConformance, a_run_that_another_begun_before_is_not_begun_again) {
  const auto schedules = store_->open(options()).schedules();
  schedules->state("nightly");
  EXPECT_FALSE(schedules->begin_run("nightly", noon, noon + 24h));
  EXPECT_TRUE(schedules->begin_run("nightly", std::nullopt, noon));
  EXPECT_FALSE(schedules->begin_run("nightly", noon + microseconds(1), noon + 24h));
  EXPECT_EQ(schedules->state("nightly").last_due, noon);
}

TEST_P(StoreConformance, jobs_are_told_apart_by_their_whole_names) {
  const auto schedules = store_->open(options()).schedules();
  schedules->state("nightly");
  schedules->begin_run("nightly", std::nullopt, noon);
  EXPECT_EQ(schedules->state("Nightly").last_due, std::nullopt);
  EXPECT_EQ(schedules->state("nightly ").last_due, std::nullopt);
  EXPECT_FALSE(schedules->begin_run("unknown", std::nullopt, noon));
}

}  // namespace
}  // namespace outbox::testing
