// SPDX-License-Identifier: Apache-2.0
#include "publish/check.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include <outbox/error.hpp>

namespace outbox::publishing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

Event order_event() {
  Event event;
  event.event_type = "ORDER_PAID";
  event.aggregate_type = "order";
  event.aggregate_id = "4711";
  event.payload.bytes = R"({"total":10.10})";
  return event;
}

template <class Change>
std::string fault_of(Change change, const PublishOptions& options = {}) {
  Event event = order_event();
  change(event);
  try {
    const CheckedEvent checked(event, options);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    return error.what();
  }
  return "none";
}

TEST(PublishCheck, an_event_gets_a_random_id_where_it_has_none) {
  const Event event = order_event();
  const CheckedEvent first(event, {});
  const CheckedEvent second(event, {});
  EXPECT_FALSE(first.id().is_nil());
  EXPECT_NE(first.id(), second.id());
  EXPECT_EQ(first.fields().event_id, to_string(first.id()));
  EXPECT_EQ(to_string(first.id())[14], '4');
}

TEST(PublishCheck, an_id_that_is_given_is_kept) {
  Event event = order_event();
  event.event_id = *parse_uuid("018f4e5a-0000-7000-8000-000000000001");
  EXPECT_EQ(CheckedEvent(event, {}).id(), event.event_id);
}

TEST(PublishCheck, each_of_the_three_names_is_needed) {
  EXPECT_THAT(fault_of([](Event& e) { e.event_type.clear(); }), HasSubstr("event_type is missing"));
  EXPECT_THAT(fault_of([](Event& e) { e.aggregate_type.clear(); }),
              HasSubstr("aggregate_type is missing"));
  EXPECT_THAT(fault_of([](Event& e) { e.aggregate_id.clear(); }),
              HasSubstr("aggregate_id is missing"));
}

TEST(PublishCheck, texts_that_no_database_takes_are_refused) {
  EXPECT_THAT(fault_of([](Event& e) { e.aggregate_id = "a\xFF"; }),
              HasSubstr("aggregate_id is not UTF-8 at byte 1"));
  EXPECT_THAT(fault_of([](Event& e) { e.event_type = std::string("A\0B", 3); }),
              HasSubstr("event_type has a zero byte at byte 1"));
  EXPECT_THAT(fault_of([](Event& e) { e.key = "\xC0\xAF"; }), HasSubstr("key is not UTF-8"));
}

TEST(PublishCheck, a_payload_that_is_no_json_is_refused_with_its_place) {
  EXPECT_THAT(fault_of([](Event& e) { e.payload.bytes = R"({"total":})"; }),
              HasSubstr("no JSON at byte 9: a value is missing"));
  EXPECT_THAT(fault_of([](Event& e) { e.payload.bytes = ""; }), HasSubstr("it is empty"));
  EXPECT_THAT(fault_of([](Event& e) { e.payload.bytes = std::string(600, '['); }),
              HasSubstr("nested too deep"));
  EXPECT_THAT(fault_of([](Event& e) {
                e.payload = {"{", "application/vnd.shop+JSON; v=1"};
              }),
              HasSubstr("no JSON"));
}

TEST(PublishCheck, json_of_any_name_goes_into_the_payload_as_it_stands) {
  for (const char* type :
       {"", "application/json", "Application/JSON ; charset=utf-8", "application/vnd.shop+json"}) {
    Event event = order_event();
    event.payload.content_type = type;
    const CheckedEvent checked(event, {});
    EXPECT_EQ(checked.fields().payload, R"({"total":10.10})") << type;
    EXPECT_FALSE(checked.fields().payload_bytes) << type;
  }
}

TEST(PublishCheck, bytes_of_another_content_type_are_not_looked_at) {
  Event event = order_event();
  event.payload = {std::string("\0\xFF", 2), "application/x-protobuf"};
  const CheckedEvent checked(event, {});
  EXPECT_FALSE(checked.fields().payload);
  EXPECT_EQ(checked.fields().payload_bytes, std::string_view("\0\xFF", 2));
  EXPECT_EQ(checked.fields().content_type, "application/x-protobuf");
}

