// SPDX-License-Identifier: Apache-2.0
#include "consume/batch_core.hpp"

#include <gmock/gmock.h>

namespace outbox::consume {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;

constexpr Moment start{std::chrono::seconds(1000)};

std::vector<BatchItem> items_on(std::initializer_list<int> partitions) {
  std::vector<BatchItem> items;
  for (const int partition : partitions)
    items.push_back({{"orders", partition}, {}});
  return items;
}

RetryPolicy three_attempts() {
  return {3, {Backoff::Kind::fixed, milliseconds(100), milliseconds(100), 0.0}};
}

TEST(BatchCore, commits_offsets_of_each_partition_after_one_transaction_for_all) {
  BatchCore core(items_on({0, 1, 0, 1, 1}), three_attempts());
  Command command = core.step(Began{}, start, 0.5);
  EXPECT_EQ(command.action, Action::run_together);
  EXPECT_THAT(command.items, ElementsAre(0, 1, 2, 3, 4));
  command = core.step(RanTogether{}, start, 0.5);
  EXPECT_EQ(command.action, Action::commit_offsets);
  EXPECT_THAT(command.items, ElementsAre(2, 4));
  EXPECT_TRUE(core.all_done());
  EXPECT_EQ(core.step(OffsetsCommitted{}, start, 0.5).action, Action::finished);
}

TEST(BatchCore, goes_event_by_event_after_a_failure_which_then_counts_against_one_event_alone) {
  BatchCore core(items_on({0, 0, 0}), three_attempts());
  (void)core.step(Began{}, start, 0.5);
  const Command command = core.step(RanTogether{.failed = true}, start, 0.5);
  EXPECT_EQ(command.action, Action::run_singly);
  EXPECT_THAT(command.items, ElementsAre(0, 1, 2));
  EXPECT_EQ(core.attempts(1), 0);
  const Command after = core.step(RanSingly{{{1, "no stock"}}}, start, 0.5);
  EXPECT_EQ(after.action, Action::commit_offsets);
  EXPECT_THAT(after.items, ElementsAre(0)) << "not past the event that failed";
  EXPECT_EQ(core.attempts(1), 1);
  EXPECT_EQ(core.attempts(2), 0);
}

TEST(BatchCore, lets_other_partitions_go_on_while_one_waits_for_its_failed_event) {
  BatchCore core(items_on({0, 1, 0, 1}), three_attempts());
  (void)core.step(Began{}, start, 0.5);
  (void)core.step(RanTogether{.failed = true}, start, 0.5);
  Command command = core.step(RanSingly{{{0, "no stock"}}}, start, 0.5);
  EXPECT_THAT(command.items, ElementsAre(3)) << "partition 1 is done with";
  command = core.step(OffsetsCommitted{}, start, 0.5);
  EXPECT_EQ(command.action, Action::wait);
  EXPECT_EQ(command.until, start + milliseconds(100));
  command = core.step(TimeCame{}, command.until, 0.5);
  EXPECT_EQ(command.action, Action::run_singly);
  EXPECT_THAT(command.items, ElementsAre(0, 2));
}

TEST(BatchCore, dead_letters_after_the_last_attempt_and_moves_the_offset_only_once_acknowledged) {
  RetryPolicy policy = three_attempts();
  policy.attempts_max = 1;
  BatchCore core(items_on({0, 0}), policy);
  (void)core.step(Began{}, start, 0.5);
  (void)core.step(RanTogether{.failed = true}, start, 0.5);
  Command command = core.step(RanSingly{{{0, "no stock"}}}, start, 0.5);
  EXPECT_EQ(command.action, Action::dead_letter);
  EXPECT_THAT(command.items, ElementsAre(0));
  EXPECT_EQ(core.reason(0), "no stock");

  command = core.step(DeadLetterAnswered{.acknowledged = false}, start, 0.5);
  EXPECT_EQ(command.action, Action::wait) << "its partition waits for the dead-letter topic";
  command = core.step(TimeCame{}, command.until, 0.5);
  EXPECT_EQ(command.action, Action::dead_letter);
  command = core.step(DeadLetterAnswered{.acknowledged = true}, start, 0.5);
  EXPECT_EQ(command.action, Action::commit_offsets);
  EXPECT_THAT(command.items, ElementsAre(0));
  command = core.step(OffsetsCommitted{}, start, 0.5);
  EXPECT_EQ(command.action, Action::run_singly);
  EXPECT_THAT(command.items, ElementsAre(1));
}

TEST(BatchCore, dead_letters_what_is_no_event_before_anything_behind_it_is_run) {
  auto items = items_on({0, 0, 1});
  items[0].fault = "no header event_id";
  BatchCore core(std::move(items), three_attempts());
  Command command = core.step(Began{}, start, 0.5);
  EXPECT_EQ(command.action, Action::dead_letter);
  command = core.step(DeadLetterAnswered{.acknowledged = false}, start, 0.5);
  EXPECT_EQ(command.action, Action::run_together);
  EXPECT_THAT(command.items, ElementsAre(2)) << "another partition does not wait";
}

TEST(BatchCore, counts_no_attempt_while_the_database_is_away_and_waits_longer_each_time) {
  RetryPolicy policy = three_attempts();
  policy.backoff = {Backoff::Kind::exponential, milliseconds(100), milliseconds(1000), 0.0};
  BatchCore core(items_on({0}), policy);
  (void)core.step(Began{}, start, 0.5);
  Command command = core.step(StoreAway{}, start, 0.5);
  EXPECT_EQ(command.action, Action::wait);
  EXPECT_EQ(command.until, start + milliseconds(100));
  EXPECT_EQ(core.step(TimeCame{}, command.until, 0.5).action, Action::run_together);
  const Moment then = command.until;
  command = core.step(StoreAway{}, then, 0.5);
  EXPECT_EQ(command.until, then + milliseconds(200));
  EXPECT_EQ(core.attempts(0), 0);
}

TEST(BatchCore, has_nothing_to_do_for_a_batch_without_messages) {
  BatchCore core({}, three_attempts());
  EXPECT_EQ(core.step(Began{}, start, 0.5).action, Action::finished);
}

}  // namespace
}  // namespace outbox::consume
