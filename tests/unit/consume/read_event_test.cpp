// SPDX-License-Identifier: Apache-2.0
#include "consume/read_event.hpp"

#include <gmock/gmock.h>

namespace outbox::consume {
namespace {

using ::testing::HasSubstr;

constexpr const char* id = "018f4e5a-7b1c-4d2e-9f3a-5b6c7d8e9f0a";

std::vector<broker::IncomingHeader> our_headers() {
  return {{"event_id", id},
          {"event_type", "ORDER_PAID"},
          {"aggregate_type", "order"},
          {"aggregate_id", "17"},
          {"occurred_at", "2026-11-21T10:15:00.123456Z"}};
}

TEST(ReadEvent, takes_identity_and_types_from_the_headers_and_the_value_as_the_payload) {
  broker::IncomingMessage message;
  message.topic = "order.events";
  message.key = "17";
  message.value = R"({"order_id":17,"note":"event_id"})";
  message.headers = our_headers();
  message.headers.push_back({"replay", "1"});
  const EventReading reading = read_event(message);
  ASSERT_TRUE(reading.event.has_value()) << reading.fault;
  const ReceivedEvent& event = *reading.event;
  EXPECT_EQ(to_string(event.event_id), id);
  EXPECT_EQ(event.event_type, "ORDER_PAID");
  EXPECT_EQ(event.aggregate_id, "17");
  EXPECT_EQ(event.occurred_at, "2026-11-21T10:15:00.123456Z");
  EXPECT_EQ(event.payload, message.value);
  EXPECT_EQ(event.key, "17");
  EXPECT_EQ(event.topic, "order.events");
  EXPECT_TRUE(event.replay);
  EXPECT_FALSE(event.has_version);
}

TEST(ReadEvent, unwraps_the_standard_envelope_with_and_without_headers) {
  broker::IncomingMessage message;
  message.value = std::string(R"({"event_id":")") + id +
                  R"(","occurred_at":"2026-11-21T10:15:00Z","aggregate_type":"order",)"
                  R"("aggregate_id":17,"event_type":"ORDER_PAID","payload":{"total":1.10},)"
                  R"("version":3})";
  for (const bool headers : {false, true}) {
    if (headers) {
      message.headers = our_headers();
      message.headers.push_back({"event_version", "3"});
    }
    const EventReading reading = read_event(message);
    ASSERT_TRUE(reading.event.has_value()) << reading.fault;
    EXPECT_EQ(to_string(reading.event->event_id), id);
    EXPECT_EQ(reading.event->event_type, "ORDER_PAID");
    EXPECT_EQ(reading.event->aggregate_id, "17");
    EXPECT_EQ(reading.event->payload, R"({"total":1.10})") << "digits as they came";
    EXPECT_EQ(reading.event->version, 3);
    EXPECT_TRUE(reading.event->has_version);
  }
}

TEST(ReadEvent, leaves_a_payload_alone_that_only_looks_like_an_envelope) {
  broker::IncomingMessage message;
  message.headers = our_headers();
  message.value = R"({"event_id":"another","payload":1})";
  const EventReading reading = read_event(message);
  ASSERT_TRUE(reading.event.has_value());
  EXPECT_EQ(reading.event->payload, message.value);
}

TEST(ReadEvent, reads_cloudevents_of_both_modes) {
  broker::IncomingMessage binary;
  binary.headers = {{"ce_specversion", "1.0"}, {"ce_id", "A-1"},
                    {"ce_source", "/billing"}, {"ce_type", "ORDER_PAID"},
                    {"ce_subject", "17"},      {"content-type", "text/plain"}};
  binary.value = "paid";
  const EventReading one = read_event(binary);
  ASSERT_TRUE(one.event.has_value()) << one.fault;
  EXPECT_EQ(one.event->event_type, "ORDER_PAID");
  EXPECT_EQ(one.event->payload, "paid");
  EXPECT_EQ(one.event->content_type, "text/plain");

  broker::IncomingMessage structured;
  structured.value =
      R"({"specversion":"1.0","id":"A-1","source":"/billing","type":"ORDER\u005fPAID",)"
      R"("data_base64":"cGFpZA==","datacontenttype":"application/octet-stream"})";
  const EventReading two = read_event(structured);
  ASSERT_TRUE(two.event.has_value()) << two.fault;
  EXPECT_EQ(two.event->event_id, one.event->event_id) << "the same source and id";
  EXPECT_EQ(two.event->event_type, "ORDER_PAID");
  EXPECT_EQ(two.event->payload, "paid");
}

TEST(ReadEvent, reads_what_debeziums_router_sends) {
  broker::IncomingMessage message;
  message.key = "17";
  message.value = "{}";
  message.headers = {{"id", id}, {"eventType", "ORDER_PAID"}};
  const EventReading reading = read_event(message);
  ASSERT_TRUE(reading.event.has_value()) << reading.fault;
  EXPECT_EQ(to_string(reading.event->event_id), id);
  EXPECT_EQ(reading.event->event_type, "ORDER_PAID");
  EXPECT_EQ(reading.event->aggregate_id, "17");
}

TEST(ReadEvent, says_what_is_wrong_with_a_message_that_is_no_event) {
  broker::IncomingMessage message;
  EXPECT_THAT(read_event(message).fault, HasSubstr("neither headers of an event nor a value"));
  message.value = "hello";
  EXPECT_THAT(read_event(message).fault, HasSubstr("no JSON"));
  message.value = "[1]";
  EXPECT_THAT(read_event(message).fault, HasSubstr("no JSON object"));
  message.value = R"({"a":1})";
  EXPECT_THAT(read_event(message).fault, HasSubstr("event_id"));
  message.value = R"({"event_id":"42"})";
  EXPECT_THAT(read_event(message).fault, HasSubstr("'42' is no UUID"));
  message.value = std::string(1'000'000, '[');
  EXPECT_THAT(read_event(message).fault, HasSubstr("no JSON")) << "a megabyte of nesting";
  message.headers = {{"event_id", "42"}};
  EXPECT_THAT(read_event(message).fault, HasSubstr("'42' is no UUID"));
  message.headers = {{"event_id", "00000000-0000-0000-0000-000000000000"}};
  EXPECT_FALSE(read_event(message).event.has_value());
}

TEST(ReadEvent, claims_one_id_for_the_same_type_aggregate_and_version) {
  ReceivedEvent one;
  one.event_type = "ORDER_PAID";
  one.aggregate_type = "order";
  one.aggregate_id = "17";
  ReceivedEvent other = one;
  EXPECT_EQ(aggregate_version_id(one), aggregate_version_id(other));
  other.version = 2;
  EXPECT_NE(aggregate_version_id(one), aggregate_version_id(other));
}

}  // namespace
}  // namespace outbox::consume