TEST(PublishCheck, an_event_without_payload_is_one) {
  Event event = order_event();
  event.payload.bytes.reset();
  EXPECT_FALSE(CheckedEvent(event, {}).fields().payload);
}

TEST(PublishCheck, a_payload_above_the_limit_is_refused_with_both_numbers) {
  const std::string fault =
      fault_of([](Event& e) { e.payload.bytes = '"' + std::string(100, 'x') + '"'; },
               {.payload_bytes_max = 101});
  EXPECT_THAT(fault, AllOf(HasSubstr("102 bytes"), HasSubstr("101 are allowed")));
}

PublishOptions with_routes() {
  return {.payload_bytes_max = 100,
          .routes = {{.event_type = "ORDER_*", .topic = "order.events", .payload_bytes_max = 20},
                     {.event_type = "RESTOCKED", .topic = "stock.events"}}};
}

TEST(PublishCheck, where_routes_are_given_an_event_that_takes_none_is_refused) {
  EXPECT_EQ(fault_of([](Event&) {}, with_routes()), "none");
  EXPECT_THAT(fault_of([](Event& e) { e.event_type = "PAID"; }, with_routes()),
              AllOf(HasSubstr("no route takes events of type 'PAID'"), HasSubstr("relay.routes")));
  EXPECT_THAT(fault_of([](Event& e) { e.topic = "oder.events"; }, with_routes()),
              HasSubstr("no route leads to the topic 'oder.events'"));
  EXPECT_EQ(fault_of(
                [](Event& e) {
                  e.event_type = "PAID";
                  e.topic = "stock.events";
                },
                with_routes()),
            "none")
      << "an event's own topic wins over its type";
}

TEST(PublishCheck, a_routes_own_limit_goes_before_the_general_one) {
  const auto grow = [](Event& e) { e.payload.bytes = '"' + std::string(19, 'x') + '"'; };
  EXPECT_THAT(fault_of(grow, with_routes()),
              AllOf(HasSubstr("21 bytes, and 20 are allowed in the topic 'order.events'"),
                    HasSubstr("PublishRoute::payload_bytes_max")));
  EXPECT_EQ(fault_of(
                [&](Event& e) {
                  grow(e);
                  e.event_type = "RESTOCKED";
                },
                with_routes()),
            "none");
}

TEST(PublishCheck, payloads_are_made_by_what_they_are) {
  Event event = order_event();
  event.payload = json_payload(R"({"total": 1.10})");
  EXPECT_EQ(CheckedEvent(event, {}).fields().payload, R"({"total": 1.10})");
  const std::array bytes = {std::byte{0}, std::byte{0xFF}};
  event.payload = bytes_payload(bytes, "application/x-thing");
  EXPECT_EQ(CheckedEvent(event, {}).fields().payload_bytes, std::string_view("\0\xFF", 2));
  event.payload = bytes_payload(std::string("\0", 1), "application/x-thing");
  EXPECT_EQ(CheckedEvent(event, {}).fields().payload_bytes, std::string_view("\0", 1));
}

TEST(PublishCheck, a_content_type_that_could_break_a_header_is_refused) {
  EXPECT_THAT(fault_of([](Event& e) { e.payload.content_type = "a/b\r\nx: y"; }),
              HasSubstr("no media type"));
}

TEST(PublishCheck, headers_become_an_object_of_texts_in_their_order) {
  Event event = order_event();
  event.headers = {{"traceparent", "00-1"}, {"said \"so\"", "a\nb"}};
  EXPECT_EQ(CheckedEvent(event, {}).fields().headers_json,
            R"({"traceparent":"00-1","said \"so\"":"a\nb"})");
}

TEST(PublishCheck, every_header_that_the_relay_sets_is_refused) {
  for (const char* name : {"event_id", "event_type", "aggregate_type", "aggregate_id",
                           "occurred_at", "row_id", "outbox_id", "lease_epoch", "replay"}) {
    EXPECT_THAT(fault_of([&](Event& e) {
                  e.headers = {{name, "x"}};
                }),
                AllOf(HasSubstr(name), HasSubstr("rename yours")));
  }
}

