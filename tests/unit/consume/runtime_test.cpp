// SPDX-License-Identifier: Apache-2.0
#include "consume/runtime.hpp"

#include <gmock/gmock.h>
#include <unistd.h>

#include "unit/consume/fakes.hpp"

namespace outbox::consume {
namespace {

using ::testing::ElementsAre;
using testing::FakeBroker;
using testing::FakeStore;
using ::testing::Pair;

class ConsumerRuntime : public ::testing::Test {
 protected:
  ConsumerRuntime() {
    options_.group_id = "stock-consumer";
    options_.topics = {"order.events"};
    options_.work.policies[0].backoff = {Backoff::Kind::fixed, std::chrono::milliseconds(1),
                                         std::chrono::milliseconds(1), 0.0};
    broker_.when_done = [this] { stop_.request_stop(); };
  }

  static Uuid id(std::uint8_t number) {
    Uuid uuid;
    uuid.bytes[15] = number;
    return uuid;
  }

  // Event `number` at offset `number`; its handler writes its number.
  static broker::IncomingMessage event(std::uint8_t number, int partition = 0) {
    broker::IncomingMessage message;
    message.topic = "order.events";
    message.partition = partition;
    message.offset = number;
    message.key = "k";
    message.headers = {{"event_id", to_string(id(number))}, {"event_type", std::to_string(number)}};
    return message;
  }

  void poll(std::vector<broker::IncomingMessage> messages) {
    broker_.polls.push_back({std::move(messages), {}});
  }

  void run() {
    const auto handle = [this](std::span<const ReceivedEvent> events,
                               store::InboxTransaction& transaction) {
      calls_ += 1;
      for (const ReceivedEvent& event : events) {
        transaction.execute(event.event_type, {});
        if (fails_[std::string(event.event_type)]-- > 0) throw std::runtime_error("no stock");
      }
    };
    Handlers handlers;
    handlers.add_for_others(std::make_shared<const EventHandler>(EventHandler{handle, batch_}));
    runtime_.emplace(store_.home(), broker_.home(), options_, std::move(handlers), log_);
    runtime_->run(stop_.get_token());
  }

  const Counts& counts() { return runtime_->counts(); }

