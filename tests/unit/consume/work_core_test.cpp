// SPDX-License-Identifier: Apache-2.0
#include "consume/work_core.hpp"

#include <gmock/gmock.h>

namespace outbox::consume {

bool operator==(const ItemName& a, const ItemName& b) {
  return a.lane == b.lane && a.number == b.number;
}

void PrintTo(const ItemName& item, std::ostream* out) {
  *out << item.lane << ":" << item.number;
}

namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;

constexpr Moment start{std::chrono::seconds(1000)};

class Working : public ::testing::Test {
 protected:
  Working() {
    options_.policies = {
        {3, {Backoff::Kind::fixed, milliseconds(100), milliseconds(100), 0.0}},
        {1, {Backoff::Kind::fixed, milliseconds(100), milliseconds(100), 0.0}},
    };
  }

  // Offsets 10, 11, … in each lane.
  void fill(LaneId lane, int count) {
    for (int i = 0; i < count; ++i)
      core().add(lane, {.offset = 10 + i, .fault = {}});
  }

  WorkCore& core() {
    if (!core_) core_.emplace(options_);
    return *core_;
  }

  Command next(Duration after = {}) { return core().next(start + after); }
  void happened(const Happening& happening, Duration after = {}) {
    core().happened(happening, start + after, 0.5);
  }

  // All in one transaction, which fails: the next one is by events.
  void fail_together() {
    ASSERT_EQ(next().action, Action::run_together);
    happened(Together::failed);
  }

  static RanSingly without(ItemName item, std::size_t policy) {
    RanSingly ran;
    ran.failed.push_back({item, "no stock", policy});
    return ran;
  }

  std::map<LaneId, std::int64_t> progress() {
    std::map<LaneId, std::int64_t> offsets;
    for (const Progress& moved : core().take_progress())
      offsets[moved.lane] = moved.next_offset;
    return offsets;
  }

