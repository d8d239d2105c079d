// SPDX-License-Identifier: Apache-2.0
#include "app/event_json.hpp"

#include <gtest/gtest.h>

#include "core/json_text.hpp"

namespace outbox::app {
namespace {

ReceivedEvent event_with(std::optional<std::string_view> payload) {
  ReceivedEvent event;
  event.event_id = *parse_uuid("3f0e1c3a-6f1f-4c43-9f0c-0a4b6a1c2d3e");
  event.event_type = "ORDER_PAID";
  event.aggregate_type = "order";
  event.aggregate_id = "42";
  event.occurred_at = "2026-11-21T10:00:00Z";
  event.topic = "order.events";
  event.partition = 1;
  event.offset = 7;
  event.payload = payload;
  return event;
}

std::string json_of(const ReceivedEvent& event) {
  std::string json;
  append_event_json(json, event);
  EXPECT_FALSE(find_json_fault(json)) << json;
  EXPECT_EQ(json.find('\n'), std::string::npos);
  return json;
}

TEST(EventJson, says_all_of_the_event_in_one_line) {
  EXPECT_EQ(json_of(event_with("{\"n\":\n 1.10}")),
            R"({"event_id":"3f0e1c3a-6f1f-4c43-9f0c-0a4b6a1c2d3e","event_type":"ORDER_PAID",)"
            R"("aggregate_type":"order","aggregate_id":"42","occurred_at":"2026-11-21T10:00:00Z",)"
            R"("version":1,"replay":false,"topic":"order.events","partition":1,"offset":7,)"
            R"("attempt":1,"payload":{"n":  1.10}})");
}

TEST(EventJson, carries_payloads_that_are_no_json_and_none) {
  EXPECT_NE(json_of(event_with(std::nullopt)).find("\"payload\":null"), std::string::npos);
  EXPECT_NE(json_of(event_with("plain \"text\"\n")).find(R"("payload":"plain \"text\"\n")"),
            std::string::npos);
  EXPECT_NE(json_of(event_with("\xff\x00\x01\x02")).find("\"payload_base64\":\"/w==\""),
            std::string::npos);
  EXPECT_NE(json_of(event_with("\xff\xfe")).find("\"payload_base64\":\"//4=\""), std::string::npos);
  EXPECT_NE(json_of(event_with("\xff\xfe\xfd\x41")).find("\"payload_base64\":\"//79QQ==\""),
            std::string::npos);
}

TEST(EventJson, is_json_whatever_bytes_a_key_holds) {
  ReceivedEvent event = event_with("{}");
  event.key = "a\xff\"";
  EXPECT_NE(json_of(event).find(R"("key":"a?\"")"), std::string::npos);
}

std::optional<std::string_view> at(std::string_view json, std::vector<std::string> path) {
  return json_at(json, path);
}

TEST(EventJson, finds_values_by_names_and_numbers) {
  constexpr std::string_view json =
      R"( {"a": {"b": 1.10}, "items": [{"qty": 2}, {"qty": 3}], "n\u0061me": "x", "a2": null} )";
  EXPECT_EQ(at(json, {"a", "b"}), "1.10");
  EXPECT_EQ(at(json, {"items", "1", "qty"}), "3");
  EXPECT_EQ(at(json, {"name"}), "\"x\"");
  EXPECT_EQ(at(json, {"a2"}), "null");
  EXPECT_EQ(at(json, {"items", "2"}), std::nullopt);
  EXPECT_EQ(at(json, {"items", "qty"}), std::nullopt);
  EXPECT_EQ(at(json, {"a", "b", "c"}), std::nullopt);
  EXPECT_EQ(at(json, {"c"}), std::nullopt);
  EXPECT_EQ(at("[1,2]", {"0"}), "1");
}

}  // namespace
}  // namespace outbox::app
