// SPDX-License-Identifier: Apache-2.0
#include "gateway/hub.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fakes.hpp"

namespace outbox::gateway {
namespace {

using testing::Connected;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::message;
using namespace std::chrono_literals;

class HubTest : public ::testing::Test {
 protected:
  HubTest() {
    options_.queue = {1'000, 5};
    make_hub();
  }
  void make_hub() {
    hub_ =
        std::make_unique<Hub>(options_, Slots({"realtime.events"}), catch_ups_, post_.function());
    hub_->add_slot("realtime.events", 0, 10);
    hub_->add_slot("realtime.events", 1, 0);
  }
  Connected connect(ClientTerms terms) {
    Connected connected;
    connected.client = hub_->make_client(std::move(terms));
    connected.open();
    return connected;
  }
  Connected connect(Form form, Filter filter = {}) {
    ClientTerms terms;
    terms.form = form;
    terms.filter = std::move(filter);
    return connect(std::move(terms));
  }
  Connected resume(const std::string& position) {
    ClientTerms terms;
    terms.form = Form::resumable;
    terms.resume = hub_->slots().parse(position);
    terms.resume_text = position;
    return connect(std::move(terms));
  }
  void publish(std::size_t slot, std::int64_t offset, Subject subject = {}) {
    hub_->publish({message(slot, offset, std::move(subject))});
  }

  HubOptions options_;
  testing::FakeCatchUps catch_ups_;
  testing::FakePost post_;
  std::unique_ptr<Hub> hub_;
};

TEST_F(HubTest, sends_what_comes_to_everybody_who_follows_in_their_form) {
  Connected plain = connect(Form::plain);
  Connected resumable = connect(Form::resumable);
  Connected events = connect(Form::event_stream);
  publish(0, 10);
  publish(1, 0);
  EXPECT_THAT(plain.take_all(), ElementsAre("\"0/10\"", "\"1/0\""));
  EXPECT_THAT(resumable.take_all(),
              ElementsAre(R"({"position":"0:11,1:0","key":"k","value":"0/10"})",
                          R"({"position":"0:11,1:1","key":"k","value":"1/0"})"));
  EXPECT_THAT(events.take_all(),
              ElementsAre("id:0:11,1:0\ndata:\"0/10\"\n\n", "id:0:11,1:1\ndata:\"1/0\"\n\n"));
}

TEST_F(HubTest, sends_the_very_same_bytes_to_all_clients_of_a_form) {
  Connected one = connect(Form::resumable);
  Connected other = connect(Form::resumable);
  publish(0, 10);
  EXPECT_EQ(one.push->sending, other.push->sending);
}

TEST_F(HubTest, moves_the_position_over_what_a_filter_left_out) {
  Connected client = connect(Form::resumable, {{"ORDER_PAID"}, {}, {}});
  publish(0, 10, {"RESTOCKED", "", ""});
  publish(1, 0, {"ORDER_PAID", "", ""});
  EXPECT_THAT(client.take_all(), ElementsAre(R"({"position":"0:11,1:1","key":"k","value":"1/0"})"));
}

TEST_F(HubTest, sends_one_message_at_a_time_and_keeps_the_others) {
  Connected client = connect(Form::plain);
  publish(0, 10);
  publish(0, 11);
  EXPECT_EQ(client.push->sending->bytes, "\"0/10\"");
  EXPECT_TRUE(client.take_one());
  EXPECT_EQ(client.push->sending->bytes, "\"0/11\"");
}

TEST_F(HubTest, sends_a_slow_client_away_and_others_do_not_wait) {
  Connected slow = connect(Form::plain);
  Connected other = connect(Form::plain);
  slow.is_stuck = true;
  for (int offset = 10; offset < 20; ++offset) {
    publish(0, offset);
    other.take_all();
  }
  EXPECT_EQ(slow.push->close_code, 0);
  hub_->tick(BootClock::now() + 6s);
  EXPECT_EQ(slow.push->close_code, 1013);
  EXPECT_EQ(other.push->received.size(), 10U);
  EXPECT_EQ(hub_->clients(), 1U);
}

TEST_F(HubTest, lets_a_client_take_in_a_burst_at_its_own_pace) {
  Connected plain = connect(Form::plain);
  Connected resumable = connect(Form::resumable);
  std::vector<MessagePointer> burst;
  for (int offset = 10; offset < 1'000; ++offset)
    burst.push_back(message(0, offset));
  hub_->publish(std::move(burst));
  while (plain.take_one() || resumable.take_one() || post_.run_one()) {
  }
  EXPECT_EQ(plain.push->received.size(), 990U);
  EXPECT_EQ(resumable.push->received.size(), 990U);
  EXPECT_EQ(plain.push->received[500], "\"0/510\"");
  EXPECT_EQ(plain.client->stage, Stage::live);
  hub_->tick(BootClock::now() + 6s);
  EXPECT_EQ(plain.push->close_code, 0);
}

TEST_F(HubTest, sends_a_client_away_that_is_further_behind_than_memory_goes_back) {
  options_.queue = {10, 1'000};
  options_.ring_bytes = 0;
  make_hub();
  Connected slow = connect(Form::plain);
  slow.is_stuck = true;
  for (int offset = 10; offset < 13; ++offset)
    publish(0, offset);  // One on its way, one of six bytes in the queue, one too many.
  EXPECT_EQ(slow.push->close_code, 1013);
}

TEST_F(HubTest, sends_a_message_larger_than_the_queue_to_who_has_taken_in_all_before) {
  options_.queue = {2, 5};
  make_hub();
  Connected client = connect(Form::plain);
  publish(0, 10);
  publish(0, 11);
  EXPECT_THAT(client.take_all(), ElementsAre("\"0/10\"", "\"0/11\""));
  EXPECT_EQ(client.push->close_code, 0);
}

TEST_F(HubTest, sends_nothing_more_to_who_has_left) {
  Connected client = connect(Form::plain);
  client.client->closed();
  publish(0, 10);
  EXPECT_EQ(client.push->sending, nullptr);
  EXPECT_EQ(hub_->clients(), 0U);
}

TEST_F(HubTest, sends_from_memory_what_a_client_missed_and_then_goes_on) {
  publish(0, 10);
  publish(1, 0);
  publish(0, 11);
  Connected client = resume("0:11,1:0");
  publish(1, 1);
  EXPECT_THAT(client.take_all(), ElementsAre(R"({"position":"0:11,1:1","key":"k","value":"1/0"})",
                                             R"({"position":"0:12,1:1","key":"k","value":"0/11"})",
                                             R"({"position":"0:12,1:2","key":"k","value":"1/1"})"));
  EXPECT_THAT(catch_ups_.opened, IsEmpty());
}

TEST_F(HubTest, skips_what_a_client_had_from_a_gateway_that_is_further) {
  publish(0, 10);
  Connected client = resume("0:12,1:0");
  // Is it ahead, or is the topic another one by now? The brokers know.
  ASSERT_THAT(catch_ups_.opened, ElementsAre(1));
  hub_->catch_up_opened(1, {{0, 12}, {0, 0}});
  publish(0, 11);
  publish(0, 12);
  EXPECT_THAT(client.take_all(),
              ElementsAre(R"({"position":"0:13,1:0","key":"k","value":"0/12"})"));
}

TEST_F(HubTest, sends_what_was_missed_only_as_fast_as_it_is_taken_in) {
  for (int offset = 10; offset < 40; ++offset)
    publish(0, offset);
  Connected client = resume("0:10,1:0");
  EXPECT_EQ(client.push->close_code, 0);
  while (client.take_one() || post_.run_one()) {
  }
  EXPECT_EQ(client.push->received.size(), 30U);
  EXPECT_EQ(client.client->stage, Stage::live);
}

TEST_F(HubTest, reads_from_the_brokers_where_memory_forgot_what_a_slow_one_wants) {
  options_.ring_bytes = 5 * message(0, 10)->bytes();
  make_hub();
  for (int offset = 10; offset < 15; ++offset)
    publish(0, offset);
  Connected client = resume("0:10,1:0");
  client.is_stuck = true;
  EXPECT_EQ(client.client->stage, Stage::ring);
  for (int offset = 15; offset < 30; ++offset)
    publish(0, offset);
  client.is_stuck = false;
  while (client.take_one() || post_.run_one()) {
  }
  EXPECT_EQ(client.client->stage, Stage::reading);
}

TEST_F(HubTest, tells_a_position_at_once_and_later_where_one_is_wanted) {
  ClientTerms terms;
  terms.form = Form::resumable;
  terms.filter = {{"NEVER"}, {}, {}};
  terms.wants_progress = true;
  Connected client = connect(std::move(terms));
  EXPECT_THAT(client.take_all(), ElementsAre(R"({"position":"0:10,1:0"})"));
  const Moment now = BootClock::now();
  hub_->tick(now + 16s);
  EXPECT_FALSE(client.take_one());  // Nothing has moved.
  publish(0, 10);
  hub_->tick(now + 17s);
  EXPECT_TRUE(client.take_one());
  EXPECT_EQ(client.push->received.back(), R"({"position":"0:11,1:0"})");
  publish(0, 11);
  hub_->tick(now + 18s);
  EXPECT_FALSE(client.take_one());  // Not that often.
}

TEST_F(HubTest, tells_of_a_lost_range_and_goes_on_behind_it) {
  Connected client = connect(Form::resumable);
  hub_->moved(0, 50);
  publish(0, 50);
  EXPECT_THAT(client.take_all(),
              ElementsAre(R"({"gap":true,"from":"0:10,1:0","to":"0:50,1:0"})",
                          R"({"position":"0:51,1:0","key":"k","value":"0/50"})"));
}

TEST_F(HubTest, goes_on_in_a_topic_that_was_made_anew) {
  Connected client = connect(Form::resumable);
  publish(0, 10);
  Connected back = resume("0:10,1:0");
  hub_->moved(0, 0);
  publish(0, 0);
  EXPECT_THAT(client.take_all(), ElementsAre(R"({"position":"0:11,1:0","key":"k","value":"0/10"})",
                                             R"({"gap":true,"from":"0:11,1:0","to":"0:0,1:0"})",
                                             R"({"position":"0:1,1:0","key":"k","value":"0/0"})"));
  EXPECT_EQ(back.take_all().back(), R"({"position":"0:1,1:0","key":"k","value":"0/0"})");
}

TEST_F(HubTest, takes_a_new_partition_in) {
  Connected client = connect(Form::resumable);
  hub_->add_slot("realtime.events", 2, 0);
  publish(2, 0);
  EXPECT_THAT(client.take_all(),
              ElementsAre(R"({"position":"0:10,1:0,2:1","key":"k","value":"2/0"})"));
}

TEST_F(HubTest, tells_a_client_whose_partitions_are_gone_that_there_is_a_gap) {
  Connected client = resume("0:10,1:0,7:3");
  EXPECT_THAT(client.take_all(),
              ElementsAre(R"({"gap":true,"from":"0:10,1:0,7:3","to":"0:10,1:0"})"));
  EXPECT_EQ(client.client->stage, Stage::live);
}

}  // namespace
}  // namespace outbox::gateway
