// SPDX-License-Identifier: Apache-2.0
#include "relay/envelope.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "core/base64.hpp"
#include "core/json_text.hpp"
#include "relay/envelope_fault.hpp"

namespace outbox::relay {
namespace {

using Fault = std::optional<std::string>;

constexpr std::string_view json_media_type = "application/json";

bool equal_without_case(std::string_view one, std::string_view other) noexcept {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; };
  return std::equal(one.begin(), one.end(), other.begin(), other.end(),
                    [&](char a, char b) { return lower(a) == lower(b); });
}

// `application/json`, `text/json`, `…+json`, whatever parameters follow.
bool is_json_media_type(std::string_view type) noexcept {
  type = trim_json(type.substr(0, type.find(';')));
  const std::size_t plus = type.rfind('+');
  if (plus != std::string_view::npos) return equal_without_case(type.substr(plus), "+json");
  return equal_without_case(type, json_media_type) || equal_without_case(type, "text/json");
}

std::string null_payload(std::string_view envelope) {
  return fmt::format(
      "the payload is NULL, which the envelope {} has no form for: give it one, or "
      "set relay.envelope to raw, where NULL is a tombstone",
      envelope);
}

Fault columns_fault(const EnvelopeInput& input) {
  const OutboxRow& row = *input.row;
  const std::array<std::pair<std::string_view, std::string_view>, 5> columns = {
      {{"event_type", row.event_type},
       {"aggregate_type", row.aggregate_type},
       {"aggregate_id", input.aggregate_id},
       {"key", row.key},
       {"content_type", input.content_type}}};
  for (const auto& [name, text] : columns) {
    if (const auto fault = find_utf8_fault(text)) {
      return fmt::format(
          "its {} is not UTF-8 at byte {}, which JSON has to be: correct it, or set relay.envelope "
          "to raw",
          name, fault->offset);
    }
  }
  return std::nullopt;
}

Fault json_fault(std::string_view payload, std::string_view envelope, std::string_view remedy) {
  const auto fault = find_json_fault(payload);
  if (!fault) return std::nullopt;
  return fmt::format(
      "the payload is no JSON ({}), which the envelope {} takes alone: correct it, {}",
      describe(*fault), envelope, remedy);
}

Fault without_type(const EnvelopeInput& input) {
  if (!input.row->event_type.empty()) return std::nullopt;
  return "the event_type is empty, which the envelope cloudevents needs as `type`: set it";
}

// Members of a JSON object whose first one stands already.
void append_member(std::string& out, std::string_view name, std::string_view text) {
  out += ",\"";
  out += name;
  out += "\":";
  append_json_string(out, text);
}

void append_member_or_null(std::string& out, std::string_view name, std::string_view text) {
  if (!text.empty()) return append_member(out, name, text);
  out += ",\"";
  out += name;
  out += "\":null";
}

// As JSON writes integers: a column's number may not have become text that is none.
bool is_integer(std::string_view text) noexcept {
  if (text.starts_with('-')) text.remove_prefix(1);
  if (text.empty() || text.size() > 40 || (text.size() > 1 && text.front() == '0')) return false;
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// The media type of a payload whose row does not say it.
std::string_view guessed_media_type(const EnvelopeInput& input) {
  switch (input.row->payload_kind) {
    case PayloadKind::json:
      return json_media_type;
    case PayloadKind::bytes:
      return "application/octet-stream";
    case PayloadKind::text:
      break;
  }
  // Tables of TEXT columns mostly hold JSON there (D1).
  return find_json_fault(*input.payload) ? std::string_view("text/plain; charset=UTF-8")
                                         : json_media_type;
}

// `data` or `data_base64` of a structured CloudEvent, and before it what they are.
Fault append_data(std::string& out, const EnvelopeInput& input) {
  const PayloadKind kind = input.row->payload_kind;
  const std::string_view says = input.content_type;
  const std::string_view payload = *input.payload;
  const bool as_base64 = kind == PayloadKind::bytes && !is_json_media_type(says);
  const std::string_view guessed = as_base64 ? "application/octet-stream" : json_media_type;
  append_member(out, "datacontenttype", says.empty() ? guessed : says);
  if (as_base64) {
    out += ",\"data_base64\":\"";
    append_base64(out, payload);
    out += '"';
    return std::nullopt;
  }
  if (kind == PayloadKind::text && !says.empty() && !is_json_media_type(says)) {
    if (const auto fault = find_utf8_fault(payload)) {
      return fmt::format(
          "the payload is not UTF-8 at byte {}, which JSON has to be: correct it, keep it in a "
          "column of bytes, or set relay.envelope to cloudevents",
          fault->offset);
    }
    append_member(out, "data", payload);
    return std::nullopt;
  }
  if (auto fault = json_fault(payload, "cloudevents-structured",
                              "name its media type in the row's content_type, or set "
                              "relay.envelope to cloudevents")) {
    return fault;
  }
  out += ",\"data\":";
  out += trim_json(payload);
  return std::nullopt;
}

}  // namespace

Fault Envelope::wrap(const EnvelopeInput& input, EnvelopeOutput& output) const {
  switch (kind_) {
    case EnvelopeKind::standard:
      return wrap_standard(input, output);
    case EnvelopeKind::cloudevents:
      return wrap_binary(input, output);
    case EnvelopeKind::cloudevents_structured:
      return wrap_structured(input, output);
    case EnvelopeKind::debezium:
      output.headers.push_back({"id", input.event_id});
      output.headers.push_back({"eventType", input.row->event_type});
      break;
    case EnvelopeKind::raw:
      break;
  }
  if (!input.content_type.empty()) output.headers.push_back({"content-type", input.content_type});
  output.value = input.payload;
  return std::nullopt;
}

Fault Envelope::wrap_standard(const EnvelopeInput& input, EnvelopeOutput& output) const {
  if (!input.payload) return null_payload("standard");
  if (auto fault =
          json_fault(*input.payload, "standard", "or set relay.envelope to raw or cloudevents")) {
    return fault;
  }
  if (auto fault = columns_fault(input)) return fault;
  const std::string_view payload = trim_json(*input.payload);
  std::string out;
  out.reserve(payload.size() + 320);
  out += "{\"event_id\":\"";
  out += input.event_id;
  out += '"';
  append_member(out, "occurred_at", input.occurred_at);
  append_member_or_null(out, "aggregate_type", input.row->aggregate_type);
  if (input.aggregate_id_is_number && is_integer(input.aggregate_id)) {
    out += ",\"aggregate_id\":";
    out += input.aggregate_id;
  } else {
    append_member_or_null(out, "aggregate_id", input.aggregate_id);
  }
  append_member(out, "event_type", input.row->event_type);
  out += ",\"payload\":";
  out += payload;
  fmt::format_to(std::back_inserter(out), ",\"version\":{}}}", input.row->version);
  output.headers.push_back({"content-type", json_media_type});
  output.value = output.arena.take(out);
  return std::nullopt;
}

Fault Envelope::wrap_binary(const EnvelopeInput& input, EnvelopeOutput& output) const {
  if (!input.payload) return null_payload("cloudevents");
  if (auto fault = without_type(input)) return fault;
  auto& headers = output.headers;
  headers.push_back({"ce_specversion", "1.0"});
  headers.push_back({"ce_id", input.event_id});
  headers.push_back({"ce_source", source_});
  headers.push_back({"ce_type", input.row->event_type});
  if (!input.aggregate_id.empty()) headers.push_back({"ce_subject", input.aggregate_id});
  headers.push_back({"ce_time", input.occurred_at});
  headers.push_back({"ce_partitionkey", input.row->key});
  if (!input.traceparent.empty()) headers.push_back({"ce_traceparent", input.traceparent});
  if (!input.tracestate.empty()) headers.push_back({"ce_tracestate", input.tracestate});
  headers.push_back({"content-type",
                     input.content_type.empty() ? guessed_media_type(input) : input.content_type});
  output.value = input.payload;
  return std::nullopt;
}

Fault Envelope::wrap_structured(const EnvelopeInput& input, EnvelopeOutput& output) const {
  if (!input.payload) return null_payload("cloudevents-structured");
  if (auto fault = without_type(input)) return fault;
  if (auto fault = columns_fault(input)) return fault;
  std::string out;
  out.reserve(input.payload->size() + 400);
  out += "{\"specversion\":\"1.0\"";
  append_member(out, "id", input.event_id);
  append_member(out, "source", source_);
  append_member(out, "type", input.row->event_type);
  if (!input.aggregate_id.empty()) append_member(out, "subject", input.aggregate_id);
  append_member(out, "time", input.occurred_at);
  append_member(out, "partitionkey", input.row->key);
  if (!input.traceparent.empty()) append_member(out, "traceparent", input.traceparent);
  if (!input.tracestate.empty()) append_member(out, "tracestate", input.tracestate);
  if (auto fault = append_data(out, input)) return fault;
  out += '}';
  output.headers.push_back({"content-type", "application/cloudevents+json; charset=UTF-8"});
  output.value = output.arena.take(out);
  return std::nullopt;
}

}  // namespace outbox::relay
