// SPDX-License-Identifier: Apache-2.0
//
// Rows into messages, in every envelope. Where the value is JSON, a JSON library must read it and
// find in it what stood in the row.
#include <cstring>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "fuzz.hpp"
#include "relay/prepare.hpp"

namespace outbox::fuzz {
namespace {

using Json = nlohmann::json;

bool is_json(std::string_view text) {
  return Json::accept(text.begin(), text.end());
}

/// What a text becomes in a JSON string and back: itself where it is UTF-8.
bool is_utf8(const std::string& text) {
  try {
    static_cast<void>(Json(text).dump());
    return true;
  } catch (const Json::exception&) {
    return false;
  }
}

void check_standard(const OutboxRow& row, std::string_view value) {
  // This library takes no number beyond a double's, which is JSON all the same.
  if (row.payload_kind == PayloadKind::json && !is_json(row.payload)) return;
  const Json read = Json::parse(value, nullptr, false);
  require(read.is_object(), "the standard envelope is a JSON object");
  const std::string type(row.event_type);
  if (is_utf8(type)) require(read.at("event_type") == type, "the event's type comes through");
  if (row.payload_kind == PayloadKind::json && !row.payload_is_null && is_json(row.payload)) {
    require(read.at("payload") == Json::parse(row.payload), "the payload comes through");
  }
}

void run(Parts parts) {
  OutboxRow row;
  row.id.number = 7;
  row.payload_kind = static_cast<PayloadKind>(parts.byte() % 3);
  row.payload_is_null = parts.byte() % 16 == 15;
  const auto kind = static_cast<relay::EnvelopeKind>(parts.byte() % 5);
  row.aggregate_type = parts.text();
  row.aggregate_id = parts.text();
  row.key = parts.text();
  row.event_type = parts.text();
  row.topic = parts.text();
  row.headers_json = parts.text();
  row.content_type = parts.text();
  row.payload = parts.rest();
  row.occurred_at_us = 1'763'000'000'000'000;
  relay::PrepareOptions options;
  options.envelope = kind;
  const relay::Preparer preparer(options);
  RowBatch batch;
  batch.rows.push_back(row);
  const relay::PreparedBatch prepared = preparer.prepare(std::move(batch));
  const relay::PreparedRow& made = prepared.rows.at(0);
  if (made.defect) {
    require(!made.defect->reason.empty(), "a defect says why");
    return;
  }
  require(!made.topic.empty(), "a message has a topic");
  if (kind == relay::EnvelopeKind::raw && !row.payload_is_null) {
    require(made.value == row.payload, "raw is the payload, byte by byte");
  }
  if (kind == relay::EnvelopeKind::standard && made.value) check_standard(row, *made.value);
  const bool is_readable = row.payload_kind != PayloadKind::json || is_json(row.payload);
  if (kind == relay::EnvelopeKind::cloudevents_structured && made.value && is_readable) {
    require(is_json(*made.value), "a structured CloudEvent is JSON");
  }
}

}  // namespace
}  // namespace outbox::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  outbox::fuzz::run(outbox::fuzz::Parts(outbox::fuzz::text_of(data, size)));
  return 0;
}
