// SPDX-License-Identifier: Apache-2.0
#include <fstream>
#include <map>
#include <thread>

#include "conformance/broker/broker_tools.hpp"
#include "conformance/broker/homes.hpp"

namespace outbox::testing {
namespace {

using namespace std::chrono_literals;

using broker::DeliveryStatus;
using broker::Handover;

std::size_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::size_t total = 0;
  std::size_t resident = 0;
  file >> total >> resident;
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

class Producing : public BrokerConformance {};

TEST_P(Producing, acknowledges_each_message_with_its_tag_and_offset) {
  const std::string topic = make_topic(home_, "tags", 1);
  const auto producer = home_.producer("test");
  std::vector<Sent> sent;
  for (std::uint64_t i = 0; i < 100; ++i) {
    sent.push_back({topic, 0, "k", std::to_string(i), {}, (std::uint64_t{1} << 63U) + i});
  }
  const broker::Poll poll = send_all(*producer, sent);
  ASSERT_EQ(poll.deliveries.size(), 100U);
  for (std::uint64_t i = 0; i < 100; ++i) {
    EXPECT_EQ(poll.deliveries[i].tag, (std::uint64_t{1} << 63U) + i);
    EXPECT_EQ(poll.deliveries[i].status, DeliveryStatus::acknowledged);
    EXPECT_EQ(poll.deliveries[i].offset, static_cast<std::int64_t>(i));
  }
}

TEST_P(Producing, keeps_the_order_within_each_partition) {
  const std::string topic = make_topic(home_, "order", 3);
  const auto producer = home_.producer("test");
  std::vector<Sent> sent;
  for (int i = 0; i < 9000; ++i) {
    sent.push_back({topic, i % 3, "k" + std::to_string(i % 3), std::to_string(i), {}, 0});
  }
  EXPECT_EQ(acknowledged_in(send_all(*producer, sent)), 9000U);
  std::map<int, int> latest{{0, -3}, {1, -2}, {2, -1}};
  for (const broker::IncomingMessage& message : read_topic(home_, topic, 9000)) {
    const int number = std::stoi(message.value.value());
    EXPECT_EQ(number, latest[message.partition] + 3);
    latest[message.partition] = number;
  }
  EXPECT_EQ(latest[0] + latest[1] + latest[2], 8997 + 8998 + 8999);
}

TEST_P(Producing, carries_bytes_headers_and_tombstones_as_they_are) {
  const std::string topic = make_topic(home_, "bytes", 1);
  const auto producer = home_.producer("test");
  const std::string binary("\0\xff\x80 \n", 5);
  const std::vector<Sent> sent = {
      {topic, 0, binary, binary, {{"name", binary}, {"none", std::nullopt}, {"empty", ""}}, 1},
      {topic, 0, "gone", std::nullopt, {{"name", "first"}, {"name", "second"}}, 2},
      {topic, 0, "", "", {}, 3}};
  EXPECT_EQ(acknowledged_in(send_all(*producer, sent)), 3U);

  const auto messages = read_topic(home_, topic, 3);
  ASSERT_EQ(messages.size(), 3U);
  EXPECT_EQ(messages[0].key, binary);
  EXPECT_EQ(messages[0].value, binary);
  ASSERT_EQ(messages[0].headers.size(), 3U);
  EXPECT_EQ(messages[0].headers[0].name, "name");
  EXPECT_EQ(messages[0].headers[0].value, binary);
  EXPECT_EQ(messages[0].headers[1].value, std::nullopt);
  EXPECT_EQ(messages[0].headers[2].value, "");
  EXPECT_EQ(messages[1].value, std::nullopt);
  ASSERT_EQ(messages[1].headers.size(), 2U);
  EXPECT_EQ(messages[1].headers[1].value, "second");
  EXPECT_EQ(messages[2].key, "");
  EXPECT_EQ(messages[2].value, "");
}

TEST_P(Producing, copies_so_that_the_caller_may_reuse_its_memory) {
  const std::string topic = make_topic(home_, "copies", 1);
  const auto producer = home_.producer("test");
  std::string key = "before";
  std::string text = "before";
  const broker::Header header{"name", text};
  broker::OutgoingMessage message{topic, 0, key, text, {&header, 1}, 1};
  ASSERT_EQ(producer->produce(message), Handover::accepted);
  key = "after!";
  text = "after!";
  EXPECT_EQ(acknowledged_in(await_deliveries(*producer, 1)), 1U);
  const auto messages = read_topic(home_, topic, 1);
  ASSERT_EQ(messages.size(), 1U);
  EXPECT_EQ(messages[0].key, "before");
  EXPECT_EQ(messages[0].value, "before");
  EXPECT_EQ(messages[0].headers.at(0).value, "before");
}

TEST_P(Producing, puts_each_message_on_the_partition_that_it_names) {
  const std::string topic = make_topic(home_, "partitions", 5);
  const auto producer = home_.producer("test");
  std::vector<Sent> sent;
  for (int i = 0; i < 50; ++i)
    sent.push_back({topic, i % 5, "same", std::to_string(i), {}, 0});
  EXPECT_EQ(acknowledged_in(send_all(*producer, sent)), 50U);
  const auto messages = read_topic(home_, topic, 50);
  ASSERT_EQ(messages.size(), 50U);
  for (const auto& message : messages) {
    EXPECT_EQ(message.partition, std::stoi(message.value.value()) % 5);
  }
}

TEST_P(Producing, answers_queue_full_within_its_limit_and_goes_on_after_polling) {
  const broker::Home home = GetParam().make(1U << 20U);
  const std::string topic = make_topic(home, "full", 1);
  const auto producer = home.producer("test");
  const std::size_t before = resident_bytes();
  const std::string value(1000, 'v');
  const std::string header_value(1000, 'h');
  std::size_t accepted = 0;
  Handover answer = Handover::accepted;
  while (answer == Handover::accepted && accepted < 10000) {
    answer = hand_over(*producer, {topic, 0, "k", value, {{"h", header_value}}, accepted});
    if (answer == Handover::accepted) ++accepted;
  }
  EXPECT_EQ(answer, Handover::queue_full);
  EXPECT_GT(accepted, 300U);
  EXPECT_LT(accepted, 525U);  // Headers count like values do.
  EXPECT_LT(resident_bytes(), before + (32U << 20U));

  EXPECT_EQ(acknowledged_in(await_deliveries(*producer, accepted)), accepted);
  EXPECT_EQ(hand_over(*producer, {topic, 0, "k", value, {}, 1}), Handover::accepted);
  EXPECT_EQ(acknowledged_in(await_deliveries(*producer, 1)), 1U);
}

TEST_P(Producing, takes_one_message_that_is_larger_than_its_whole_limit) {
  const broker::Home home = GetParam().make(100000);
  const std::string topic = make_topic(home, "large", 1);
  const auto producer = home.producer("test");
  EXPECT_EQ(hand_over(*producer, {topic, 0, "k", std::string(500000, 'x'), {}, 1}),
            Handover::accepted);
  EXPECT_EQ(hand_over(*producer, {topic, 0, "k", "small", {}, 2}), Handover::queue_full);
  EXPECT_EQ(acknowledged_in(await_deliveries(*producer, 1)), 1U);
}

TEST_P(Producing, holds_a_topic_that_is_missing_and_sends_to_the_others) {
  const std::string topic = make_topic(home_, "there", 1);
  const std::string nowhere = unique_name("missing");
  const auto other = home_.producer("other");
  const auto producer = home_.producer("test");
  const Handover answer = hand_over(*producer, {nowhere, 0, "k", "v", {}, 7});
  ASSERT_EQ(hand_over(*other, {topic, 0, "k", "v", {}, 8}), Handover::accepted);
  EXPECT_EQ(acknowledged_in(await_deliveries(*other, 1)), 1U);

  // It is known at once or once the broker was asked; both ways the topic alone is to blame.
  Failure failure;
  if (answer == Handover::accepted) {
    const broker::Poll poll = await_deliveries(*producer, 1);
    ASSERT_EQ(poll.deliveries.size(), 1U);
    EXPECT_EQ(poll.deliveries[0].tag, 7U);
    EXPECT_EQ(poll.deliveries[0].status, DeliveryStatus::refused);
    failure = poll.deliveries[0].failure;
  } else {
    ASSERT_EQ(answer, Handover::refused);
    failure = producer->refusal();
  }
  EXPECT_EQ(failure.kind, FailureKind::hold_topic);
  EXPECT_NE(failure.reason.find(nowhere), std::string::npos) << failure.reason;
  EXPECT_NE(failure.reason.find("outboxd topics create"), std::string::npos) << failure.reason;
  EXPECT_TRUE(home_.admin()->topics({nowhere}, patience).front().failure)
      << "sending must not make the topic";
}

TEST_P(Producing, holds_a_topic_that_has_not_the_partition) {
  const std::string topic = make_topic(home_, "narrow", 2);
  const auto producer = home_.producer("test");
  EXPECT_EQ(acknowledged_in(send_all(*producer, {{topic, 0, "k", "v", {}, 1}})), 1U);
  ASSERT_EQ(hand_over(*producer, {topic, 2, "k", "v", {}, 2}), Handover::refused);
  EXPECT_EQ(producer->refusal().kind, FailureKind::hold_topic);
  EXPECT_EQ(acknowledged_in(send_all(*producer, {{topic, 1, "k", "v", {}, 3}})), 1U);
}

TEST_P(Producing, retries_the_event_that_is_too_large_and_ends_the_handle) {
  if (!features().refuses_too_large) return;  // Not this home's; the list of features says so.
  const std::string topic = make_topic(home_, "small", 1, {{"max.message.bytes", "2000"}});
  const auto producer = home_.producer("test");
  EXPECT_EQ(acknowledged_in(send_all(*producer, {{topic, 0, "k", "fits", {}, 1}})), 1U);
  ASSERT_EQ(hand_over(*producer, {topic, 0, "k", std::string(5000, 'x'), {}, 2}),
            Handover::accepted);
  const broker::Poll poll = await_deliveries(*producer, 1);
  ASSERT_EQ(poll.deliveries.size(), 1U);
  EXPECT_EQ(poll.deliveries[0].tag, 2U);
  EXPECT_EQ(poll.deliveries[0].status, DeliveryStatus::refused);
  EXPECT_EQ(poll.deliveries[0].failure.kind, FailureKind::retry_event);
  const broker::Poll last = poll.fatal ? poll : producer->poll(5s);
  ASSERT_TRUE(last.fatal);
  EXPECT_EQ(hand_over(*producer, {topic, 0, "k", "sibling", {}, 3}), Handover::fatal);
  EXPECT_FALSE(producer->poll(0ms).fatal) << "the end is told once";
}

TEST_P(Producing, wakes_a_poll_that_waits_on_another_thread) {
  const auto producer = home_.producer("test");
  std::jthread waker;
  const auto start = std::chrono::steady_clock::now();
  waker = std::jthread([&] { producer->wake(); });
  const broker::Poll poll = producer->poll(20s);
  EXPECT_TRUE(poll.deliveries.empty());
  EXPECT_LT(std::chrono::steady_clock::now() - start, 10s);
}

TEST_P(Producing, hands_over_on_one_thread_while_another_polls) {
  const std::string topic = make_topic(home_, "threads", 4);
  const auto producer = home_.producer("test");
  constexpr std::size_t count = 20000;
  std::atomic<std::size_t> acknowledged{0};
  {
    const std::jthread poller(
        [&] { acknowledged = acknowledged_in(await_deliveries(*producer, count)); });
    for (std::size_t i = 0; i < count; ++i) {
      const Sent sent{topic, static_cast<int>(i % 4), "k", std::string(100, 'x'), {{"n", "v"}}, i};
      while (hand_over(*producer, sent) == Handover::queue_full)
        std::this_thread::yield();
    }
  }
  EXPECT_EQ(acknowledged.load(), count);
  EXPECT_EQ(read_topic(home_, topic, count).size(), count);
}

INSTANTIATE_TEST_SUITE_P(Broker, Producing, ::testing::ValuesIn(all_brokers()),
                         [](const auto& home) { return home.param.name; });

}  // namespace
}  // namespace outbox::testing
