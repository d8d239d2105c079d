// SPDX-License-Identifier: Apache-2.0
//
// Clients that were away for longer than memory goes back, and all of it at once at random.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "fakes.hpp"
#include "gateway/hub.hpp"

namespace outbox::gateway {
namespace {

using testing::Connected;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::message;
using namespace std::chrono_literals;

class HubCatchUpTest : public ::testing::Test {
 protected:
  HubCatchUpTest() {
    options_.queue = {100'000, 1'000};
    options_.ring_bytes = 0;
    make_hub();
  }
  void make_hub() {
    hub_ =
        std::make_unique<Hub>(options_, Slots({"realtime.events"}), catch_ups_, post_.function());
    hub_->add_slot("realtime.events", 0, 100);
  }
  Connected resume(const std::string& position) {
    ClientTerms terms;
    terms.form = Form::resumable;
    terms.resume = hub_->slots().parse(position);
    terms.resume_text = position;
    Connected connected;
    connected.client = hub_->make_client(std::move(terms));
    connected.open();
    return connected;
  }
  static std::string frame(std::int64_t offset) {
    return "{\"position\":\"0:" + std::to_string(offset + 1) + "\",\"key\":\"k\",\"value\":\"0/" +
           std::to_string(offset) + "\"}";
  }
  static CatchUpPortion portion(std::int64_t from, std::int64_t to) {
    CatchUpPortion read{{}, {to}};
    for (std::int64_t offset = from; offset < to; ++offset)
      read.messages.push_back(message(0, offset));
    return read;
  }

