// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include "consume/runtime.hpp"
#include "unit/consume/fakes.hpp"

namespace outbox::consume {
namespace {

using ::testing::ElementsAre;
using testing::FakeBroker;
using testing::FakeControls;
using testing::FakeStore;
using ::testing::IsEmpty;
using ::testing::Pair;

const store::Pause of_group{store::PauseKind::consumer, "stock-consumer", "ada", "stocktaking", 0};

class ConsumerPause : public ::testing::Test {
 protected:
  ConsumerPause() {
    store_.controls = &controls_;
    options_.group_id = "stock-consumer";
    options_.topics = {"order.events"};
    options_.poll_timeout = std::chrono::milliseconds(20);
    broker_.when_done = [this] { stop_.request_stop(); };
    broker::IncomingBatch batch;
    for (int number = 1; number <= 3; ++number) {
      broker::IncomingMessage message;
      message.topic = "order.events";
      message.offset = number;
      Uuid id;
      id.bytes[15] = static_cast<std::uint8_t>(number);
      message.headers = {{"event_id", to_string(id)}, {"event_type", std::to_string(number)}};
      batch.messages.push_back(std::move(message));
    }
    broker_.polls.push_back(std::move(batch));
  }

  void run() {
    Handlers handlers;
    const auto handle = [this](std::span<const ReceivedEvent> events,
                               store::InboxTransaction& transaction) {
      for (const ReceivedEvent& event : events) {
        transaction.execute(event.event_type, {});
      }
    };
    handlers.add_for_others(std::make_shared<const EventHandler>(EventHandler{handle, false}));
    Logger log(LogLevel::error);
    Runtime runtime(store_.home(), broker_.home(), options_, std::move(handlers), log);
    runtime.run(stop_.get_token());
    handled_ = runtime.counts().handled;
  }

  FakeControls controls_;
  FakeStore store_;
  FakeBroker broker_;
  RuntimeOptions options_;
  std::stop_source stop_;
  std::int64_t handled_ = 0;
};

TEST_F(ConsumerPause, handles_nothing_while_it_is_paused_and_all_of_it_afterwards) {
  controls_.set({of_group});
  std::vector<std::string> before_resume = {"not paused"};
  broker_.when_paused = [&] {
    before_resume = store_.committed.effects;
    controls_.set({});
  };
  run();
  EXPECT_THAT(before_resume, IsEmpty());
  EXPECT_THAT(store_.committed.effects, ElementsAre("1", "2", "3"));
  EXPECT_THAT(broker_.committed, ElementsAre(Pair(0, 4)));
  EXPECT_EQ(broker_.consumers_made, 1) << "it stays in the group";
  EXPECT_THAT(broker_.paused, IsEmpty());
}

TEST_F(ConsumerPause, begins_nothing_before_the_database_has_said_whether_it_is_paused) {
  controls_.set({of_group});
  controls_.refuse(2);
  std::vector<std::string> before_resume = {"not paused"};
  broker_.when_paused = [&] {
    before_resume = store_.committed.effects;
    controls_.set({});
  };
  run();
  EXPECT_THAT(before_resume, IsEmpty());
  EXPECT_THAT(store_.committed.effects, ElementsAre("1", "2", "3"));
}

TEST_F(ConsumerPause, stays_paused_while_the_database_is_away) {
  controls_.set({of_group});
  int pauses = 0;
  broker_.when_paused = [&] {
    ++pauses;
    controls_.set({});
    controls_.refuse(1);
  };
  run();
  EXPECT_EQ(pauses, 1) << "a look that fails changes nothing";
  EXPECT_THAT(store_.committed.effects, ElementsAre("1", "2", "3"));
}

TEST_F(ConsumerPause, takes_the_pause_of_another_group_for_none_of_its_own) {
  store::Pause other = of_group;
  other.name = "billing";
  controls_.set({other, {store::PauseKind::topic, "stock-consumer", "", "", 0}});
  run();
  EXPECT_EQ(handled_, 3);
}

TEST_F(ConsumerPause, ends_at_once_when_it_is_stopped_while_paused) {
  controls_.set({of_group});
  broker_.when_paused = [this] { stop_.request_stop(); };
  run();
  EXPECT_EQ(handled_, 0);
  EXPECT_THAT(broker_.committed, IsEmpty());
}

}  // namespace
}  // namespace outbox::consume
