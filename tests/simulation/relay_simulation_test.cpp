// SPDX-License-Identifier: Apache-2.0
//
// OUTBOX_SIMULATION_SCHEDULES sets the number of schedules (default 1,000), OUTBOX_SIMULATION_SEED
// runs one alone and prints its trace.
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <string>

#include "simulation/schedule.hpp"

namespace outbox::simulation {
namespace {

std::uint64_t number_from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

void fail_with_trace(std::uint64_t seed) {
  const ScheduleResult again = run_schedule({seed, {}, true});
  std::string tail;
  const std::size_t from = again.trace.size() > 200 ? again.trace.size() - 200 : 0;
  for (std::size_t i = from; i < again.trace.size(); ++i)
    tail += again.trace[i] + "\n";
  FAIL() << "seed " << seed << ": " << again.violation
         << "\nrepeat it with OUTBOX_SIMULATION_SEED=" << seed << "\n"
         << tail;
}

TEST(Simulation, keeps_every_promise_in_each_schedule) {
  if (const char* seed = std::getenv("OUTBOX_SIMULATION_SEED")) {
    const ScheduleResult one = run_schedule({std::strtoull(seed, nullptr, 10), {}, true});
    for (const std::string& line : one.trace)
      std::cout << line << "\n";
    ASSERT_EQ(one.violation, "");
    return;
  }
  const std::uint64_t schedules = number_from_environment("OUTBOX_SIMULATION_SCHEDULES", 1000);
  ScheduleResult sum;
  std::uint64_t transactional = 0;
  for (std::uint64_t seed = 0; seed < schedules; ++seed) {
    const ScheduleResult result = run_schedule({seed, {}, false});
    if (!result.violation.empty()) return fail_with_trace(seed);
    sum.rows += result.rows;
    sum.duplicates += result.duplicates;
    sum.dead_letters += result.dead_letters;
    sum.crashes += result.crashes;
    sum.halts += result.halts;
    sum.fenced_requests += result.fenced_requests;
    transactional += result.transactional ? 1 : 0;
  }
  std::cout << schedules << " schedules: " << sum.rows << " rows, " << sum.duplicates
            << " duplicates, " << sum.dead_letters << " dead letters, " << sum.crashes
            << " crashes, " << sum.halts << " pauses by operators; " << transactional
            << " of them transactional, with " << sum.fenced_requests << " requests fenced off\n";
  // A campaign in which nothing happened proves nothing.
  EXPECT_GT(sum.rows, schedules * 50);
  EXPECT_GT(sum.duplicates, schedules / 10);
  EXPECT_GT(sum.dead_letters, schedules / 10);
  EXPECT_GT(sum.crashes, schedules / 10);
  EXPECT_GT(sum.halts, schedules);
  EXPECT_GT(transactional, schedules / 10);
  EXPECT_GT(sum.fenced_requests, schedules / 50);
}

TEST(Simulation, runs_the_same_trace_for_the_same_seed) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    EXPECT_EQ(run_schedule({seed, {}, false}).trace_hash,
              run_schedule({seed, {}, false}).trace_hash)
        << "seed " << seed;
  }
}

/// The number of the first seed that notices the mutation.
std::uint64_t seeds_to_notice(const relay::Safety& safety, std::uint64_t seeds_max) {
  for (std::uint64_t seed = 0; seed < seeds_max; ++seed) {
    if (!run_schedule({seed, safety, false}).violation.empty()) return seed;
  }
  return seeds_max;
}

struct Mutation {
  const char* name;
  bool relay::Safety::*rule;
};

class Mutant : public testing::TestWithParam<Mutation> {};

TEST_P(Mutant, is_noticed_within_200_seeds) {
  relay::Safety safety;
  safety.*GetParam().rule = false;
  const std::uint64_t seed = seeds_to_notice(safety, 200);
  std::cout << GetParam().name << ": noticed by seed " << seed << "\n";
  EXPECT_LT(seed, 200U);
}

INSTANTIATE_TEST_SUITE_P(
    Simulation, Mutant,
    testing::Values(
        Mutation{"settles_before_the_acknowledgement",
                 &relay::Safety::settle_after_acknowledgement},
        Mutation{"drops_the_fence", &relay::Safety::fence_settling},
        Mutation{"pipelines_the_first_batch", &relay::Safety::one_in_flight_until_acknowledged},
        Mutation{"keeps_a_read_that_began_before_rows_were_dropped",
                 &relay::Safety::reread_after_drop},
        Mutation{"sends_keys_with_a_refused_event_among_the_others",
                 &relay::Safety::isolate_refused_keys},
        Mutation{"sends_what_stands_behind_a_row_that_is_not_due", &relay::Safety::head_goes_first},
        Mutation{"hands_over_what_was_read_before_it_was_paused", &relay::Safety::turn_away_paused},
        Mutation{"sends_again_what_the_former_owner_has_recorded", &relay::Safety::recall_sent},
        Mutation{"records_the_last_batch_alone", &relay::Safety::keep_unsettled}),
    [](const auto& mutation) { return std::string(mutation.param.name); });

}  // namespace
}  // namespace outbox::simulation
