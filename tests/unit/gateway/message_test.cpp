// SPDX-License-Identifier: Apache-2.0
#include "gateway/message.hpp"

#include <gtest/gtest.h>

namespace outbox::gateway {
namespace {

MessagePointer message_of(std::optional<std::string> value, std::optional<std::string> key = "k",
                          std::vector<broker::IncomingHeader> headers = {}) {
  broker::IncomingMessage incoming;
  incoming.value = std::move(value);
  incoming.key = std::move(key);
  incoming.headers = std::move(headers);
  return read_message(std::move(incoming), 0);
}

std::string encoded(const MessagePointer& message, Form form) {
  return encode(*message, form, "0:5")->bytes;
}

TEST(PlainFrame, is_the_value_itself) {
  const auto message = message_of("{\"a\": 1.10}");
  EXPECT_EQ(encode(*message, Form::plain, ""), message->value);
  EXPECT_EQ(message->value->bytes, "{\"a\": 1.10}");
  EXPECT_FALSE(message->value->is_binary);
}

TEST(PlainFrame, is_binary_where_the_value_is_no_utf8) {
  EXPECT_TRUE(message_of("\xff\xfe")->value->is_binary);
}

TEST(ResumableFrame, holds_a_value_that_is_json_as_it_is) {
  EXPECT_EQ(encoded(message_of(" {\"price\": 1.10} "), Form::resumable),
            R"({"position":"0:5","key":"k","value":{"price": 1.10}})");
}

TEST(ResumableFrame, holds_other_text_as_a_string) {
  EXPECT_EQ(encoded(message_of("a \"b\"\n", std::nullopt), Form::resumable),
            R"({"position":"0:5","key":null,"value":"a \"b\"\n"})");
}

TEST(ResumableFrame, holds_bytes_in_base64) {
  EXPECT_EQ(encoded(message_of("\xff\x01", "\xfe"), Form::resumable),
            R"({"position":"0:5","key":null,"key_base64":"/g==","value":null,)"
            R"("value_base64":"/wE="})");
}

TEST(ResumableFrame, holds_null_for_a_tombstone) {
  EXPECT_EQ(encoded(message_of(std::nullopt), Form::resumable),
            R"({"position":"0:5","key":"k","value":null})");
}

TEST(ResumableFrame, takes_a_megabyte_of_nesting_for_text) {
  const std::string nested(1U << 20U, '[');
  EXPECT_EQ(encoded(message_of(nested), Form::resumable),
            "{\"position\":\"0:5\",\"key\":\"k\",\"value\":\"" + nested + "\"}");
}

TEST(Event, has_the_position_as_its_id_and_the_value_as_its_data) {
  EXPECT_EQ(encoded(message_of("{}"), Form::event_stream), "id:0:5\ndata:{}\n\n");
}

TEST(Event, has_a_line_of_data_for_each_line_of_the_value) {
  EXPECT_EQ(encoded(message_of("a\nb\r\n\rc"), Form::event_stream),
            "id:0:5\ndata:a\ndata:b\ndata:\ndata:c\n\n");
}

TEST(Event, keeps_the_space_a_value_begins_with) {
  EXPECT_EQ(encoded(message_of(" a"), Form::event_stream), "id:0:5\ndata:  a\n\n");
}

TEST(Event, cannot_be_forged_by_a_value) {
  EXPECT_EQ(encoded(message_of("a\n\nevent:gap\n"), Form::event_stream),
            "id:0:5\ndata:a\ndata:\ndata:event:gap\ndata:\n\n");
}

TEST(Event, holds_bytes_in_base64) {
  EXPECT_EQ(encoded(message_of("\xff\x01\x02"), Form::event_stream),
            "id:0:5\nevent:base64\ndata:/wEC\n\n");
}

TEST(Gap, tells_from_where_to_where) {
  EXPECT_EQ(encode_gap(Form::resumable, "0:5", "0:9")->bytes,
            R"({"gap":true,"from":"0:5","to":"0:9"})");
  EXPECT_EQ(encode_gap(Form::event_stream, "0:5", "0:9")->bytes,
            "id:0:9\nevent:gap\ndata:{\"gap\":true,\"from\":\"0:5\",\"to\":\"0:9\"}\n\n");
  EXPECT_EQ(encode_gap(Form::plain, "0:5", "0:9"), nullptr);
}

TEST(Subject, comes_from_the_headers) {
  const auto message = message_of(
      R"({"event_type":"OTHER"})", "k",
      {{"event_type", "ORDER_PAID"}, {"aggregate_type", "order"}, {"aggregate_id", "42"}});
  EXPECT_EQ(message->subject.event_type, "ORDER_PAID");
  EXPECT_EQ(message->subject.aggregate_type, "order");
  EXPECT_EQ(message->subject.aggregate_id, "42");
}

TEST(Subject, comes_from_the_envelope_where_headers_are_missing) {
  const auto message =
      message_of(R"({"event_type":"ORDER_\u0050AID","aggregate_type":"order","aggregate_id":42})",
                 "k", {{"aggregate_type", "parcel"}, {"event_type", std::nullopt}});
  EXPECT_EQ(message->subject.event_type, "ORDER_PAID");
  EXPECT_EQ(message->subject.aggregate_type, "parcel");
  EXPECT_EQ(message->subject.aggregate_id, "42");
}

TEST(Subject, is_empty_where_nobody_says_it) {
  for (const char* value : {"", "[1]", "{broken", "7", R"({"event_type":{"a":1}})"})
    EXPECT_EQ(message_of(value)->subject.event_type, "") << value;
}

}  // namespace
}  // namespace outbox::gateway