  FakeStore store_;
  FakeBroker broker_;
  RuntimeOptions options_;
  std::map<std::string, int> fails_;  ///< How many times each event fails.
  std::stop_source stop_;
  bool batch_ = false;
  int calls_ = 0;  ///< Of the handler.
  Logger log_{LogLevel::error};
  std::optional<Runtime> runtime_;
};

TEST_F(ConsumerRuntime, handles_a_batch_in_one_transaction_and_then_commits_its_offsets) {
  poll({event(1), event(2), event(3, 1)});
  run();
  EXPECT_EQ(counts().handled, 3);
  EXPECT_EQ(store_.commits, 1);
  EXPECT_THAT(store_.committed.effects, ElementsAre("1", "2", "3"));
  EXPECT_THAT(broker_.committed, ElementsAre(Pair(0, 3), Pair(1, 4)));
}

TEST_F(ConsumerRuntime, skips_and_counts_duplicates_within_and_between_batches) {
  poll({event(1), event(1), event(2)});
  poll({event(2), event(3)});
  run();
  EXPECT_EQ(counts().handled, 3);
  EXPECT_EQ(counts().duplicates, 2);
  EXPECT_THAT(store_.committed.effects, ElementsAre("1", "2", "3"));
}

TEST_F(ConsumerRuntime, undoes_everything_of_a_failed_attempt_and_tries_again) {
  fails_["2"] = 2;
  poll({event(1), event(2), event(3)});
  run();
  EXPECT_THAT(store_.committed.effects, ElementsAre("1", "2", "3")) << "once each, in order";
  EXPECT_EQ(counts().handled, 3);
  EXPECT_EQ(counts().failures, 1) << "the first failure, of the whole batch, blames nobody";
  EXPECT_TRUE(broker_.dead_letters.empty());
}

TEST_F(ConsumerRuntime, dead_letters_an_event_that_keeps_failing_and_says_where_it_came_from) {
  options_.work.policies[0].attempts_max = 2;
  fails_["2"] = 100;
  poll({event(1), event(2), event(3)});
  run();
  EXPECT_THAT(store_.committed.effects, ElementsAre("1", "3"));
  EXPECT_FALSE(store_.committed.claimed.contains(id(2))) << "or its replay would do nothing";
  EXPECT_EQ(counts().dead_lettered, 1);
  ASSERT_EQ(broker_.dead_letters.size(), 1U);
  auto headers = broker_.dead_letters[0].headers;
  EXPECT_EQ(broker_.dead_letters[0].topic, "deadletter.events");
  EXPECT_EQ(broker_.dead_letters[0].key, "k");
  EXPECT_EQ(headers["event_id"], to_string(id(2)));
  EXPECT_EQ(headers["dead_letter_topic"], "order.events");
  EXPECT_EQ(headers["dead_letter_partition"], "0");
  EXPECT_EQ(headers["dead_letter_offset"], "2");
  EXPECT_EQ(headers["dead_letter_group"], "stock-consumer");
  EXPECT_EQ(headers["dead_letter_attempts"], "2");
  EXPECT_EQ(headers["dead_letter_error"], "no stock");
  EXPECT_FALSE(headers["dead_letter_time"].empty());
  EXPECT_THAT(broker_.committed, ElementsAre(Pair(0, 4)));
}

TEST_F(ConsumerRuntime, keeps_the_offset_until_the_dead_letter_is_acknowledged) {
  broker_.dead_letters_refused = 2;
  broker::IncomingMessage strange = event(1);
  strange.headers.clear();
  poll({strange});
  run();
  EXPECT_EQ(broker_.dead_letters.size(), 1U);
  EXPECT_EQ(counts().dead_lettered, 1);
  EXPECT_THAT(broker_.committed, ElementsAre(Pair(0, 2)));
}

TEST_F(ConsumerRuntime, waits_for_a_database_that_is_away_and_blames_no_event) {
  store_.begins_refused = 3;
  options_.work.policies[0].attempts_max = 1;
  poll({event(1)});
  run();
  EXPECT_EQ(counts().handled, 1);
  EXPECT_EQ(counts().failures, 0);
  EXPECT_TRUE(broker_.dead_letters.empty());
}

TEST_F(ConsumerRuntime, has_one_effect_after_a_commit_in_doubt_that_had_succeeded) {
  store_.commits_in_doubt = 1;
  poll({event(1)});
  run();
  EXPECT_THAT(store_.committed.effects, ElementsAre("1"));
  EXPECT_THAT(broker_.committed, ElementsAre(Pair(0, 2)));
}

TEST_F(ConsumerRuntime, commits_what_is_done_before_it_gives_partitions_back) {
  poll({event(1), event(2, 1)});
  broker_.polls.push_back({{}, {{"order.events", 0}}});
  poll({event(3, 1)});
  run();
  EXPECT_EQ(counts().rebalances, 1);
  EXPECT_EQ(broker_.released, 1);
  EXPECT_EQ(broker_.consumers_made, 1);
  EXPECT_THAT(store_.committed.effects, ElementsAre("1", "2", "3"));
  EXPECT_THAT(broker_.committed, ElementsAre(Pair(0, 2), Pair(1, 4)));
}

TEST_F(ConsumerRuntime, takes_events_again_whose_offsets_could_not_be_committed_without_effect) {
  broker_.commit_answers = {false};
  poll({event(1), event(2)});
  poll({event(1), event(2), event(3)});
  run();
  EXPECT_THAT(store_.committed.effects, ElementsAre("1", "2", "3"));
  EXPECT_EQ(counts().duplicates, 2);
}

TEST_F(ConsumerRuntime, gives_events_that_follow_each_other_to_a_batch_handler_at_once) {
  batch_ = true;
  poll({event(1), event(2), event(3, 1)});
  run();
  EXPECT_EQ(calls_, 1);
  EXPECT_THAT(store_.committed.effects, ElementsAre("1", "2", "3"));
}

TEST_F(ConsumerRuntime, finds_the_event_to_blame_in_a_batch_by_giving_them_one_by_one) {
  batch_ = true;
  options_.work.policies[0].attempts_max = 1;
  fails_["2"] = 100;
  poll({event(1), event(2), event(3)});
  run();
  EXPECT_THAT(store_.committed.effects, ElementsAre("1", "3"));
  EXPECT_EQ(counts().dead_lettered, 1);
}

TEST_F(ConsumerRuntime, tells_of_new_events_after_each_commit) {
  std::vector<std::string> told;
  options_.after_commit = [&](std::span<const ReceivedEvent> handled) {
    EXPECT_GT(store_.commits, 0);
    told.emplace_back(handled.back().event_type);
  };
  poll({event(1)});
  poll({event(1)});
  poll({event(2)});
  run();
  EXPECT_THAT(told, ElementsAre("1", "2")) << "not of the duplicate";
}

TEST_F(ConsumerRuntime, refuses_to_start_without_a_group_a_topic_or_a_dead_letter_topic) {
  options_.dead_letter_topic.clear();
  EXPECT_THROW(run(), Error);
}

}  // namespace
}  // namespace outbox::consume
