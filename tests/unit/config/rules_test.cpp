// SPDX-License-Identifier: Apache-2.0
#include "config/rules.hpp"

#include "config/fault.hpp"
#include "support.hpp"

namespace outbox::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

TEST(Routes, of_both_forms_are_the_same) {
  const std::vector<RouteRule> expected = {{{"ORDER_*"}, "order.events"},
                                           {{"RESTOCKED"}, "stock.events"}};
  EXPECT_EQ(parse_routes("ORDER_*=order.events, RESTOCKED=stock.events"), expected);
  EXPECT_EQ(parse_routes("[{event-type: ORDER_*, topic: order.events},"
                         " {event-type: RESTOCKED, topic: stock.events}]"),
            expected);
  EXPECT_TRUE(parse_routes("").empty());
}

TEST(Routes, take_several_types_and_templates) {
  const auto routes = parse_routes("[{event-type: [A, B*], topic: '{aggregate_type}.events'}]");
  ASSERT_EQ(routes.size(), 1U);
  EXPECT_THAT(routes[0].event_types, ElementsAre("A", "B*"));
  EXPECT_EQ(routes[0].topic, "{aggregate_type}.events");
}

TEST(Transform, keeps_the_steps_in_their_order) {
  const auto steps = parse_transform(
      "[{pick: [a, b]}, {rename: {a: x}}, {drop: c}, {mask: [d.e]}, "
      "{mask: {fields: f, with: '#'}}, {add: {n: 5, t: '5', s: '{event_type}', l: [1]}}, "
      "{topic: '{aggregate_type}.events'}]");
  ASSERT_EQ(steps.size(), 7U);
  EXPECT_EQ(steps[0].kind, TransformKind::pick);
  EXPECT_THAT(steps[0].fields, ElementsAre("a", "b"));
  EXPECT_EQ(steps[1].kind, TransformKind::rename);
  EXPECT_THAT(steps[1].pairs, ElementsAre(Pair("a", "x")));
  EXPECT_EQ(steps[2].kind, TransformKind::drop);
  EXPECT_THAT(steps[2].fields, ElementsAre("c"));
  EXPECT_EQ(steps[3].text, "***");
  EXPECT_EQ(steps[4].text, "#");
  EXPECT_EQ(steps[5].kind, TransformKind::add);
  EXPECT_THAT(steps[5].pairs, ElementsAre(Pair("n", "5"), Pair("t", "\"5\""),
                                          Pair("s", "\"{event_type}\""), Pair("l", "[1]")));
  EXPECT_EQ(steps[6].kind, TransformKind::topic);
  EXPECT_EQ(steps[6].text, "{aggregate_type}.events");
}

struct Bad {
  std::string_view text;
  std::string_view what;
};

class BadRoutes : public ::testing::TestWithParam<Bad> {};

TEST_P(BadRoutes, are_refused) {
  try {
    static_cast<void>(parse_routes(GetParam().text));
    FAIL() << GetParam().text;
  } catch (const Fault& fault) {
    EXPECT_THAT(fault.what, HasSubstr(std::string(GetParam().what)));
    EXPECT_FALSE(fault.hint.empty());
  }
}

INSTANTIATE_TEST_SUITE_P(
    Texts, BadRoutes,
    ::testing::Values(Bad{"ORDER", "TYPE=topic"}, Bad{"=x", "TYPE=topic"}, Bad{"A=", "Kafka"},
                      Bad{"A=b c", "the topic 'b c'"}, Bad{"A=x,,B=y", "empty part"},
                      Bad{"[{event-type: A}]", "without topic"}, Bad{"[unclosed", "not a list"},
                      Bad{"[{topic: x}]", "without event-type"}, Bad{"[5]", "no map"},
                      Bad{"[{event-type: A, topic: x, when: y}]", "the key 'when'"},
                      Bad{"[{event-type: [], topic: x}]", "nothing in 'event-type'"},
                      Bad{"A={nonsense}.x", "placeholder '{nonsense}'"},
                      Bad{"A={event_type", "placeholder"},
                      Bad{"A={aggregate_id}.x", "with {aggregate_id}"}));

class BadTransform : public ::testing::TestWithParam<Bad> {};

TEST_P(BadTransform, is_refused) {
  try {
    static_cast<void>(parse_transform(GetParam().text));
    FAIL() << GetParam().text;
  } catch (const Fault& fault) {
    EXPECT_THAT(fault.what, HasSubstr(std::string(GetParam().what)));
    EXPECT_FALSE(fault.hint.empty());
  }
}

INSTANTIATE_TEST_SUITE_P(
    Texts, BadTransform,
    ::testing::Values(Bad{"pick", "not a list"}, Bad{"[pick]", "not a map of one key"},
                      Bad{"[{pick: [a], drop: [b]}]", "not a map of one key"},
                      Bad{"[{key: a}]", "the step 'key'"}, Bad{"[{pick: []}]", "nothing in 'pick'"},
                      Bad{"[{drop: ['']}]", "empty name"},
                      Bad{"[{rename: [a]}]", "no map of fields"},
                      Bad{"[{rename: {a: 5}}]", "renames 'a'"}, Bad{"[{add: {}}]", "no map"},
                      Bad{"[{add: {a: '{payload}'}}]", "placeholder '{payload}'"},
                      Bad{"[{mask: {with: x}}]", "nothing in 'mask'"},
                      Bad{"[{mask: {fields: a, char: x}}]", "the key 'char'"},
                      Bad{"[{topic: 'a b'}]", "the topic 'a b'"},
                      Bad{"[{topic: 5}]", "the step 'topic'"}));

TEST(Rules, are_refused_with_the_setting_and_its_line) {
  const std::string message =
      testing::refusal({.yaml = "relay:\n  batch-size: 1\n  transform:\n    - key: x\n"});
  EXPECT_THAT(message, HasSubstr("relay.transform (outboxd.yaml:3) has the step 'key'"));
  testing::expect_good_message(message);
}

TEST(Rules, come_from_the_environment_too) {
  const Settings settings =
      testing::load_given({.environment = {{"OUTBOXD_RELAY_ROUTES", "A=a,B=b"},
                                           {"OUTBOXD_RELAY_TRANSFORM", "[{drop: [card]}]"}}});
  EXPECT_EQ(settings.relay("default").routes.size(), 2U);
  EXPECT_EQ(settings.relay("default").transform.size(), 1U);
}

}  // namespace
}  // namespace outbox::config
