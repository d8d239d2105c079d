// SPDX-License-Identifier: Apache-2.0
#include "config/consumers.hpp"

#include <gtest/gtest.h>

#include <outbox/error.hpp>

#include "support.hpp"

namespace outbox::config {
namespace {

using std::chrono::milliseconds;
using Texts = std::vector<std::string>;

constexpr std::string_view whole = R"(log: {level: debug}
consume:
  stock:
    group-id: stock-consumer
    topics: [order.events, stock.events]
    instance-id: one
    offset-reset: latest
    batch-size: 50
    workers: 3
    inbox-key: aggregate-version
    unknown-events: dead-letter
    ordered: false
    delay-topic: later
    dead-letter-topic: "{topic}-dlq"
    retry: {max-attempts: 3, backoff-initial: 1s, backoff-max: 2m, backoff-jitter: 0}
    handlers:
      - event-type: [ORDER_PAID, ORDER_CANCELED]
        sql:
          - INSERT INTO seen VALUES (:event_id)
          - sql: UPDATE p SET n = n - :item.qty WHERE id = :item.id
            for-each: order.items
            expect-rows: 1
      - event-type: MAIL
        command: [python3, mail.py]
        batch: true
        timeout: 2s
      - event-type: '*'
        http: http://127.0.0.1:80/x
)";

TEST(Consumers, are_read_with_all_that_they_may_say) {
  const auto consumers = parse_consumers(whole, "x.yaml");
  ASSERT_EQ(consumers.size(), 1U);
  const ConsumerSettings& stock = consumers.front();
  EXPECT_EQ(stock.name, "stock");
  EXPECT_EQ(stock.origin, "x.yaml:3");
  EXPECT_EQ(stock.group_id, "stock-consumer");
  EXPECT_EQ(stock.topics, (Texts{"order.events", "stock.events"}));
  EXPECT_EQ(stock.instance_id, "one");
  EXPECT_EQ(stock.offset_reset, "latest");
  EXPECT_EQ(stock.batch_size, 50);
  EXPECT_EQ(stock.workers, 3);
  EXPECT_TRUE(stock.claims_versions);
  EXPECT_TRUE(stock.dead_letters_unknown);
  EXPECT_FALSE(stock.ordered);
  EXPECT_EQ(stock.delay_topic, "later");
  EXPECT_EQ(stock.dead_letter_topic, "{topic}-dlq");
  EXPECT_EQ(stock.retry.attempts_max, 3);
  EXPECT_EQ(stock.retry.initial, milliseconds(1000));
  EXPECT_EQ(stock.retry.max, milliseconds(120000));
  EXPECT_EQ(stock.retry.jitter, 0);
  ASSERT_EQ(stock.handlers.size(), 3U);
  const HandlerSettings& sql = stock.handlers[0];
  EXPECT_EQ(sql.event_types, (Texts{"ORDER_PAID", "ORDER_CANCELED"}));
  ASSERT_EQ(sql.statements.size(), 2U);
  EXPECT_EQ(sql.statements[0].sql, "INSERT INTO seen VALUES ($1)");
  EXPECT_FALSE(sql.statements[0].has_for_each);
  EXPECT_EQ(sql.statements[1].for_each, (Texts{"order", "items"}));
  EXPECT_EQ(sql.statements[1].rows_min, 1);
  EXPECT_EQ(sql.statements[1].origin, "x.yaml:20");
  EXPECT_EQ(stock.handlers[1].kind, HandlerKind::command);
  EXPECT_EQ(stock.handlers[1].command, (Texts{"python3", "mail.py"}));
  EXPECT_TRUE(stock.handlers[1].batch);
  EXPECT_EQ(stock.handlers[1].timeout, milliseconds(2000));
  EXPECT_EQ(stock.handlers[2].kind, HandlerKind::http);
  EXPECT_TRUE(stock.handlers[2].event_types.empty());
}

TEST(Consumers, take_their_name_for_a_group_and_defaults_for_the_rest) {
  const auto consumers = parse_consumers(
      "consume:\n  a:\n    topics: t\n    handlers: [{event-type: X, sql: SELECT 1}]\n", "x.yaml");
  ASSERT_EQ(consumers.size(), 1U);
  EXPECT_EQ(consumers[0].group_id, "a");
  EXPECT_EQ(consumers[0].batch_size, 500);
  EXPECT_EQ(consumers[0].dead_letter_topic, "deadletter.events");
  EXPECT_TRUE(consumers[0].ordered);
  EXPECT_TRUE(consumers[0].delay_topic.empty());
}

TEST(Consumers, that_call_out_for_each_event_take_one_in_a_transaction) {
  const std::string start = "consume:\n  a:\n    topics: t\n    handlers:\n";
  const auto size = [&](const std::string& handler, const std::string& more = {}) {
    return parse_consumers(start + "      - {event-type: X, " + handler + "}\n" + more, "x.yaml")
        .front()
        .batch_size;
  };
  EXPECT_EQ(size("command: ls"), 1);
  EXPECT_EQ(size("command: ls, batch: true"), 500);
  EXPECT_EQ(size("command: ls", "    batch-size: 20\n"), 20);
}

TEST(Consumers, are_part_of_the_settings_and_shown) {
  const Settings settings = testing::load_given({.yaml = std::string(whole)});
  EXPECT_EQ(settings.consumers().size(), 1U);
  EXPECT_EQ(testing::text_of(settings, "consume.stock"),
            "group stock-consumer, topics order.events,stock.events, 3 handlers");
  EXPECT_TRUE(testing::load_given({}).consumers().empty());
}

struct Bad {
  std::string_view name;
  std::string_view text;  ///< Under `consume:` and `  a:`.
  std::string_view message;
};

class BadConsumers : public ::testing::TestWithParam<Bad> {};

TEST_P(BadConsumers, are_refused_with_their_line_and_the_remedy) {
  const std::string yaml = "consume:\n  a:\n" + std::string(GetParam().text);
  try {
    static_cast<void>(parse_consumers(yaml, "x.yaml"));
    FAIL() << "taken: " << yaml;
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::configuration);
    EXPECT_NE(std::string_view(error.what()).find(GetParam().message), std::string_view::npos)
        << error.what();
    EXPECT_TRUE(std::string_view(error.what()).starts_with("x.yaml:")) << error.what();
    EXPECT_FALSE(error.hint().empty());
  }
}

