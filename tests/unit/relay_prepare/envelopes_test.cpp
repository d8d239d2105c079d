// SPDX-License-Identifier: Apache-2.0
#include "relay/envelope.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "unit/relay_prepare/rows.hpp"

namespace outbox::relay {
namespace {

using namespace testing;
using nlohmann::json;

Message prepare_as(EnvelopeKind kind, const OutboxRow& row) {
  return prepare(row, options_of(kind));
}

TEST(EnvelopeRaw, sends_the_payload_byte_by_byte) {
  for (const std::string_view payload :
       {std::string_view(" {\"a\": 1.10 }\n"), std::string_view("\xFF\x00\x01", 3),
        std::string_view("no json"), std::string_view("")}) {
    const Message message =
        prepare_as(EnvelopeKind::raw, with_payload(payload, PayloadKind::bytes));
    EXPECT_EQ(message.defect, "");
    EXPECT_EQ(message.value, payload);
  }
}

TEST(EnvelopeRaw, and_debezium_send_null_as_a_tombstone) {
  EXPECT_EQ(prepare_as(EnvelopeKind::raw, without_payload()).value, std::nullopt);
  const Message message = prepare_as(EnvelopeKind::debezium, without_payload());
  EXPECT_EQ(message.defect, "");
  EXPECT_EQ(message.value, std::nullopt);
}

TEST(EnvelopeRaw, tells_an_empty_value_from_a_tombstone_for_c_libraries_too) {
  OutboxRow row = with_payload({});
  const PreparedBatch batch = Preparer(options_of()).prepare(batch_of({row}));
  ASSERT_TRUE(batch.rows[0].value);
  EXPECT_NE(batch.rows[0].value->data(), nullptr);
}

TEST(EnvelopeStandard, is_the_shop_s_json) {
  OutboxRow row = order_row();
  row.version = 3;
  const Message message = prepare_as(EnvelopeKind::standard, row);
  EXPECT_EQ(message.value,
            R"({"event_id":"018f4e5a-0000-7000-8000-00000000002a",)"
            R"("occurred_at":"2026-11-21T10:00:00.123456Z","aggregate_type":"order",)"
            R"("aggregate_id":"4711","event_type":"ORDER_CREATED",)"
            R"("payload":{"order_id": 4711, "total_amount": 132.490},"version":3})");
  EXPECT_EQ(message.header("content-type"), "application/json");
}

TEST(EnvelopeStandard, writes_the_aggregate_id_as_a_number_where_the_column_is_one) {
  for (const auto& [text, expected] :
       {std::pair<std::string_view, std::string_view>{"4711", "4711"},
        {"-5", "-5"},
        {"9223372036854775807", "9223372036854775807"},
        {"0", "0"},
        {"007", "\"007\""},
        {"x", "\"x\""}}) {
    OutboxRow row = order_row();
    row.aggregate_id = text;
    RowBatch batch = batch_of({row});
    batch.aggregate_id_is_number = true;
    const PreparedBatch prepared =
        Preparer(options_of(EnvelopeKind::standard)).prepare(std::move(batch));
    EXPECT_EQ(json::parse(*message_of(prepared, 0).value)["aggregate_id"].dump(), expected);
  }
}

TEST(EnvelopeStandard, takes_json_from_columns_of_text_and_bytes_too) {
  for (const PayloadKind kind : {PayloadKind::json, PayloadKind::text, PayloadKind::bytes}) {
    const Message message = prepare_as(EnvelopeKind::standard, with_payload(" [1.10] ", kind));
    EXPECT_THAT(*message.value, ::testing::HasSubstr(R"("payload":[1.10],"version":1)"));
  }
}

TEST(EnvelopeCloudEvents, puts_attributes_into_headers_in_binary_mode) {
  const Message message = prepare_as(EnvelopeKind::cloudevents, order_row());
  EXPECT_EQ(message.value, order_row().payload);
  EXPECT_EQ(message.header("ce_specversion"), "1.0");
  EXPECT_EQ(message.header("ce_id"), event_id_text);
  EXPECT_EQ(message.header("ce_source"), "/outboxd");
  EXPECT_EQ(message.header("ce_type"), "ORDER_CREATED");
  EXPECT_EQ(message.header("ce_subject"), "4711");
  EXPECT_EQ(message.header("ce_time"), "2026-11-21T10:00:00.123456Z");
  EXPECT_EQ(message.header("ce_partitionkey"), "4711");
  EXPECT_EQ(message.header("content-type"), "application/json");
}

TEST(EnvelopeCloudEvents, names_the_media_type_of_any_payload_in_binary_mode) {
  const auto media_type = [](std::string_view payload, PayloadKind kind, std::string_view says) {
    OutboxRow row = with_payload(payload, kind);
    row.content_type = says;
    return prepare_as(EnvelopeKind::cloudevents, row).header("content-type");
  };
  EXPECT_EQ(media_type("\xFF", PayloadKind::bytes, ""), "application/octet-stream");
  EXPECT_EQ(media_type("{}", PayloadKind::text, ""), "application/json");
  EXPECT_EQ(media_type("hello", PayloadKind::text, ""), "text/plain; charset=UTF-8");
  EXPECT_EQ(media_type("\xFF", PayloadKind::bytes, "application/avro"), "application/avro");
}

TEST(EnvelopeCloudEvents, is_one_json_object_in_structured_mode) {
  OutboxRow row = with_headers(R"({"traceparent":"00-a-b-01","tracestate":"v=\"1\"","x":"y"})");
  const Message message = prepare_as(EnvelopeKind::cloudevents_structured, row);
  EXPECT_EQ(message.header("content-type"), "application/cloudevents+json; charset=UTF-8");
  EXPECT_EQ(message.header("x"), "y");
  EXPECT_THAT(*message.value,
              ::testing::EndsWith(R"("data":{"order_id": 4711, "total_amount": 132.490}})"));
  json event = json::parse(*message.value);
  event.erase("data");
  EXPECT_EQ(event, json::parse(R"({"specversion":"1.0","source":"/outboxd","type":"ORDER_CREATED",
      "id":"018f4e5a-0000-7000-8000-00000000002a","subject":"4711","partitionkey":"4711",
      "time":"2026-11-21T10:00:00.123456Z","traceparent":"00-a-b-01","tracestate":"v=\"1\"",
      "datacontenttype":"application/json"})"));
}

TEST(EnvelopeCloudEvents, carries_text_and_bytes_in_structured_mode) {
  const auto event_of = [](std::string_view payload, PayloadKind kind, std::string_view says) {
    OutboxRow row = with_payload(payload, kind);
    row.content_type = says;
    return json::parse(*prepare_as(EnvelopeKind::cloudevents_structured, row).value);
  };
  const json text = event_of("hello \"you\"", PayloadKind::text, "text/plain");
  EXPECT_EQ(text["data"], "hello \"you\"");
  EXPECT_EQ(text["datacontenttype"], "text/plain");
  const json bytes = event_of(std::string_view("\xFF\x00\xFE\x01", 4), PayloadKind::bytes, "");
  EXPECT_EQ(bytes["data_base64"], "/wD+AQ==");
  EXPECT_EQ(bytes["datacontenttype"], "application/octet-stream");
  EXPECT_EQ(event_of("Man", PayloadKind::bytes, "")["data_base64"], "TWFu");
  EXPECT_EQ(event_of("Ma", PayloadKind::bytes, "")["data_base64"], "TWE=");
  EXPECT_EQ(event_of("", PayloadKind::bytes, "")["data_base64"], "");
  const json marked = event_of("[1]", PayloadKind::bytes, "Application/Vnd.X+JSON; v=1");
  EXPECT_EQ(marked["data"], json::array({1}));
  const json plain_text = event_of("{\"a\":1}", PayloadKind::text, "");
  EXPECT_EQ(plain_text["data"]["a"], 1);
}

TEST(EnvelopeCloudEvents, lets_the_inner_media_type_from_the_row_s_headers_be_the_data_s) {
  OutboxRow row = with_headers(R"({"content-type":"application/json; v=2"})");
  const Message message = prepare_as(EnvelopeKind::cloudevents_structured, row);
  EXPECT_EQ(message.defect, "");
  EXPECT_EQ(message.count("content-type"), 1);
  EXPECT_EQ(json::parse(*message.value)["datacontenttype"], "application/json; v=2");
}

TEST(EnvelopeDebezium, is_the_outbox_event_router_s) {
  const Message message = prepare_as(EnvelopeKind::debezium, order_row());
  EXPECT_EQ(message.value, order_row().payload);
  EXPECT_EQ(message.header("id"), event_id_text);
  EXPECT_EQ(message.header("eventType"), "ORDER_CREATED");
}

TEST(Envelope, carries_a_payload_of_five_megabytes) {
  const std::string payload = "\"" + std::string(5'000'000, 'x') + "\"";
  for (const EnvelopeKind kind :
       {EnvelopeKind::raw, EnvelopeKind::standard, EnvelopeKind::cloudevents_structured}) {
    const Message message = prepare_as(kind, with_payload(payload));
    EXPECT_EQ(message.defect, "");
    EXPECT_GT(message.wire_bytes, 5'000'000U);
    EXPECT_NE(message.value->find(payload), std::string::npos);
  }
}

}  // namespace
}  // namespace outbox::relay
