// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "admin/events.hpp"
#include "admin/json.hpp"

namespace outbox::admin {
namespace {

TEST(Documents, are_valid_utf8_whatever_stands_in_them) {
  Json json = {{"error", text_json("bad \xff byte")}, {"raw", std::string("\xc3")}};
  const std::string text = to_text(json);
  EXPECT_EQ(clean_utf8(text), text);
  EXPECT_EQ(json["error"], "bad \uFFFD byte");
}

TEST(Documents, hold_a_payload_as_json_text_or_base64) {
  const auto of = [](PayloadPart part) {
    Json json = Json::object();
    add_payload(json, part);
    return to_text(json);
  };
  EXPECT_EQ(of({std::string(R"({"a": 1})"), true, false}), R"({"payload":{"a":1}})");
  EXPECT_EQ(of({std::string("plain"), true, false}), R"({"payload":"plain"})");
  EXPECT_EQ(of({std::string("12"), false, false}), R"({"payload":"12"})");
  EXPECT_EQ(of({std::string("\xff\xfe"), true, false}), R"({"payload_base64":"//4="})");
  EXPECT_EQ(of({std::nullopt, true, false}), R"({"payload":null})");
  // A number that no double holds stays what it was.
  EXPECT_EQ(of({std::string("[1e400]"), true, false}), R"({"payload":"[1e400]"})");
}

TEST(Documents, cut_a_text_at_a_character) {
  Json json = Json::object();
  add_payload(json, {std::string("caf\xc3"), true, true});
  EXPECT_EQ(json["payload"], "caf");
}

TEST(Documents, name_an_events_fields_as_the_api_does) {
  store::EventView event;
  event.row = {9'007'199'254'740'993, {}};
  event.headers_json = R"({"tenant":"a"})";
  event.payload = "{}";
  event.payload_bytes = 20;
  event.error = "bad \xff";
  event.created_at_us = 0;
  const Json json = event_json("global", event);
  EXPECT_EQ(json["row"], "9007199254740993");
  EXPECT_EQ(json["headers"]["tenant"], "a");
  EXPECT_EQ(json["payload_truncated"], true);
  EXPECT_EQ(json["created_at"], "1970-01-01T00:00:00.000000Z");
  EXPECT_EQ(json["published_at"], nullptr);
  EXPECT_EQ(json["event_id"], nullptr);
  EXPECT_EQ(json["state"], "pending");
  EXPECT_NO_THROW(static_cast<void>(json.dump()));
}

}  // namespace
}  // namespace outbox::admin