constexpr std::string_view handlers = "    topics: t\n    handlers:\n";

INSTANTIATE_TEST_SUITE_P(
    Yaml, BadConsumers,
    ::testing::Values(
        Bad{"nothing", "", "x.yaml:2: consume.a is empty"},
        Bad{"no_topics", "    handlers: []\n", "x.yaml:2: consume.a has no topics"},
        Bad{"bad_topic", "    topics: a b\n    handlers: []\n", "x.yaml:3: consume.a.topics is"},
        Bad{"no_handlers", "    topics: t\n", "consume.a has no handlers"},
        Bad{"empty_handlers", "    topics: t\n    handlers: []\n", "x.yaml:4: consume.a.handlers"},
        Bad{"typo", "    topic: t\n", "x.yaml:3: consume.a.topic is not known (did you mean"},
        Bad{"word",
            "    topics: t\n    inbox-key: id\n    handlers: [{event-type: X, sql: SELECT}]\n",
            "x.yaml:4: consume.a.inbox-key is 'id'"},
        Bad{"delay",
            "    topics: t\n    delay-topic: l\n    handlers: [{event-type: X, sql: SELECT}]\n",
            "delay-topic is for consumers with ordered: false"},
        Bad{"retry",
            "    topics: t\n    retry: {backoff-initial: 1h}\n"
            "    handlers: [{event-type: X, sql: SELECT}]\n",
            "backoff-max below its backoff-initial"}),
    [](const auto& bad) { return std::string(bad.param.name); });

struct BadHandler {
  std::string_view name;
  std::string_view handler;
  std::string_view message;
};

class BadHandlers : public ::testing::TestWithParam<BadHandler> {};

TEST_P(BadHandlers, are_refused_with_their_line) {
  const std::string yaml =
      "consume:\n  a:\n" + std::string(handlers) + "      - " + std::string(GetParam().handler);
  try {
    static_cast<void>(parse_consumers(yaml + "\n", "x.yaml"));
    FAIL() << "taken: " << yaml;
  } catch (const Error& error) {
    EXPECT_TRUE(std::string_view(error.what()).starts_with("x.yaml:5: ")) << error.what();
    EXPECT_NE(std::string_view(error.what()).find(GetParam().message), std::string_view::npos)
        << error.what();
  }
}

INSTANTIATE_TEST_SUITE_P(
    Yaml, BadHandlers,
    ::testing::Values(
        BadHandler{"no_type", "{sql: SELECT 1}", "handlers[1] has no event-type"},
        BadHandler{"no_work", "{event-type: X}", "give one of sql, command and http"},
        BadHandler{"two_works", "{event-type: X, sql: SELECT 1, command: ls}", "give one of"},
        BadHandler{"star_among_others", "{event-type: [X, '*'], sql: SELECT 1}", "'*' alone"},
        BadHandler{"batch_of_sql", "{event-type: X, sql: SELECT 1, batch: true}",
                   "batch has no meaning here"},
        BadHandler{"rows_of_command", "{event-type: X, command: ls, expect-rows: 1}",
                   "expect-rows has no meaning here"},
        BadHandler{"parameter", "{event-type: X, sql: 'SELECT :evnt_id'}",
                   "did you mean 'event_id'?"},
        BadHandler{"item_alone", "{event-type: X, sql: 'SELECT :item.n'}", "without for-each"},
        BadHandler{"list_and_rows", "{event-type: X, sql: [SELECT 1], expect-rows: 1}",
                   "beside a list of statements"},
        BadHandler{"no_url", "{event-type: X, http: localhost}", "give a URL such as"},
        BadHandler{"far_in_clear", "{event-type: X, http: 'http://shop.example/x'}", "use https"},
        BadHandler{"login_in_url", "{event-type: X, http: 'https://a:b@h/x'}", "or a login"},
        BadHandler{"long_timeout", "{event-type: X, command: ls, timeout: 2m}", "10ms to 50s"}),
    [](const auto& bad) { return std::string(bad.param.name); });

TEST(Consumers, have_one_handler_for_a_type) {
  try {
    static_cast<void>(
        parse_consumers("consume:\n  a:\n    topics: t\n    handlers:\n"
                        "      - {event-type: [X, Y], sql: SELECT 1}\n"
                        "      - {event-type: Y, command: ls}\n",
                        "x.yaml"));
    FAIL();
  } catch (const Error& error) {
    EXPECT_TRUE(std::string_view(error.what())
                    .starts_with("x.yaml:6: consume.a.handlers[2] is a second handler for 'Y', "
                                 "after x.yaml:5"))
        << error.what();
  }
}

TEST(Consumers, do_not_share_a_group) {
  try {
    static_cast<void>(
        parse_consumers("consume:\n  a: &a\n    group-id: g\n    topics: t\n    handlers: "
                        "[{event-type: X, sql: SELECT 1}]\n  b: *a\n",
                        "x.yaml"));
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string_view(error.what()).find("has the group 'g', as a has"),
              std::string_view::npos)
        << error.what();
  }
}

}  // namespace
}  // namespace outbox::config
