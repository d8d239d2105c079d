// SPDX-License-Identifier: Apache-2.0
//
// Rows that can never be sent (issue 3, "Bad input"): each a dead letter whose one line names the
// row, what is wrong and the remedy; its neighbours go their way.
#include <functional>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/json_text.hpp"
#include "unit/relay_prepare/rows.hpp"

namespace outbox::relay {
namespace {

using namespace testing;
using ::testing::HasSubstr;
using ::testing::StartsWith;

struct Case {
  std::string name;
  EnvelopeKind envelope;
  std::function<void(OutboxRow&)> spoil;
  std::string reason;
  std::string remedy;
};

const std::string long_text(20'000, 'x');
const std::string deep_text = std::string(600, '[') + std::string(600, ']');
const std::string many_headers = [] {
  std::string json = "{\"h\":1";
  for (int i = 0; i < 100; ++i)
    json += ",\"h" + std::to_string(i) + "\":1";
  return json + "}";
}();
const std::string long_header = "{\"h\":\"" + long_text + "\"}";
const std::string long_name = "{\"" + long_text + "\":1}";

std::vector<Case> keys_and_topics() {
  return {
      {"null key", EnvelopeKind::raw,
       [](OutboxRow& row) {
         row.key = {};
         row.key_is_null = true;
       },
       "its key is NULL", "set aggregate_id or event_key"},
      {"empty key", EnvelopeKind::raw, [](OutboxRow& row) { row.key = ""; }, "its key is empty",
       "set aggregate_id or event_key"},
      {"bad topic", EnvelopeKind::raw, [](OutboxRow& row) { row.topic = "or\nder"; },
       R"(the topic 'or\x0Ader' has a character)", "correct the row's topic"},
      {"internal topic", EnvelopeKind::raw,
       [](OutboxRow& row) { row.topic = "__consumer_offsets"; },
       "the topic '__consumer_offsets' begins with '__'", "correct the row's topic"},
      {"long topic", EnvelopeKind::raw, [](OutboxRow& row) { row.topic = long_text; },
       "is longer than the 249 characters", "correct the row's topic"},
      {"dots", EnvelopeKind::raw, [](OutboxRow& row) { row.topic = ".."; }, "the topic '..' is no",
       "correct the row's topic"},
      {"long type", EnvelopeKind::raw, [](OutboxRow& row) { row.event_type = long_text; },
       "its event_type has 20000 bytes", "shorten it"},
      {"long aggregate", EnvelopeKind::raw,
       [](OutboxRow& row) { row.aggregate_id = row.key = long_text; },
       "its aggregate_id has 20000 bytes", "shorten it"},
      {"time", EnvelopeKind::raw,
       [](OutboxRow& row) { row.occurred_at_us = std::numeric_limits<std::int64_t>::max(); },
       "its created_at lies outside", "correct it"},
      {"time before", EnvelopeKind::raw,
       [](OutboxRow& row) { row.occurred_at_us = std::numeric_limits<std::int64_t>::min(); },
       "its created_at lies outside", "correct it"},
  };
}

std::vector<Case> headers() {
  const auto set = [](std::string_view json) {
    return [json](OutboxRow& row) { row.headers_json = json; };
  };
  return {
      {"headers no json", EnvelopeKind::raw, set("{a"), "its headers are no JSON (",
       "store an object of texts"},
      {"headers array", EnvelopeKind::raw, set("[1]"), "its headers are no JSON object",
       "store an object of texts"},
      {"too many", EnvelopeKind::raw, set(many_headers), "it has more than 100 headers",
       "store fewer"},
      {"too long", EnvelopeKind::raw, set(long_header), "its header 'h' has 20000 bytes",
       "shorten it"},
      {"long name", EnvelopeKind::raw, set(long_name), "has a name of 20000 bytes", "shorten it"},
      {"no name", EnvelopeKind::raw, set(R"({"":1})"), "one of its headers has an empty name",
       "name it"},
      {"ours", EnvelopeKind::cloudevents, set(R"({"ce_id":"mine"})"),
       "its header 'ce_id' is one that the relay sets", "rename it"},
  };
}

std::vector<Case> payloads() {
  const auto set = [](std::string_view payload) {
    return [payload](OutboxRow& row) { row.payload = payload; };
  };
  const auto null = [](OutboxRow& row) { row.payload_is_null = true; };
  const auto bad_type = [](OutboxRow& row) { row.event_type = "A\xC3"; };
  const auto structured = EnvelopeKind::cloudevents_structured;
  return {
      {"null standard", EnvelopeKind::standard, null, "the payload is NULL", "envelope to raw"},
      {"null binary", EnvelopeKind::cloudevents, null, "the payload is NULL", "envelope to raw"},
      {"null structured", structured, null, "the payload is NULL", "envelope to raw"},
      {"no json", EnvelopeKind::standard, set("hello"), "the payload is no JSON (",
       "relay.envelope to raw or cloudevents"},
      {"empty", EnvelopeKind::standard, set(""), "the payload is no JSON (it is empty", "correct"},
      {"no json structured", structured, set("{'a':1}"), "the payload is no JSON (",
       "content_type"},
      {"deep", EnvelopeKind::standard, set(deep_text), "nested too deep", "correct"},
      {"not utf-8", EnvelopeKind::standard, set("\"\xC3\""), "it is not UTF-8", "correct"},
      {"text not utf-8", structured,
       [](OutboxRow& row) {
         row.payload_kind = PayloadKind::text;
         row.content_type = "text/plain";
         row.payload = "a\xFF";
       },
       "the payload is not UTF-8", "cloudevents"},
      {"column not utf-8", EnvelopeKind::standard, bad_type, "its event_type is not UTF-8",
       "correct it"},
      {"column not utf-8 structured", structured, bad_type, "its event_type is not UTF-8",
       "correct it"},
      {"no type", EnvelopeKind::cloudevents, [](OutboxRow& row) { row.event_type = ""; },
       "the event_type is empty", "set it"},
  };
}

TEST(BadInput, makes_a_dead_letter_with_one_clear_line_and_holds_back_no_other_row) {
  std::vector<Case> cases = keys_and_topics();
  for (auto& more : {headers(), payloads()})
    cases.insert(cases.end(), more.begin(), more.end());
  for (const Case& each : cases) {
    SCOPED_TRACE(each.name);
    OutboxRow bad = order_row();
    bad.id.number = 18;
    each.spoil(bad);
    const Preparer preparer(options_of(each.envelope));
    const PreparedBatch batch = preparer.prepare(batch_of({order_row(), bad, order_row()}));
    ASSERT_TRUE(batch.rows[1].defect);
    EXPECT_EQ(batch.rows[1].defect->kind, FailureKind::dead_letter);
    const std::string& reason = batch.rows[1].defect->reason;
    EXPECT_THAT(reason, StartsWith("row 18: "));
    EXPECT_THAT(reason, HasSubstr(each.reason));
    EXPECT_THAT(reason, HasSubstr(each.remedy));
    EXPECT_LE(reason.size(), 500U);
    EXPECT_EQ(reason.find('\n'), std::string::npos);
    EXPECT_FALSE(find_utf8_fault(reason));
    EXPECT_EQ(batch.rows[1].row, &batch.source.rows[1]);
    for (const std::size_t good : {0U, 2U}) {
      EXPECT_EQ(message_of(batch, good).defect, "");
      EXPECT_EQ(message_of(batch, good).header("row_id"), "17");
    }
  }
}

TEST(BadInput, never_shows_a_payload) {
  const Message message = prepare(with_payload("secret-4711"), options_of(EnvelopeKind::standard));
  EXPECT_NE(message.defect, "");
  EXPECT_EQ(message.defect.find("secret"), std::string::npos);
}

TEST(BadInput, names_rows_with_text_ids_in_quotes) {
  OutboxRow row = order_row();
  row.id = {0, "a\nb"};
  row.key = {};
  EXPECT_THAT(prepare(row).defect, StartsWith(R"(row 'a\x0Ab': )"));
}

TEST(BadInput, leaves_an_empty_batch_empty) {
  const PreparedBatch batch = Preparer(options_of()).prepare(batch_of({}));
  EXPECT_TRUE(batch.rows.empty());
  EXPECT_TRUE(batch.headers.empty());
}

}  // namespace
}  // namespace outbox::relay
