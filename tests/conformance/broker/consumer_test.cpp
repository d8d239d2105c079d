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

TEST_P(Consuming, shows_in_its_group_with_its_partitions_and_what_it_has_committed) {
  const std::string topic = make_topic(home_, "grouped", 2);
  const std::string group = unique_name("group");
  fill(topic, 20, 2);
  const auto admin = home_.admin();
  std::vector<broker::GroupView> views;
  {
    const auto consumer = home_.consumer({group, {topic}, "earliest"});
    const broker::IncomingBatch all = read(*consumer, 20);
    EXPECT_TRUE(consumer->commit(behind(all)));
    views = admin->groups({group, unique_name("nobody")}, patience);
  }
  ASSERT_EQ(views.size(), 2U);
  if (!features().tells_groups) {
    EXPECT_TRUE(views[0].failure);
    return;
  }
  EXPECT_FALSE(views[0].failure);
  EXPECT_EQ(views[0].group_id, group);
  EXPECT_EQ(views[0].state, "Stable");
  ASSERT_EQ(views[0].members.size(), 1U);
  EXPECT_FALSE(views[0].members[0].id.empty());
  EXPECT_EQ(views[0].members[0].host, "127.0.0.1");
  const std::vector<broker::PartitionName> both = {{topic, 0}, {topic, 1}};
  EXPECT_EQ(views[0].members[0].partitions, both);
  ASSERT_EQ(views[0].committed.size(), 2U);
  EXPECT_EQ(views[0].committed[0].offset, 10);
  EXPECT_EQ(views[0].committed[1].offset, 10);
  EXPECT_FALSE(views[1].failure);
  EXPECT_EQ(views[1].state, "Dead");
  EXPECT_TRUE(views[1].members.empty());
  EXPECT_TRUE(views[1].committed.empty());
}

TEST_P(Consuming, leaves_a_group_behind_that_is_listed_with_what_it_has_committed) {
  const std::string topic = make_topic(home_, "left", 1);
  const std::string group = unique_name("group");
  fill(topic, 5);
  {
    const auto consumer = home_.consumer({group, {topic}, "earliest"});
    EXPECT_TRUE(consumer->commit(behind(read(*consumer, 5))));
  }
  if (!features().tells_groups) return;
  const auto admin = home_.admin();
  bool listed = false;
  for (const broker::GroupView& view : admin->groups({}, patience))
    listed = listed || view.group_id == group;
  EXPECT_TRUE(listed);
  const broker::GroupView view = admin->groups({group}, patience).front();
  EXPECT_TRUE(view.members.empty());
  ASSERT_EQ(view.committed.size(), 1U);
  EXPECT_EQ(view.committed[0].offset, 5);
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
