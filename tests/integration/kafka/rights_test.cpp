// SPDX-License-Identifier: Apache-2.0
//
// What becomes of a user without a right: the topic waits, nobody else does.
#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>

#include <outbox/error.hpp>

#include "broker/kafka/handle.hpp"
#include "broker/kafka/home.hpp"
#include "conformance/broker/broker_tools.hpp"
#include "support/services.hpp"

namespace outbox::testing {
namespace {

using namespace std::chrono_literals;
using broker::DeliveryStatus;
using broker::Handover;
using broker::kafka::Destroy;
using broker::kafka::EventPointer;
using broker::kafka::QueuePointer;

// What user `limited` may or may not do with a topic. What no rule of a topic that has any allows
// is forbidden too.
void rule_for(const std::string& topic, rd_kafka_AclOperation_t operation,
              rd_kafka_AclPermissionType_t permission) {
  rd_kafka_conf_t* const configuration = rd_kafka_conf_new();
  char text[512] = "";
  const std::string servers = services().kafka;
  rd_kafka_conf_set(configuration, "bootstrap.servers", servers.c_str(), text, sizeof(text));
  const std::unique_ptr<rd_kafka_t, Destroy<&rd_kafka_destroy>> handle(
      rd_kafka_new(RD_KAFKA_PRODUCER, configuration, text, sizeof(text)));
  ASSERT_TRUE(handle) << text;
  const std::unique_ptr<rd_kafka_AclBinding_t, Destroy<&rd_kafka_AclBinding_destroy>> rule(
      rd_kafka_AclBinding_new(RD_KAFKA_RESOURCE_TOPIC, topic.c_str(),
                              RD_KAFKA_RESOURCE_PATTERN_LITERAL, "User:limited", "*", operation,
                              permission, text, sizeof(text)));
  ASSERT_TRUE(rule) << text;
  rd_kafka_AclBinding_t* rules[] = {rule.get()};
  const QueuePointer queue(rd_kafka_queue_new(handle.get()));
  rd_kafka_CreateAcls(handle.get(), rules, 1, nullptr, queue.get());
  const EventPointer event(rd_kafka_queue_poll(queue.get(), 30000));
  ASSERT_TRUE(event);
  ASSERT_EQ(rd_kafka_event_error(event.get()), RD_KAFKA_RESP_ERR_NO_ERROR);
}

void forbid(const std::string& topic, rd_kafka_AclOperation_t operation) {
  rule_for(topic, operation, RD_KAFKA_ACL_PERMISSION_TYPE_DENY);
}

broker::Home home_of(const std::string& user) {
  broker::ConnectionOptions options;
  options.bootstrap_servers = services().kafka_sasl;
  options.user = user;
  options.password = services().kafka_sasl_password;
  return broker::kafka::make_home(options);
}

TEST(Rights, missing_to_write_hold_the_topic_and_name_the_remedy) {
  const std::string closed = make_topic(home_of("outboxd"), "closed", 1);
  const std::string open = make_topic(home_of("outboxd"), "open", 1);
  rule_for(closed, RD_KAFKA_ACL_OPERATION_DESCRIBE, RD_KAFKA_ACL_PERMISSION_TYPE_ALLOW);
  forbid(closed, RD_KAFKA_ACL_OPERATION_WRITE);
  const broker::Home limited = home_of("limited");
  {
    const auto producer = limited.producer("test");
    ASSERT_EQ(hand_over(*producer, {closed, 0, "k", "v", {}, 1}), Handover::accepted);
    const broker::Poll poll = await_deliveries(*producer, 1);
    ASSERT_EQ(poll.deliveries.size(), 1U);
    EXPECT_EQ(poll.deliveries[0].status, DeliveryStatus::refused);
    EXPECT_EQ(poll.deliveries[0].failure.kind, FailureKind::hold_topic);
    const std::string& reason = poll.deliveries[0].failure.reason;
    EXPECT_NE(reason.find("grant this Kafka user Write"), std::string::npos) << reason;
    EXPECT_NE(reason.find(closed), std::string::npos) << reason;
  }
  const auto producer = limited.producer("test");
  EXPECT_EQ(acknowledged_in(send_all(*producer, {{open, 0, "k", "v", {}, 2}})), 1U);
}

TEST(Rights, missing_to_see_a_topic_hold_it_and_leave_its_neighbour_alone) {
  const std::string hidden = make_topic(home_of("outboxd"), "hidden", 1);
  const std::string open = make_topic(home_of("outboxd"), "open", 2);
  forbid(hidden, RD_KAFKA_ACL_OPERATION_DESCRIBE);
  const auto views = home_of("limited").admin()->topics({hidden, open}, patience);
  ASSERT_EQ(views.size(), 2U);
  ASSERT_TRUE(views[0].failure);
  EXPECT_EQ(views[0].failure->kind, FailureKind::hold_topic);
  EXPECT_FALSE(views[1].failure);
  EXPECT_EQ(views[1].partitions, 2);
}

TEST(Rights, missing_to_read_the_limits_leave_kafka_s_default) {
  const std::string topic =
      make_topic(home_of("outboxd"), "limits", 1, {{"max.message.bytes", "2000"}});
  rule_for(topic, RD_KAFKA_ACL_OPERATION_DESCRIBE, RD_KAFKA_ACL_PERMISSION_TYPE_ALLOW);
  const broker::TopicView view = home_of("limited").admin()->topics({topic}, patience).front();
  EXPECT_FALSE(view.failure);
  EXPECT_EQ(view.message_bytes_max, 1000012);
}

TEST(Rights, missing_to_read_end_a_consumer_with_the_remedy) {
  const std::string topic = make_topic(home_of("outboxd"), "unread", 1);
  forbid(topic, RD_KAFKA_ACL_OPERATION_READ);
  const auto consumer = home_of("limited").consumer({unique_name("group"), {topic}, "earliest"});
  std::string text;
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (text.empty() && std::chrono::steady_clock::now() < deadline) {
    try {
      static_cast<void>(consumer->poll(1, 200ms));
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::configuration) << error.what();
      text = error.what();
    }
  }
  EXPECT_NE(text.find("Grant this Kafka user Read"), std::string::npos) << text;
}

}  // namespace
}  // namespace outbox::testing
