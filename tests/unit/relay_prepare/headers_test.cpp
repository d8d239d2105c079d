// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/murmur2.hpp"
#include "unit/relay_prepare/rows.hpp"

namespace outbox::relay {
namespace {

using namespace testing;
using ::testing::HasSubstr;

constexpr std::string_view trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

TEST(Headers, carry_the_reserved_ones_in_every_envelope) {
  for (const EnvelopeKind kind :
       {EnvelopeKind::raw, EnvelopeKind::standard, EnvelopeKind::cloudevents,
        EnvelopeKind::cloudevents_structured, EnvelopeKind::debezium}) {
    const Message message = prepare(order_row(), options_of(kind));
    EXPECT_EQ(message.defect, "");
    EXPECT_EQ(message.header("event_id"), event_id_text);
    EXPECT_EQ(message.header("event_type"), "ORDER_CREATED");
    EXPECT_EQ(message.header("aggregate_type"), "order");
    EXPECT_EQ(message.header("aggregate_id"), "4711");
    EXPECT_EQ(message.header("occurred_at"), "2026-11-21T10:00:00.123456Z");
    EXPECT_EQ(message.header("row_id"), "17");
    EXPECT_EQ(message.header("outbox_id"), "6ba7b810-9dad-41d1-80b4-00c04fd430c8");
    EXPECT_EQ(message.header("lease_epoch"), "(none)") << "the publisher's to add";
    EXPECT_EQ(message.key_hash, murmur2("4711"));
  }
}

TEST(Headers, are_empty_where_the_table_has_no_such_column_and_name_the_key_as_aggregate) {
  OutboxRow row = order_row();
  row.aggregate_type = {};
  row.aggregate_id = {};
  const Message message = prepare(row);
  EXPECT_EQ(message.header("aggregate_type"), "");
  EXPECT_EQ(message.header("aggregate_id"), "4711");
}

TEST(Headers, derive_the_event_id_from_outbox_and_row_where_the_table_has_none) {
  OutboxRow row = order_row();
  row.event_id = {};
  const std::string expected = to_string(named_uuid(outbox_id(), "17"));
  EXPECT_EQ(prepare(row).header("event_id"), expected);
  PrepareOptions other = options_of();
  other.outbox_id = *parse_uuid("6ba7b811-9dad-41d1-80b4-00c04fd430c8");
  EXPECT_NE(prepare(row, other).header("event_id"), expected);
}

TEST(Headers, take_a_uuid_id_as_the_event_id_and_a_text_id_as_row_id) {
  OutboxRow row = order_row();
  row.event_id = {};
  row.id = {0, "018F4E5A-0000-7000-8000-000000000001"};
  EXPECT_EQ(prepare(row).header("event_id"), "018f4e5a-0000-7000-8000-000000000001");
  row.id = {0, "evt-1"};
  EXPECT_EQ(prepare(row).header("event_id"), to_string(named_uuid(outbox_id(), "evt-1")));
  EXPECT_EQ(prepare(row).header("row_id"), "evt-1");
}

TEST(Headers, of_the_row_become_kafka_headers_whatever_their_json_type) {
  const Message message = prepare(with_headers(
      R"({"tenant":"acme","tries":3,"rate":1.10,"ok":true,"none":null,"nested":{"a":[1, 2]},)"
      R"("list":[1,"x"],"quote\"d":"a\u00e9\n","empty":""})"));
  EXPECT_EQ(message.defect, "");
  EXPECT_EQ(message.header("tenant"), "acme");
  EXPECT_EQ(message.header("tries"), "3");
  EXPECT_EQ(message.header("rate"), "1.10");
  EXPECT_EQ(message.header("ok"), "true");
  EXPECT_EQ(message.header("none"), "(null)");
  EXPECT_EQ(message.header("nested"), R"({"a":[1, 2]})");
  EXPECT_EQ(message.header("list"), R"([1,"x"])");
  EXPECT_EQ(message.header("quote\"d"), "aé\n");
  EXPECT_EQ(message.header("empty"), "");
}

TEST(Headers, may_be_absent_in_the_row_in_several_ways) {
  for (const char* none : {"", "{}", "null", " { } "}) {
    const Message message = prepare(with_headers(none));
    EXPECT_EQ(message.defect, "") << none;
    EXPECT_EQ(message.headers.size(), 7U) << none;
  }
}

TEST(Headers, of_the_row_never_replace_ours_and_never_vanish_in_silence) {
  const Message same = prepare(with_headers(R"({"event_type":"ORDER_CREATED","a":"b"})"));
  EXPECT_EQ(same.defect, "");
  EXPECT_EQ(same.count("event_type"), 1);
  EXPECT_EQ(same.header("a"), "b");
  for (const char* json : {R"({"event_type":"OTHER"})", R"({"event_id":null})",
                           R"({"lease_epoch":"7"})", R"({"replay":"true"})"}) {
    const Message message = prepare(with_headers(json));
    EXPECT_THAT(message.defect, HasSubstr("is one that the relay sets")) << json;
    EXPECT_THAT(message.defect, HasSubstr("rename it")) << json;
  }
}

TEST(Headers, carry_a_trace_context_in_every_envelope) {
  const std::string json =
      R"({"traceparent":")" + std::string(trace) + R"(","tracestate":"vendor=1"})";
  const Message raw = prepare(with_headers(json));
  EXPECT_EQ(raw.header("traceparent"), trace);
  EXPECT_EQ(raw.header("tracestate"), "vendor=1");
  const Message binary = prepare(with_headers(json), options_of(EnvelopeKind::cloudevents));
  EXPECT_EQ(binary.header("traceparent"), trace);
  EXPECT_EQ(binary.header("ce_traceparent"), trace);
  EXPECT_EQ(binary.header("ce_tracestate"), "vendor=1");
}

TEST(Headers, take_the_content_type_from_the_column_or_the_row_s_headers) {
  OutboxRow row = order_row();
  EXPECT_EQ(prepare(row).header("content-type"), "(none)");
  row.content_type = "application/avro";
  EXPECT_EQ(prepare(row).header("content-type"), "application/avro");
  const Message message = prepare(with_headers(R"({"content-type":"application/avro"})"));
  EXPECT_EQ(message.header("content-type"), "application/avro");
  EXPECT_EQ(message.count("content-type"), 1);
}

TEST(Headers, stay_with_their_rows_around_a_defect) {
  OutboxRow good = order_row();
  OutboxRow bad = with_headers(R"({"a":"1","b":"2","event_type":"OTHER"})");
  OutboxRow last = with_headers(R"({"c":"3"})");
  const PreparedBatch batch = Preparer(options_of()).prepare(batch_of({good, bad, last}));
  EXPECT_EQ(message_of(batch, 0).headers.size(), 7U);
  EXPECT_NE(message_of(batch, 1).defect, "");
  EXPECT_EQ(message_of(batch, 1).headers.size(), 0U);
  EXPECT_EQ(message_of(batch, 2).header("c"), "3");
  EXPECT_EQ(message_of(batch, 2).header("event_type"), "ORDER_CREATED");
  EXPECT_EQ(batch.headers.size(), 15U);
}

TEST(Headers, outlive_the_preparer_and_a_move_of_the_batch) {
  auto preparer = std::make_unique<Preparer>(options_of(EnvelopeKind::cloudevents));
  OutboxRow row = order_row();
  row.id = {0, "short"};
  PreparedBatch first = preparer->prepare(batch_of({row}));
  preparer.reset();
  const PreparedBatch moved = std::move(first);
  EXPECT_EQ(message_of(moved, 0).header("row_id"), "short");
  EXPECT_EQ(message_of(moved, 0).header("ce_source"), "/outboxd");
  EXPECT_EQ(message_of(moved, 0).header("outbox_id"), "6ba7b810-9dad-41d1-80b4-00c04fd430c8");
  EXPECT_EQ(message_of(moved, 0).topic, "default.events");
}

}  // namespace
}  // namespace outbox::relay
