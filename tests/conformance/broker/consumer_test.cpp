// SPDX-License-Identifier: Apache-2.0
#include <set>
#include <thread>

#include "conformance/broker/broker_tools.hpp"
#include "conformance/broker/homes.hpp"

namespace outbox::testing {
namespace {

using namespace std::chrono_literals;

class Consuming : public BrokerConformance {
 protected:
  void fill(const std::string& topic, int count, int partitions = 1) {
    const auto producer = home_.producer("filler");
    std::vector<Sent> sent;
    for (int i = 0; i < count; ++i) {
      sent.push_back({topic, i % partitions, "k", std::to_string(i), {}, 0});
    }
    ASSERT_EQ(acknowledged_in(send_all(*producer, sent)), static_cast<std::size_t>(count));
  }
};

TEST_P(Consuming, goes_on_behind_the_last_commit) {
  const std::string topic = make_topic(home_, "resume", 1);
  const std::string group = unique_name("group");
  fill(topic, 30);
  {
    const auto consumer = home_.consumer({group, {topic}, "earliest"});
    broker::IncomingBatch first;
    while (first.messages.size() < 10) {
      broker::IncomingBatch batch =
          consumer->poll(10 - static_cast<int>(first.messages.size()), 1s);
      std::move(batch.messages.begin(), batch.messages.end(), std::back_inserter(first.messages));
    }
    EXPECT_TRUE(consumer->commit(behind(first)));
    EXPECT_FALSE(consumer->poll(5, 5s).messages.empty()) << "read, never committed";
  }
  const auto successor = home_.consumer({group, {topic}, "earliest"});
  const broker::IncomingBatch rest = read(*successor, 20);
  ASSERT_EQ(rest.messages.size(), 20U);
  EXPECT_EQ(rest.messages.front().value, "10");
  EXPECT_EQ(rest.messages.front().offset, 10);
  EXPECT_EQ(rest.messages.back().value, "29");
}

TEST_P(Consuming, takes_at_most_what_was_asked_for) {
  const std::string topic = make_topic(home_, "few", 1);
  fill(topic, 50);
  const auto consumer = home_.consumer({unique_name("group"), {topic}, "earliest"});
  std::size_t total = 0;
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (total < 50 && std::chrono::steady_clock::now() < deadline) {
    const std::size_t count = consumer->poll(7, 1s).messages.size();
    EXPECT_LE(count, 7U);
    total += count;
  }
  EXPECT_EQ(total, 50U);
}

TEST_P(Consuming, gives_each_group_all_messages) {
  const std::string topic = make_topic(home_, "groups", 2);
  fill(topic, 100, 2);
  const auto one = home_.consumer({unique_name("one"), {topic}, "earliest"});
  const auto two = home_.consumer({unique_name("two"), {topic}, "earliest"});
  EXPECT_EQ(read(*one, 100).messages.size(), 100U);
  EXPECT_EQ(read(*two, 100).messages.size(), 100U);
}

TEST_P(Consuming, shares_the_partitions_and_tells_who_has_to_give_some_up) {
  const std::string topic = make_topic(home_, "shared", 2);
  const std::string group = unique_name("group");
  fill(topic, 100, 2);
  const auto first = home_.consumer({group, {topic}, "earliest"});
  const broker::IncomingBatch before = read(*first, 100);
  ASSERT_EQ(before.messages.size(), 100U);

  const auto second = home_.consumer({group, {topic}, "earliest"});
  const std::jthread helper([&](const std::stop_token& stop) {
    while (!stop.stop_requested())
      static_cast<void>(second->poll(1, 50ms));
  });
  broker::IncomingBatch told;
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (told.revoked.empty() && std::chrono::steady_clock::now() < deadline) {
    told = first->poll(100, 200ms);
  }
  ASSERT_EQ(told.revoked.size(), 2U);
  EXPECT_TRUE(told.messages.empty());
  // What is in hand can still be finished: the partitions go when they are released.
  EXPECT_EQ(first->commit(behind(before)), features().commits_while_revoking);
  first->release();
  const auto shared = std::chrono::steady_clock::now() + patience;
  while (first->ends().size() != 1 && std::chrono::steady_clock::now() < shared)
    static_cast<void>(first->poll(10, 200ms));
  EXPECT_EQ(first->ends().size(), 1U);
}

TEST_P(Consuming, gives_what_was_not_committed_to_the_successor) {
  const std::string topic = make_topic(home_, "lost", 1);
  const std::string group = unique_name("group");
  fill(topic, 10);
  auto first = home_.consumer({group, {topic}, "earliest"});
  broker::IncomingBatch held = read(*first, 10);
  ASSERT_EQ(held.messages.size(), 10U);
  first.reset();  // It leaves without a commit, so all of it comes again.
  const auto second = home_.consumer({group, {topic}, "earliest"});
  EXPECT_EQ(read(*second, 10).messages.size(), 10U);
}

TEST_P(Consuming, wakes_a_poll_that_waits_on_another_thread) {
  const std::string topic = make_topic(home_, "wake", 1);
  const auto consumer = home_.consumer({unique_name("group"), {topic}, "earliest"});
  const auto start = std::chrono::steady_clock::now();
  const std::jthread waker([&] { consumer->wake(); });
  EXPECT_TRUE(consumer->poll(10, 20s).messages.empty());
  EXPECT_LT(std::chrono::steady_clock::now() - start, 10s);
}

TEST_P(Consuming, gives_nothing_of_a_paused_partition_until_it_is_resumed) {
  const std::string topic = make_topic(home_, "paused", 2);
  fill(topic, 10, 2);
  const auto consumer = home_.consumer({unique_name("group"), {topic}, "earliest"});
  EXPECT_EQ(read(*consumer, 10).messages.size(), 10U);
  const std::vector<broker::PartitionName> one = {{topic, 0}};
  consumer->pause(one);
  fill(topic, 10, 2);
  const broker::IncomingBatch others = read(*consumer, 5);
  for (const broker::IncomingMessage& message : others.messages)
    EXPECT_EQ(message.partition, 1);
  consumer->resume(one);
  const broker::IncomingBatch rest = read(*consumer, 5);
  ASSERT_EQ(rest.messages.size(), 5U);
  EXPECT_EQ(rest.messages.front().partition, 0);
}

INSTANTIATE_TEST_SUITE_P(Broker, Consuming, ::testing::ValuesIn(all_brokers()),
                         [](const auto& home) { return home.param.name; });

}  // namespace
}  // namespace outbox::testing
