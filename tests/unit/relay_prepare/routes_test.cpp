// SPDX-License-Identifier: Apache-2.0
#include "relay/route.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <outbox/error.hpp>

#include "unit/relay_prepare/rows.hpp"

namespace outbox::relay {
namespace {

using namespace testing;
using ::testing::HasSubstr;

OutboxRow row_of(std::string_view topic, std::string_view event_type) {
  OutboxRow row = order_row();
  row.topic = topic;
  row.event_type = event_type;
  return row;
}

TransformStep topic_step(std::string text) {
  TransformStep step;
  step.kind = TransformKind::topic;
  step.text = std::move(text);
  return step;
}

PrepareOptions shop() {
  PrepareOptions options = options_of();
  options.routes = {{{"ORDER_PAID"}, "paid.events"},
                    {{"ORDER_*"}, "order.events"},
                    {{"*_UPDATED", "RESTOCKED"}, "product.events"}};
  return options;
}

TEST(Routes, match_patterns_with_a_star_for_any_text) {
  EXPECT_TRUE(matches("ORDER_*", "ORDER_"));
  EXPECT_TRUE(matches("*", ""));
  EXPECT_TRUE(matches("*A*B", "xAABxB"));
  EXPECT_TRUE(matches("a**c", "abc"));
  EXPECT_TRUE(matches("", ""));
  EXPECT_FALSE(matches("", "x"));
  EXPECT_FALSE(matches("ORDER", "ORDER_PAID"));
  EXPECT_FALSE(matches("*_PAID", "ORDER_PAID_"));
  EXPECT_FALSE(matches("a*b", "a"));
}

TEST(Routes, take_the_first_that_matches_or_else_the_default) {
  EXPECT_EQ(prepare(row_of("", "ORDER_PAID"), shop()).topic, "paid.events");
  EXPECT_EQ(prepare(row_of("", "ORDER_CREATED"), shop()).topic, "order.events");
  EXPECT_EQ(prepare(row_of("", "RESTOCKED"), shop()).topic, "product.events");
  EXPECT_EQ(prepare(row_of("", "LOGIN"), shop()).topic, "default.events");
}

TEST(Routes, leave_a_row_with_a_topic_of_its_own_alone) {
  EXPECT_EQ(prepare(row_of("own", "ORDER_PAID"), shop()).topic, "own");
}

TEST(Routes, fill_templates_from_the_columns_that_decide_a_topic) {
  PrepareOptions options = options_of();
  options.default_topic = "outbox.event.{aggregate_type}";
  EXPECT_EQ(prepare(row_of("", "X"), options).topic, "outbox.event.order");
  options.transform = {topic_step("v1.{topic}"), topic_step("{topic}.{event_type}")};
  EXPECT_EQ(prepare(row_of("", "X"), options).topic, "v1.outbox.event.order.X");
  EXPECT_EQ(prepare(row_of("own", "X"), options).topic, "v1.own.X");
}

TEST(Routes, refuse_templates_that_follow_anything_else) {
  for (const char* text : {"t.{aggregate_id}", "t.{payload}", "t.{", "t.}", "{event_type"}) {
    PrepareOptions options = options_of();
    options.transform = {topic_step(text)};
    try {
      const Preparer preparer(options);
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::configuration);
      EXPECT_THAT(error.what(), HasSubstr("relay.transform"));
      EXPECT_THAT(error.what(), HasSubstr("{topic}, {aggregate_type} and {event_type} only"));
    }
  }
}

TEST(Routes, ask_the_transformer_last) {
  PrepareOptions options = shop();
  options.transformer.topic = [](const RouteInput& input) {
    return std::string(input.aggregate_type) + "-" + std::string(input.topic) + "-" +
           std::string(input.event_type);
  };
  EXPECT_EQ(prepare(row_of("", "ORDER_PAID"), options).topic, "order-paid.events-ORDER_PAID");
}

TEST(Routes, are_right_for_each_row_of_a_batch_with_many_topics) {
  std::vector<OutboxRow> rows;
  std::vector<std::string> texts;
  for (int i = 0; i < 500; ++i)
    texts.push_back("T" + std::to_string(i % 130));
  for (const std::string& text : texts) {
    rows.push_back(row_of(rows.size() % 3 == 0 ? text : std::string_view(), text));
    rows.push_back(row_of(text, "ORDER_PAID"));
  }
  const auto count = rows.size();
  PrepareOptions options = shop();
  options.routes.push_back({{"T*"}, "for.{event_type}"});
  const PreparedBatch batch = Preparer(options).prepare(batch_of(rows));
  for (std::size_t i = 0; i < count; ++i) {
    const OutboxRow& row = *batch.rows[i].row;
    const std::string expected =
        row.topic.empty() ? "for." + std::string(row.event_type) : std::string(row.topic);
    ASSERT_EQ(batch.rows[i].topic, expected) << i;
  }
}

TEST(Routes, know_the_names_that_kafka_takes) {
  EXPECT_EQ(topic_fault("a.b_c-D9"), "");
  EXPECT_EQ(topic_fault(std::string(249, 'a')), "");
  EXPECT_EQ(topic_fault("_one"), "");
  for (const std::string& bad :
       {std::string(), std::string(250, 'a'), std::string("."), std::string(".."),
        std::string("__consumer_offsets"), std::string("a b"), std::string("caf\xC3\xA9"),
        std::string("a\n"), std::string("a/b"), std::string(1, '\0')}) {
    EXPECT_NE(topic_fault(bad), "") << bad;
  }
}

}  // namespace
}  // namespace outbox::relay
