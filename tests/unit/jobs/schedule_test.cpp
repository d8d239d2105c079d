// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "jobs/schedule.hpp"

namespace outbox::testing {
namespace {

using jobs::DatabaseTime;
using jobs::Decision;
using jobs::Missed;
using std::chrono_literals::operator""h;
using std::chrono_literals::operator""min;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;
using std::chrono_literals::operator""us;

const DatabaseTime noon{std::chrono::sys_days(std::chrono::year(2026) / 11 / 21) + 12h};

jobs::Schedule every_ten_minutes(Missed missed) {
  jobs::Schedule schedule;
  schedule.next_after = [](DatabaseTime time) { return jobs::next_multiple(time, 10min); };
  schedule.missed = missed;
  return schedule;
}

TEST(Schedule, multiples_are_counted_from_1970_for_all) {
  EXPECT_EQ(jobs::next_multiple(noon, 10min), noon + 10min);
  EXPECT_EQ(jobs::next_multiple(noon - 1us, 10min), noon);
  EXPECT_EQ(jobs::next_multiple(noon + 1us, 10min), noon + 10min);
}

TEST(Schedule, nothing_is_due_before_its_time) {
  for (const Missed missed : {Missed::skip, Missed::run_once, Missed::run_all}) {
    const Decision decision = decide(every_ten_minutes(missed), noon, noon + 10min - 1us);
    EXPECT_FALSE(decision.due);
    EXPECT_EQ(decision.next, noon + 10min);
  }
}

TEST(Schedule, what_is_due_now_is_run_whatever_the_policy) {
  for (const Missed missed : {Missed::skip, Missed::run_once, Missed::run_all}) {
    const Decision decision = decide(every_ten_minutes(missed), noon, noon + 10min + 3s);
    EXPECT_TRUE(decision.run);
    EXPECT_EQ(decision.due, noon + 10min);
  }
}

TEST(Schedule, skipped_runs_are_passed_over_and_a_fresh_one_is_run) {
  const auto schedule = every_ten_minutes(Missed::skip);
  Decision decision = decide(schedule, noon, noon + 38min);
  EXPECT_FALSE(decision.run);
  EXPECT_EQ(decision.due, noon + 30min);
  decision = decide(schedule, noon, noon + 40min + 59s);
  EXPECT_TRUE(decision.run);
  EXPECT_EQ(decision.due, noon + 40min);
}

TEST(Schedule, one_run_stands_for_all_that_were_missed) {
  const Decision decision = decide(every_ten_minutes(Missed::run_once), noon, noon + 38min);
  EXPECT_TRUE(decision.run);
  EXPECT_EQ(decision.due, noon + 30min);
  EXPECT_FALSE(decide(every_ten_minutes(Missed::run_once), *decision.due, noon + 38min).due);
}

TEST(Schedule, all_missed_runs_come_the_oldest_first) {
  const auto schedule = every_ten_minutes(Missed::run_all);
  DatabaseTime last = noon;
  std::vector<DatabaseTime> runs;
  while (const auto due = decide(schedule, last, noon + 38min).due)
    runs.push_back(last = *due);
  EXPECT_THAT(runs, ::testing::ElementsAre(noon + 10min, noon + 20min, noon + 30min));
}

TEST(Schedule, runs_older_than_the_catch_up_are_left_out) {
  auto schedule = every_ten_minutes(Missed::run_all);
  schedule.catch_up = 15min;
  Decision decision = decide(schedule, noon, noon + 38min);
  EXPECT_TRUE(decision.run);
  EXPECT_EQ(decision.due, noon + 30min);
  schedule.catch_up = 5min;
  decision = decide(schedule, noon, noon + 38min);
  EXPECT_FALSE(decision.run);
  EXPECT_EQ(decision.due, noon + 30min);
}

TEST(Schedule, a_year_of_missed_minutes_is_no_work) {
  int asked = 0;
  jobs::Schedule schedule;
  schedule.next_after = [&](DatabaseTime time) {
    ++asked;
    return jobs::next_multiple(time, 60s);
  };
  const DatabaseTime now = noon + 365 * 24h + 7s;
  EXPECT_EQ(decide(schedule, noon, now).due, now - 7s);
  EXPECT_LT(asked, 50);
}

}  // namespace
}  // namespace outbox::testing