  HubOptions options_;
  testing::FakeCatchUps catch_ups_;
  testing::FakePost post_;
  std::unique_ptr<Hub> hub_;
};

TEST_F(HubCatchUpTest, goes_over_to_what_is_new_without_a_hole_or_a_double) {
  Connected client = resume("0:97");
  hub_->catch_up_opened(1, {{0, 100}});
  EXPECT_THAT(catch_ups_.started, ElementsAre(std::pair(std::uint64_t{1}, Offsets{97})));
  hub_->catch_up_read(1, portion(97, 99));
  EXPECT_THAT(catch_ups_.mores, ElementsAre(1));
  hub_->publish({message(0, 100)});  // It reads that one too: memory holds nothing here.
  hub_->catch_up_read(1, portion(99, 101));
  hub_->publish({message(0, 101)});
  EXPECT_THAT(client.take_all(),
              ElementsAre(frame(97), frame(98), frame(99), frame(100), frame(101)));
  EXPECT_THAT(catch_ups_.ended, ElementsAre(1));
}

TEST_F(HubCatchUpTest, tells_that_retention_was_faster) {
  Connected client = resume("0:5");
  hub_->catch_up_opened(1, {{98, 100}});
  hub_->catch_up_read(1, portion(98, 100));
  EXPECT_THAT(client.take_all(),
              ElementsAre(R"({"gap":true,"from":"0:5","to":"0:98"})", frame(98), frame(99)));
}

TEST_F(HubCatchUpTest, believes_a_topic_to_be_anew_only_when_it_is_short_twice) {
  Connected client = resume("0:500");
  hub_->catch_up_opened(1, {{0, 100}});
  EXPECT_FALSE(client.take_one());
  EXPECT_THAT(catch_ups_.opened, ElementsAre(1));
  hub_->tick(BootClock::now() + 2s);
  hub_->catch_up_opened(2, {{0, 100}});
  EXPECT_THAT(client.take_all(), ElementsAre(R"({"gap":true,"from":"0:500","to":"0:0"})"));
  EXPECT_THAT(catch_ups_.started, ElementsAre(std::pair(std::uint64_t{2}, Offsets{0})));
}

TEST_F(HubCatchUpTest, passes_marks_at_the_end_that_are_no_messages) {
  Connected client = resume("0:97");
  hub_->catch_up_opened(1, {{0, 100}});
  CatchUpPortion read = portion(97, 98);
  read.next = {100};
  hub_->catch_up_read(1, std::move(read));
  EXPECT_EQ(client.client->stage, Stage::live);
}

TEST_F(HubCatchUpTest, reads_once_for_all_who_are_near_each_other) {
  options_.catch_ups_max = 1;
  make_hub();
  Connected first = resume("0:50");
  Connected near_one = resume("0:60");
  Connected near_other = resume("0:70");
  hub_->catch_up_opened(1, {{0, 100}});
  hub_->catch_up_read(1, portion(50, 100));
  first.take_all();
  EXPECT_EQ(first.push->received.size(), 50U);
  ASSERT_THAT(catch_ups_.opened, ElementsAre(1, 2));
  hub_->catch_up_opened(2, {{0, 100}});
  EXPECT_EQ(catch_ups_.started.back().second, (Offsets{60}));
  hub_->catch_up_read(2, portion(60, 100));
  EXPECT_EQ(near_one.take_all().size(), 40U);
  EXPECT_EQ(near_other.take_all().size(), 30U);
}

TEST_F(HubCatchUpTest, leaves_behind_who_holds_up_the_others) {
  options_.catch_ups_max = 1;
  options_.queue = {100'000, 20};
  make_hub();
  Connected ends_first = resume("0:99");
  Connected slow = resume("0:50");
  Connected other = resume("0:50");
  hub_->catch_up_opened(1, {{0, 100}});
  hub_->catch_up_read(1, portion(99, 100));
  hub_->catch_up_opened(2, {{0, 100}});
  slow.is_stuck = true;
  hub_->catch_up_read(2, portion(50, 90));
  while (other.take_one() || post_.run_one()) {
  }
  EXPECT_THAT(catch_ups_.mores, IsEmpty());
  hub_->tick(BootClock::now() + 2s);
  post_.run();
  EXPECT_THAT(catch_ups_.mores, ElementsAre(2));
  EXPECT_EQ(slow.client->stage, Stage::waiting);
  EXPECT_EQ(other.push->received.size(), 40U);
}

TEST_F(HubCatchUpTest, gives_way_to_who_waits_after_its_turn) {
  options_.catch_ups_max = 1;
  options_.together_messages = 10;
  make_hub();
  Connected far_one = resume("0:1");
  Connected other = resume("0:90");
  hub_->catch_up_opened(1, {{0, 100}});
  hub_->catch_up_read(1, portion(1, 5));
  hub_->tick(BootClock::now() + 10s);
  EXPECT_THAT(catch_ups_.ended, ElementsAre(1));
  EXPECT_EQ(other.client->stage, Stage::reading);
  EXPECT_EQ(far_one.client->stage, Stage::waiting);
  EXPECT_EQ(far_one.client->next, (Offsets{5}));
}

TEST_F(HubCatchUpTest, ends_with_its_last_client) {
  Connected client = resume("0:50");
  hub_->catch_up_opened(1, {{0, 100}});
  client.client->closed();
  post_.run();
  EXPECT_THAT(catch_ups_.ended, ElementsAre(1));
  hub_->catch_up_read(1, portion(50, 60));  // What was under way is nobody's any more.
}

TEST_F(HubCatchUpTest, tries_again_where_brokers_did_not_answer) {
  Connected client = resume("0:50");
  hub_->catch_up_failed(1);
  EXPECT_THAT(catch_ups_.opened, ElementsAre(1));
  hub_->tick(BootClock::now() + 2s);
  EXPECT_THAT(catch_ups_.opened, ElementsAre(1, 2));
}

/// A topic, its gateway and its clients, all of whom do what they can at any time.
class World {
 public:
  explicit World(unsigned seed) : random_(seed) {
    options_.queue = {2'000, 12};
    options_.ring_bytes = draw(40) * message(0, 0)->bytes();
    options_.catch_ups_max = 1 + draw(2);
    options_.together_messages = static_cast<std::int64_t>(draw(100));
    options_.turn = options_.laggard_time = options_.retry_interval = 1s;
    start_gateway();
    clients_.resize(6);
  }

  void run(int steps) {
    for (int i = 0; i < steps; ++i)
      step();
    for (Follower& follower : clients_)
      follower.connected.is_stuck = false;
    // Quiet at the end: everybody has everything.
    for (int i = 0; i < 20'000; ++i) {
      connect_missing();
      read_some();
      for (Follower& follower : clients_)
        take(follower);
      while (post_.run_one()) {
      }
      publish_some();
      hub_->tick(now_ += 300ms);
    }
    for (Follower& follower : clients_)
      EXPECT_EQ(follower.seen, log_);
  }

 private:
  struct Follower {
    Connected connected;
    std::string position;
    std::vector<std::int64_t> seen = std::vector<std::int64_t>(slots);
    bool is_open = false;
  };
  static constexpr std::size_t slots = 3;

  std::size_t draw(std::size_t below) { return random_() % below; }

  void start_gateway() {
    catch_ups_ = {};
    reads_.clear();
    hub_ = std::make_unique<Hub>(options_, Slots({"t"}), catch_ups_, post_.function());
    for (std::size_t slot = 0; slot < slots; ++slot)
      hub_->add_slot("t", static_cast<int>(slot), log_[slot]);
    published_ = log_;
  }

  void connect_missing() {
    for (Follower& follower : clients_) {
      if (follower.is_open) continue;
      ClientTerms terms;
      terms.form = Form::resumable;
      if (!follower.position.empty()) terms.resume = hub_->slots().parse(follower.position);
      if (!terms.resume) terms.resume = Slots::Parsed{Offsets(slots, 0)};
      follower.connected = {};
      follower.connected.client = hub_->make_client(std::move(terms));
      follower.connected.open();
      follower.is_open = true;
    }
  }

  void cut(Follower& follower) {
    if (!follower.is_open) return;
    follower.connected.client->closed();
    follower.is_open = false;
  }

  /// What it gets must be the next message of a partition, each time.
  void take(Follower& follower) {
    if (!follower.is_open || !follower.connected.take_one()) {
      if (follower.is_open && follower.connected.push->close_code != 0) cut(follower);
      return;
    }
    const std::string& frame = follower.connected.push->received.back();
    const std::size_t value = frame.find("\"value\":\"") + 9;
    const auto slot = static_cast<std::size_t>(frame[value] - '0');
    const std::int64_t offset = std::stoll(frame.substr(value + 2));
    EXPECT_EQ(offset, follower.seen[slot]++) << frame;
    const std::size_t position = frame.find("\"position\":\"") + 12;
    follower.position = frame.substr(position, frame.find('"', position) - position);
  }

  void publish_some() {
    const std::size_t slot = draw(slots);
    std::vector<MessagePointer> messages;
    for (; published_[slot] < log_[slot]; ++published_[slot])
      messages.push_back(message(slot, published_[slot]));
    if (!messages.empty()) hub_->publish(std::move(messages));
  }

  /// One thing that the source would do for a catch-up.
  void read_some() {
    for (const std::uint64_t id : std::exchange(catch_ups_.opened, {})) {
      if (draw(8) == 0) {
        hub_->catch_up_failed(id);
        continue;
      }
      std::vector<SlotRange> ranges;
      for (const std::int64_t end : log_)
        ranges.push_back({0, end});
      hub_->catch_up_opened(id, ranges);
    }
    for (auto& [id, from] : std::exchange(catch_ups_.started, {})) {
      reads_[id] = from;
      catch_ups_.mores.push_back(id);
    }
    for (const std::uint64_t id : std::exchange(catch_ups_.mores, {})) {
      if (!reads_.contains(id)) continue;
      Offsets& next = reads_[id];
      CatchUpPortion portion;
      for (std::size_t n = draw(30); n > 0; --n) {
        const std::size_t slot = draw(slots);
        if (next[slot] < log_[slot]) portion.messages.push_back(message(slot, next[slot]++));
      }
      portion.next = next;
      hub_->catch_up_read(id, std::move(portion));
    }
    for (const std::uint64_t id : std::exchange(catch_ups_.ended, {}))
      reads_.erase(id);
  }

  void step() {
    Follower& follower = clients_[draw(clients_.size())];
    switch (draw(16)) {
      case 0:
        return cut(follower);
      case 1:
        return connect_missing();
      case 2:
        follower.connected.is_stuck = draw(2) == 0;
        return;
      case 3:
        hub_->tick(now_ += 300ms);
        return;
      case 4:
        if (draw(50) != 0) return;
        for (Follower& one : clients_)
          cut(one);
        while (post_.run_one()) {
        }
        return start_gateway();
      case 5:
      case 6:
        return read_some();
      case 7:
      case 8:
        log_[draw(slots)] += static_cast<std::int64_t>(draw(4));
        return;
      case 9:
        return publish_some();
      case 10:
        post_.run_one();
        return;
      default:
        return take(follower);
    }
  }

  std::mt19937 random_;
  HubOptions options_;
  testing::FakeCatchUps catch_ups_;
  testing::FakePost post_;
  std::unique_ptr<Hub> hub_;
  std::vector<Follower> clients_;
  Offsets log_ = Offsets(slots, 0);
  Offsets published_ = Offsets(slots, 0);
  std::map<std::uint64_t, Offsets> reads_;
  Moment now_ = BootClock::now();
};

class AtRandom : public ::testing::TestWithParam<unsigned> {};

TEST_P(AtRandom, each_client_gets_each_message_once_and_in_order_whatever_happens_to_it) {
  World(GetParam()).run(20'000);
}

INSTANTIATE_TEST_SUITE_P(Seeds, AtRandom, ::testing::Range(1U, 41U));

}  // namespace
}  // namespace outbox::gateway