  WorkOptions options_;
  std::optional<WorkCore> core_;
};

TEST_F(Working, moves_every_lane_after_one_transaction_for_all) {
  fill(1, 2);
  fill(2, 3);
  const Command command = next();
  EXPECT_EQ(command.action, Action::run_together);
  EXPECT_EQ(command.items.size(), 5U);
  happened(Together::committed);
  EXPECT_EQ(progress(), (std::map<LaneId, std::int64_t>{{1, 12}, {2, 13}}));
  EXPECT_TRUE(progress().empty()) << "told once";
  EXPECT_EQ(next().action, Action::wait);
  EXPECT_EQ(next().until, Moment::max());
}

TEST_F(Working, fills_a_transaction_up_to_the_batch_size_from_each_lane_in_turn) {
  options_.batch_size = 3;
  fill(1, 5);
  fill(2, 2);
  EXPECT_THAT(next().items, ElementsAre(ItemName{1, 0}, ItemName{1, 1}, ItemName{1, 2}));
  happened(Together::committed);
  EXPECT_THAT(next().items, ElementsAre(ItemName{2, 0}, ItemName{2, 1}, ItemName{1, 3}));
}

TEST_F(Working, goes_event_by_event_after_a_failure_which_then_counts_against_one_event_alone) {
  fill(1, 3);
  fail_together();
  const Command command = next();
  EXPECT_EQ(command.action, Action::run_singly);
  EXPECT_EQ(command.items.size(), 3U);
  EXPECT_EQ(core().attempts({1, 1}), 0);
  happened(without({1, 1}, 0));
  EXPECT_EQ(progress(), (std::map<LaneId, std::int64_t>{{1, 11}})) << "not past the failed one";
  EXPECT_EQ(core().attempts({1, 1}), 1);
  EXPECT_EQ(core().attempts({1, 2}), 0);
}

TEST_F(Working, lets_other_lanes_and_their_new_messages_go_on_while_one_waits) {
  fill(1, 2);
  fill(2, 2);
  fail_together();
  (void)next();
  happened(without({1, 0}, 0));
  EXPECT_EQ(progress(), (std::map<LaneId, std::int64_t>{{2, 12}}));
  core().add(2, {.offset = 12, .fault = {}});
  Command command = next();
  EXPECT_EQ(command.action, Action::run_together);
  EXPECT_THAT(command.items, ElementsAre(ItemName{2, 2}));
  happened(Together::committed);
  command = next();
  EXPECT_EQ(command.action, Action::wait);
  EXPECT_EQ(command.until, start + milliseconds(100));
  command = next(milliseconds(100));
  EXPECT_EQ(command.action, Action::run_singly);
  EXPECT_THAT(command.items, ElementsAre(ItemName{1, 0}, ItemName{1, 1}));
}

TEST_F(Working, dead_letters_after_the_last_attempt_and_moves_only_once_acknowledged) {
  fill(1, 2);
  fail_together();
  (void)next();
  happened(without({1, 0}, 1));
  Command command = next();
  EXPECT_EQ(command.action, Action::dead_letter) << "by the policy of its exception, at once";
  EXPECT_THAT(command.items, ElementsAre(ItemName{1, 0}));
  EXPECT_EQ(core().reason({1, 0}), "no stock");
  happened(Forwarded{.acknowledged = false});
  EXPECT_TRUE(progress().empty());
  command = next();
  EXPECT_EQ(command.action, Action::wait) << "its lane waits for the dead-letter topic";
  command = next(command.until - start);
  EXPECT_EQ(command.action, Action::dead_letter);
  happened(Forwarded{.acknowledged = true});
  EXPECT_EQ(progress(), (std::map<LaneId, std::int64_t>{{1, 11}}));
  EXPECT_THAT(next().items, ElementsAre(ItemName{1, 1}));
}

TEST_F(Working, sends_a_failed_event_to_the_delay_topic_and_goes_on_where_order_is_not_wanted) {
  options_.ordered = false;
  fill(1, 2);
  fail_together();
  (void)next();
  happened(without({1, 0}, 0));
  Command command = next();
  EXPECT_EQ(command.action, Action::delay);
  EXPECT_EQ(command.until, start + milliseconds(100));
  happened(Forwarded{.acknowledged = true});
  EXPECT_EQ(progress(), (std::map<LaneId, std::int64_t>{{1, 11}}));
  EXPECT_THAT(next().items, ElementsAre(ItemName{1, 1}));

  core().add(
      2, {.offset = 0, .fault = {}, .attempts_before = 2, .not_before = start + milliseconds(100)});
  (void)next();
  happened(Together::committed);
  EXPECT_EQ(next().until, start + milliseconds(100)) << "the delayed one waits until it is due";
  EXPECT_THAT(next(milliseconds(100)).items, ElementsAre(ItemName{2, 0}));
  happened(Together::failed, milliseconds(100));
  (void)next(milliseconds(100));
  happened(without({2, 0}, 0), milliseconds(100));
  EXPECT_EQ(next(milliseconds(100)).action, Action::dead_letter) << "its third attempt";
}

TEST_F(Working, dead_letters_what_is_no_event_and_holds_back_what_stands_behind_it) {
  core().add(1, {.offset = 10, .fault = "no event"});
  core().add(1, {.offset = 11, .fault = {}});
  fill(2, 1);
  EXPECT_EQ(next().action, Action::dead_letter);
  happened(Forwarded{.acknowledged = false});
  const Command command = next();
  EXPECT_EQ(command.action, Action::run_together);
  EXPECT_THAT(command.items, ElementsAre(ItemName{2, 0})) << "another lane does not wait";
}

TEST_F(Working, counts_no_attempt_while_the_database_is_away_and_waits_longer_each_time) {
  options_.policies[0].backoff = {Backoff::Kind::exponential, milliseconds(100), milliseconds(1000),
                                  0.0};
  fill(1, 1);
  (void)next();
  happened(Away{});
  EXPECT_EQ(next().until, start + milliseconds(100));
  EXPECT_EQ(next(milliseconds(100)).action, Action::run_together);
  happened(Away{}, milliseconds(100));
  EXPECT_EQ(next(milliseconds(100)).until, start + milliseconds(300));
  EXPECT_EQ(core().attempts({1, 0}), 0);
}

TEST_F(Working, makes_the_transaction_smaller_before_a_conflict_is_an_events_own_failure) {
  fill(1, 2);
  Duration now{};
  const auto conflict_three_times = [&](Action action) {
    for (int i = 0; i < 3; ++i) {
      Command command = next(now);
      if (command.action == Action::wait) command = next(now = command.until - start);
      EXPECT_EQ(command.action, action);
      happened(Conflict{"deadlock"}, now);
    }
  };
  conflict_three_times(Action::run_together);
  conflict_three_times(Action::run_singly);
  EXPECT_THAT(next(now).items, ElementsAre(ItemName{1, 0})) << "one a transaction";
  EXPECT_EQ(core().attempts({1, 0}), 0);
  conflict_three_times(Action::run_singly);
  EXPECT_EQ(core().attempts({1, 0}), 1);
  EXPECT_EQ(core().reason({1, 0}), "deadlock");
}

TEST_F(Working, keeps_what_is_done_where_what_one_event_needs_is_away_and_counts_nothing) {
  fill(1, 3);
  fill(2, 1);
  (void)next();
  happened(Together::away);
  EXPECT_EQ(next().action, Action::run_singly);
  RanSingly ran;
  ran.waiting = {{1, 1}};
  happened(ran);
  EXPECT_EQ(progress(), (std::map<LaneId, std::int64_t>{{1, 11}, {2, 11}}));
  EXPECT_EQ(next().until, start + milliseconds(100));
  EXPECT_EQ(core().attempts({1, 1}), 0);
}

TEST_F(Working, runs_other_lanes_before_a_dead_letter_that_got_no_answer_is_tried_again) {
  core().add(1, {.offset = 10, .fault = "no event"});
  fill(2, 1);
  EXPECT_EQ(next().action, Action::dead_letter);
  happened(Forwarded{.acknowledged = false});
  EXPECT_EQ(next(milliseconds(200)).action, Action::run_together);
  happened(Together::committed);
  EXPECT_EQ(next(milliseconds(200)).action, Action::dead_letter);
}

TEST_F(Working, finds_the_event_for_which_the_database_refuses_the_commit) {
  fill(1, 2);
  (void)next();
  happened(CommitRefused{"deferred constraint"});
  EXPECT_EQ(next().items.size(), 2U);
  happened(CommitRefused{"deferred constraint"});
  EXPECT_THAT(next().items, ElementsAre(ItemName{1, 0})) << "one a transaction";
  happened(CommitRefused{"deferred constraint"});
  EXPECT_EQ(core().attempts({1, 0}), 1);
  EXPECT_EQ(core().reason({1, 0}), "deferred constraint");
}

TEST_F(Working, forgets_a_lane_that_is_dropped) {
  fill(1, 2);
  fill(2, 1);
  core().drop(1);
  EXPECT_THAT(next().items, ElementsAre(ItemName{2, 0}));
  EXPECT_EQ(core().waiting(1), 0U);
}

}  // namespace
}  // namespace outbox::consume
