// SPDX-License-Identifier: Apache-2.0
//
// What a refusal leaves in the log, with the relay's gating done here: one message in flight per
// handle and partition until its first acknowledgement (design, protocol 5 and 6).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/kafka/home.hpp"
#include "conformance/broker/broker_tools.hpp"
#include "support/services.hpp"

namespace outbox::testing {
namespace {

using broker::DeliveryStatus;
using broker::Handover;
using ::testing::ElementsAre;

broker::Home kafka_home(std::map<std::string, std::string> properties = {}) {
  broker::ConnectionOptions options;
  options.bootstrap_servers = services().kafka;
  options.properties = std::move(properties);
  return broker::kafka::make_home(options);
}

std::vector<std::string> values_of(const std::vector<broker::IncomingMessage>& messages) {
  std::vector<std::string> values;
  for (const auto& message : messages)
    values.push_back(message.value->substr(0, 2));
  return values;
}

// Twelve of one key, the third larger than the topic takes.
std::vector<Sent> twelve(const std::string& topic) {
  std::vector<Sent> sent;
  for (int i = 0; i < 12; ++i) {
    std::string value = std::to_string(10 + i);
    if (i == 2) value += std::string(5000, 'x');
    sent.push_back({topic, 0, "key", value, {}, static_cast<std::uint64_t>(i)});
  }
  return sent;
}

TEST(Refusal, ends_the_log_before_the_refused_message) {
  // Small batches, so that all twelve are in flight as requests of their own.
  const broker::Home home = kafka_home({{"batch.num.messages", "1"}, {"linger.ms", "0"}});
  for (int round = 0; round < 5; ++round) {
    const std::string topic = make_topic(home, "twelve", 1, {{"max.message.bytes", "2000"}});
    const std::vector<Sent> sent = twelve(topic);
    {
      const auto producer = home.producer("test");
      ASSERT_EQ(hand_over(*producer, sent[0]), Handover::accepted);
      ASSERT_EQ(acknowledged_in(await_deliveries(*producer, 1)), 1U);
      for (std::size_t i = 1; i < sent.size(); ++i) {
        static_cast<void>(hand_over(*producer, sent[i]));  // The last ones may meet the end.
      }
      const broker::Poll poll = await_deliveries(*producer, 11);
      ASSERT_TRUE(poll.fatal);
      EXPECT_EQ(poll.fatal->kind, FailureKind::retry_event);
      // What had arrived is told together with the end, so that only the refused one counts.
      ASSERT_GE(poll.deliveries.size(), 2U);
      EXPECT_EQ(poll.deliveries[0].tag, 1U);
      EXPECT_EQ(poll.deliveries[0].status, DeliveryStatus::acknowledged);
      EXPECT_EQ(poll.deliveries[1].tag, 2U);
      EXPECT_EQ(poll.deliveries[1].status, DeliveryStatus::refused);
      for (std::size_t i = 2; i < poll.deliveries.size(); ++i) {
        EXPECT_EQ(poll.deliveries[i].status, DeliveryStatus::unknown) << i;
      }
    }
    // A new handle goes on behind it, once the refused one is out of the way.
    const auto successor = home.producer("test");
    ASSERT_EQ(hand_over(*successor, sent[3]), Handover::accepted);
    ASSERT_EQ(acknowledged_in(await_deliveries(*successor, 1)), 1U);
    ASSERT_EQ(acknowledged_in(send_all(*successor, {sent.begin() + 4, sent.end()})), 8U);
    EXPECT_THAT(values_of(read_topic(home, topic, 11)),
                ElementsAre("10", "11", "13", "14", "15", "16", "17", "18", "19", "20", "21"));
  }
}

TEST(Refusal, of_a_whole_batch_does_not_pass_innocent_siblings_on) {
  const broker::Home home = kafka_home();
  const std::string topic = make_topic(home, "batch", 1, {{"max.message.bytes", "2000"}});
  const std::vector<Sent> sent = twelve(topic);
  const auto producer = home.producer("test");
  ASSERT_EQ(acknowledged_in(send_all(*producer, {sent[0]})), 1U);
  for (std::size_t i = 1; i < sent.size(); ++i) {
    static_cast<void>(hand_over(*producer, sent[i]));
  }
  ASSERT_TRUE(await_deliveries(*producer, 11).fatal);
  // Some of the first may have travelled in a batch of their own; the log is a prefix all the same.
  const auto values = values_of(read_topic(home, topic, 1));
  ASSERT_LE(values.size(), 2U);
  EXPECT_EQ(values.front(), "10");
}

TEST(Refusal, spares_messages_that_only_their_batch_made_too_large) {
  const broker::Home home = kafka_home();
  const std::string topic = make_topic(home, "innocent", 1, {{"max.message.bytes", "1500"}});
  // The limit is learnt where the relay looks at its topics, before the handle is made.
  ASSERT_EQ(home.admin()->topics({topic}, patience).front().message_bytes_max, 1500);
  const auto producer = home.producer("test");
  std::vector<Sent> sent;
  for (std::uint64_t i = 0; i < 20; ++i) {
    sent.push_back({topic, 0, "k", std::string(400, 'x'), {}, i});
  }
  EXPECT_EQ(acknowledged_in(send_all(*producer, sent)), 20U);
}

TEST(Refusal, of_one_topic_leaves_another_handle_alone) {
  const broker::Home home = kafka_home();
  const std::string small = make_topic(home, "small", 1, {{"max.message.bytes", "2000"}});
  const std::string usual = make_topic(home, "usual", 1);
  const auto one = home.producer("one");
  const auto two = home.producer("two");
  ASSERT_EQ(hand_over(*one, {small, 0, "k", std::string(5000, 'x'), {}, 1}), Handover::accepted);
  ASSERT_TRUE(await_deliveries(*one, 2).fatal);
  EXPECT_EQ(acknowledged_in(send_all(*two, {{usual, 0, "k", "v", {}, 2}})), 1U);
}

TEST(Refusal, comes_at_once_for_what_no_request_could_carry) {
  const broker::Home home = kafka_home();
  const std::string topic = make_topic(home, "huge", 1);
  const auto producer = home.producer("test");
  ASSERT_EQ(acknowledged_in(send_all(*producer, {{topic, 0, "k", "v", {}, 1}})), 1U);
  EXPECT_EQ(hand_over(*producer, {topic, 0, "k", std::string(65U << 20U, 'x'), {}, 2}),
            Handover::refused);
  EXPECT_EQ(producer->refusal().kind, FailureKind::retry_event);
  EXPECT_EQ(acknowledged_in(send_all(*producer, {{topic, 0, "k", "v", {}, 3}})), 1U);
}

TEST(Refusal, takes_five_megabytes_where_the_topic_does) {
  const broker::Home home = kafka_home();
  const std::string topic = make_topic(home, "five", 1, {{"max.message.bytes", "8000000"}});
  const auto producer = home.producer("test");
  const std::string value(5000000, 'x');
  EXPECT_EQ(acknowledged_in(send_all(*producer, {{topic, 0, "k", value, {}, 1}})), 1U);
  EXPECT_EQ(read_topic(home, topic, 1).at(0).value, value);
}

}  // namespace
}  // namespace outbox::testing