TEST(PublishCheck, names_that_would_be_no_header_of_the_relays_are_refused) {
  const std::string largest(16384, 'n');
  EXPECT_EQ(fault_of([&](Event& e) { e.aggregate_id = largest; }), "none");
  EXPECT_THAT(fault_of([&](Event& e) { e.aggregate_id = largest + 'n'; }),
              HasSubstr("aggregate_id has 16385 bytes"));
  EXPECT_THAT(fault_of([&](Event& e) { e.event_type = largest + 'n'; }),
              HasSubstr("event_type has 16385 bytes"));
  EXPECT_THAT(fault_of([&](Event& e) { e.aggregate_type = largest + 'n'; }),
              HasSubstr("aggregate_type has 16385 bytes"));
}

std::vector<Header> headers_of(std::size_t count, std::size_t bytes) {
  std::vector<Header> headers;
  for (std::size_t i = 0; i < count; ++i)
    headers.push_back({"h" + std::to_string(i), std::string(bytes, 'v')});
  return headers;
}

TEST(PublishCheck, what_goes_along_with_a_payload_counts_where_it_is_much) {
  EXPECT_THAT(fault_of([](Event& e) { e.headers = headers_of(80, 16'000); }),
              AllOf(HasSubstr("and 1000000 are allowed"), HasSubstr("headers 12")));
  EXPECT_EQ(fault_of([](Event& e) { e.headers = headers_of(60, 16'000); }), "none");
  EXPECT_THAT(fault_of([](Event& e) { e.key = std::string(2'000'000, 'k'); }),
              HasSubstr("its key"));
  EXPECT_EQ(fault_of([](Event& e) {
              e.headers = headers_of(1, 16'000);
              e.payload.bytes = '"' + std::string(999'998, 'x') + '"';
            }),
            "none");
}

TEST(PublishCheck, headers_that_the_relay_would_not_send_are_refused) {
  EXPECT_THAT(fault_of([](Event& e) { e.headers = {{"", "x"}}; }), HasSubstr("has no name"));
  EXPECT_THAT(fault_of([](Event& e) {
                e.headers = {{std::string(256, 'n'), "x"}};
              }),
              HasSubstr("256 bytes"));
  EXPECT_THAT(fault_of([](Event& e) {
                e.headers = {{"x", std::string(16385, 'v')}};
              }),
              HasSubstr("16385 bytes"));
  EXPECT_THAT(fault_of([](Event& e) { e.headers = {{"x", "\xFF"}}; }), HasSubstr("not UTF-8"));
  EXPECT_THAT(fault_of([](Event& e) {
                e.headers.assign(101, {"x", "y"});
              }),
              HasSubstr("101 headers"));
}

TEST(PublishCheck, a_topic_that_kafka_would_refuse_is_refused) {
  EXPECT_THAT(fault_of([](Event& e) { e.topic = "order events"; }),
              HasSubstr("the topic 'order events' has a character"));
  EXPECT_THAT(fault_of([](Event& e) { e.topic = "__consumer_offsets"; }),
              HasSubstr("brokers' own"));
  EXPECT_EQ(fault_of([](Event& e) { e.topic = "order.events"; }), "none");
}

TEST(PublishCheck, a_long_text_is_not_quoted_whole) {
  const std::string fault = fault_of([](Event& e) { e.topic = std::string(100'000, ' '); });
  EXPECT_THAT(fault.size(), ::testing::Lt(300U));
}

TEST(PublishCheck, of_several_events_the_faulty_one_is_named) {
  std::vector<Event> events(3, order_event());
  events[1].event_type.clear();
  try {
    (void)check(events, {});
    FAIL() << "no error came";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("event 2 of 3: publish: event_type is missing"));
  }
}

TEST(PublishCheck, a_table_is_quoted_part_by_part) {
  const auto quoted = [](std::string table) { return quoted_table({.table = std::move(table)}); };
  EXPECT_EQ(quoted("outbox_events"), R"("outbox_events")");
  EXPECT_EQ(quoted("billing.Outbox"), R"("billing"."Outbox")");
  for (const char* bad : {"", ".", "a.", ".a", "a.b.c", "a\"; DROP TABLE orders; --"}) {
    EXPECT_THROW((void)quoted(bad), Error) << bad;
  }
}

}  // namespace
}  // namespace outbox::publishing
