// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <outbox/json.hpp>
#include <outbox/received_event.hpp>

namespace shop {

struct Restocked {
  std::int64_t product_id = 0;
  int qty = 0;
  std::string note;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Restocked, product_id, qty, note)

/// A type with a format of its own.
struct Line {
  std::string text;
};

}  // namespace shop

template <>
struct outbox::Serializer<shop::Line> {
  static Payload write(const shop::Line& line) { return {line.text + "\n", "text/plain"}; }
  static shop::Line read(std::string_view bytes, std::string_view content_type) {
    if (content_type != "text/plain") throw std::invalid_argument("no plain text");
    return {std::string(bytes.substr(0, bytes.size() - 1))};
  }
};

namespace outbox {
namespace {

using ::testing::HasSubstr;

ReceivedEvent received(std::string_view payload) {
  ReceivedEvent event;
  event.payload = payload;
  return event;
}

std::string fault_of(std::string_view payload) {
  try {
    (void)received(payload).payload_as<shop::Restocked>();
  } catch (const std::exception& error) {
    return error.what();
  }
  return "none";
}

TEST(Json, what_is_published_is_read_back) {
  Event event;
  set_payload(event, shop::Restocked{7, 100, "é \"quoted\""});
  EXPECT_EQ(event.payload.content_type, "");
  const auto read = received(*event.payload.bytes).payload_as<shop::Restocked>();
  EXPECT_EQ(read.product_id, 7);
  EXPECT_EQ(read.qty, 100);
  EXPECT_EQ(read.note, "é \"quoted\"");
}

TEST(Json, a_payload_without_a_type_of_its_own_is_json_itself) {
  Event event;
  set_payload(event, nlohmann::json{{"qty", 3}});
  EXPECT_EQ(event.payload.bytes, R"({"qty":3})");
  EXPECT_EQ(received(*event.payload.bytes).payload_as<nlohmann::json>()["qty"], 3);
}

// set_payload() does not compile for these: JSON in them would become a JSON string.
static_assert(is_text_v<std::string> && is_text_v<std::string_view> && is_text_v<const char*> &&
              is_text_v<char[3]>);
static_assert(!is_text_v<shop::Restocked> && !is_text_v<int> && !is_text_v<nlohmann::json>);

TEST(Json, a_text_becomes_a_json_string_where_it_says_so_and_is_read_back) {
  Event event;
  set_payload(event, nlohmann::json("{}"));
  EXPECT_EQ(event.payload.bytes, R"("{}")");
  EXPECT_EQ(received(*event.payload.bytes).payload_as<std::string>(), "{}");
}

TEST(Json, a_missing_field_is_named) {
  EXPECT_THAT(fault_of(R"({"product_id":1,"note":""})"), HasSubstr("qty"));
}

TEST(Json, a_number_where_a_text_should_be_is_an_error) {
  EXPECT_THAT(fault_of(R"({"product_id":1,"qty":2,"note":3})"), HasSubstr("must be string"));
  EXPECT_THAT(fault_of(R"({"product_id":"1","qty":2,"note":""})"), HasSubstr("must be number"));
  EXPECT_THAT(fault_of("[]"), HasSubstr("array"));
}

TEST(Json, what_is_no_json_is_refused_with_its_place) {
  EXPECT_THAT(fault_of(R"({"qty":})"), HasSubstr("no JSON at byte 7"));
  EXPECT_THAT(fault_of(""), HasSubstr("it is empty"));
}

TEST(Json, numbers_that_cannot_be_held_are_an_error_of_ours) {
  EXPECT_THROW((void)parse_json("1e400"), Error);
}

TEST(Json, nesting_is_read_up_to_the_limit_and_a_megabyte_of_it_is_refused) {
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  EXPECT_NO_THROW((void)parse_json(nested(json_depth_max)));
  EXPECT_THROW((void)parse_json(nested(json_depth_max + 1)), Error);
  EXPECT_THROW((void)parse_json(nested(500'000)), Error);
}

TEST(Json, an_event_without_payload_is_an_error_of_its_reader) {
  ReceivedEvent event;
  EXPECT_THROW((void)event.payload_as<shop::Restocked>(), Error);
}

TEST(Json, a_format_of_ones_own_takes_the_place_of_json) {
  Event event;
  set_payload(event, shop::Line{"hello"});
  EXPECT_EQ(event.payload.bytes, "hello\n");
  EXPECT_EQ(event.payload.content_type, "text/plain");
  ReceivedEvent back = received(*event.payload.bytes);
  EXPECT_THROW((void)back.payload_as<shop::Line>(), std::invalid_argument);
  back.content_type = "text/plain";
  EXPECT_EQ(back.payload_as<shop::Line>().text, "hello");
}

}  // namespace
}  // namespace outbox
