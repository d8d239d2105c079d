// SPDX-License-Identifier: Apache-2.0
#include "conformance/broker/broker_tools.hpp"
#include "conformance/broker/homes.hpp"

namespace outbox::testing {
namespace {

class Administering : public BrokerConformance {};

TEST_P(Administering, names_the_cluster_and_its_brokers) {
  const broker::ClusterView cluster = home_.admin()->cluster(patience);
  EXPECT_FALSE(cluster.cluster_id.empty());
  ASSERT_EQ(cluster.brokers.size(), 1U);
  EXPECT_EQ(cluster.brokers.front(), home_.bootstrap_servers);
}

TEST_P(Administering, tells_of_each_topic_in_the_order_asked) {
  const std::string wide = make_topic(home_, "wide", 7);
  const std::string narrow = make_topic(home_, "narrow", 1);
  const std::string nowhere = unique_name("nowhere");
  const auto views = home_.admin()->topics({wide, nowhere, narrow, wide, ""}, patience);
  ASSERT_EQ(views.size(), 5U);
  EXPECT_EQ(views[0].name, wide);
  EXPECT_EQ(views[0].partitions, 7);
  EXPECT_EQ(views[0].replication_factor, 1);
  EXPECT_FALSE(views[0].failure);
  ASSERT_TRUE(views[1].failure);
  EXPECT_EQ(views[1].failure->kind, FailureKind::hold_topic);
  EXPECT_NE(views[1].failure->reason.find(nowhere), std::string::npos);
  EXPECT_NE(views[1].failure->reason.find("outboxd topics create"), std::string::npos);
  EXPECT_EQ(views[2].partitions, 1);
  EXPECT_EQ(views[3].partitions, 7);
  ASSERT_TRUE(views[4].failure);
  EXPECT_EQ(views[4].failure->kind, FailureKind::dead_letter);
}

TEST_P(Administering, does_not_make_a_topic_by_asking_for_it) {
  const std::string nowhere = unique_name("asked");
  const auto admin = home_.admin();
  EXPECT_TRUE(admin->topics({nowhere}, patience).front().failure);
  EXPECT_TRUE(admin->topics({nowhere}, patience).front().failure);
}

TEST_P(Administering, lists_all_topics_where_none_is_named) {
  const std::string one = make_topic(home_, "listed", 2);
  const std::string two = make_topic(home_, "listed", 3);
  std::map<std::string, int> partitions;
  for (const broker::TopicView& view : home_.admin()->topics({}, patience)) {
    partitions[view.name] = view.partitions;
  }
  EXPECT_EQ(partitions[one], 2);
  EXPECT_EQ(partitions[two], 3);
}

TEST_P(Administering, says_that_a_topic_exists_already) {
  const std::string topic = make_topic(home_, "twice", 1);
  broker::NewTopic again;
  again.name = topic;
  broker::NewTopic fresh;
  fresh.name = unique_name("fresh");
  const auto failures = home_.admin()->create({again, fresh}, patience);
  ASSERT_EQ(failures.size(), 2U);
  ASSERT_TRUE(failures[0]);
  EXPECT_NE(failures[0]->reason.find("exists"), std::string::npos) << failures[0]->reason;
  EXPECT_FALSE(failures[1]);
}

TEST_P(Administering, reads_the_largest_message_that_a_topic_takes) {
  const std::string usual = make_topic(home_, "usual", 1);
  EXPECT_GE(home_.admin()->topics({usual}, patience).front().message_bytes_max, 1000012);
  if (!features().refuses_too_large) return;  // Not this home's; the list of features says so.
  const std::string small = make_topic(home_, "small", 1, {{"max.message.bytes", "2000"}});
  EXPECT_EQ(home_.admin()->topics({small}, patience).front().message_bytes_max, 2000);
}

TEST_P(Administering, tells_what_is_set_for_a_topic_or_that_it_cannot) {
  const std::string topic = make_topic(home_, "set", 1, {{"retention.ms", "3600000"}});
  const std::string usual = make_topic(home_, "usual", 1);
  const auto configs = home_.admin()->configs({topic, usual, topic}, patience);
  ASSERT_EQ(configs.size(), 3U);
  EXPECT_EQ(configs[0].failure.has_value(), !features().alters_topics);
  if (!features().alters_topics) return;  // Not this home's; the list of features says so.
  EXPECT_EQ(configs[0].values.at("retention.ms"), "3600000");
  EXPECT_EQ(configs[2].values, configs[0].values);
  EXPECT_EQ(configs[1].values.at("cleanup.policy"), "delete") << "defaults are told as well";
}

TEST_P(Administering, adds_partitions_and_never_takes_any_or_says_that_it_cannot) {
  const std::string topic = make_topic(home_, "grown", 2);
  const auto admin = home_.admin();
  EXPECT_EQ(admin->add_partitions(topic, 5, patience).has_value(), !features().alters_topics);
  if (!features().alters_topics) return;  // Not this home's; the list of features says so.
  EXPECT_EQ(admin->topics({topic}, patience).front().partitions, 5);
  const auto fewer = admin->add_partitions(topic, 3, patience);
  ASSERT_TRUE(fewer);
  EXPECT_NE(fewer->reason.find(topic), std::string::npos) << fewer->reason;
  EXPECT_EQ(admin->topics({topic}, patience).front().partitions, 5);
}

INSTANTIATE_TEST_SUITE_P(Broker, Administering, ::testing::ValuesIn(all_brokers()),
                         [](const auto& home) { return home.param.name; });

}  // namespace
}  // namespace outbox::testing
