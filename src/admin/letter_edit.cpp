// SPDX-License-Identifier: Apache-2.0
#include "admin/letter_edit.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include <outbox/error.hpp>

#include "admin/digest.hpp"
#include "admin/merge_patch.hpp"
#include "core/json_text.hpp"
#include "core/topic_name.hpp"

namespace outbox::admin {
namespace {

constexpr std::size_t audit_text_max = 2'000;
constexpr std::size_t headers_max = 100;
constexpr std::size_t before_bytes_max = 64U << 10U;

// What tells a message's event and its death: an edit of headers leaves it alone.
constexpr std::array<std::string_view, 11> reserved = {
    "event_id",  "event_type",  "aggregate_type", "aggregate_id", "occurred_at", "row_id",
    "outbox_id", "lease_epoch", "replay",         "id",           "content-type"};

bool is_reserved(std::string_view name) {
  return name.starts_with("dead_letter_") || name.starts_with("retry_") ||
         name.starts_with("ce_") || std::ranges::find(reserved, name) != reserved.end();
}

Error bad_edit(const std::string& what, const char* hint) {
  return {ErrorKind::usage, "the edit cannot be made: " + what, hint};
}

std::string fault_text(const char* what, const TextFault& fault) {
  return fmt::format("{} is no JSON: {} at byte {}", what, fault.what, fault.offset);
}

/// The payload as the edit makes it; none: it stays.
EditOutcome<std::optional<std::string>> edit_payload(const LetterEdit& edit,
                                                     const std::optional<std::string>& payload) {
  if (edit.payload) return {edit.payload, {}};
  if (!edit.merge_patch) return {{}, {}};
  if (!payload) return {{}, "it has no payload that a patch could change"};
  if (const auto fault = find_json_fault(*payload)) {
    return {{}, fault_text("its payload", *fault)};
  }
  return {merge_patch(*payload, *edit.merge_patch), {}};
}

std::vector<broker::IncomingHeader> headers_of(const std::string& json) {
  std::vector<broker::IncomingHeader> headers;
  for (JsonWalk walk(trim_json(json)); walk.next();) {
    broker::IncomingHeader header{decode_json_string(walk.name()), std::string(walk.value())};
    const JsonType type = json_type(walk.value());
    if (type == JsonType::null) header.value.reset();
    if (type == JsonType::string) {
      header.value = decode_json_string(walk.value().substr(1, walk.value().size() - 2));
    }
    headers.push_back(std::move(header));
  }
  return headers;
}

// A patch or a payload reads what stands there; the others leave it unread.
bool changes_payload(const LetterEdit& edit) {
  return edit.payload || edit.merge_patch;
}

/// Size and digest; of what was not read whole there is no digest.
void add_payload_facts(Json& json, const std::optional<std::string>& payload,
                       std::int64_t whole_bytes) {
  const bool is_whole = !payload || static_cast<std::int64_t>(payload->size()) == whole_bytes;
  json["payload_bytes"] = payload ? Json(whole_bytes) : Json();
  json["payload_sha256"] = payload && is_whole ? Json(sha256_hex(*payload)) : Json();
}

void add_payload_before(Json& json, const std::optional<std::string>& payload,
                        std::int64_t whole_bytes) {
  if (payload) {
    PayloadPart part{payload->substr(0, before_bytes_max), false,
                     payload->size() > before_bytes_max};
    add_payload(json, part);
    json["payload_truncated"] = part.is_cut;
  } else {
    json["payload"] = nullptr;
  }
  add_payload_facts(json, payload, whole_bytes);
}

Json headers_json(const broker::IncomingMessage& message) {
  Json headers = Json::object();
  for (const broker::IncomingHeader& header : message.headers) {
    if (is_reserved(header.name)) continue;
    headers[clean_utf8(header.name)] =
        text_or_null(header.value.value_or("").substr(0, audit_text_max));
  }
  return headers;
}

Json cut_text(const std::optional<std::string>& text) {
  return text ? text_json(text->substr(0, audit_text_max)) : Json();
}

}  // namespace

void check_edit(const LetterEdit& edit) {
  if (edit.merge_patch && edit.payload) {
    throw bad_edit("it has both merge_patch and payload", "give one of them");
  }
  if (edit.merge_patch) {
    if (const auto fault = find_json_fault(*edit.merge_patch)) {
      throw bad_edit(fault_text("merge_patch", *fault), "RFC 7396 says what it looks like");
    }
    if (json_type(trim_json(*edit.merge_patch)) != JsonType::object) {
      throw bad_edit("merge_patch is no object", "give the whole payload as `payload`");
    }
  }
  if (edit.topic) {
    if (const auto fault = topic_fault(*edit.topic); !fault.empty()) {
      throw bad_edit(fmt::format("topic '{}' {}", clean_utf8(edit.topic->substr(0, 100)), fault),
                     "name a topic that Kafka takes");
    }
  }
  if (!edit.headers_json) return;
  if (const auto fault = find_json_fault(*edit.headers_json)) {
    throw bad_edit(fault_text("headers", *fault), "give an object of texts");
  }
  const std::string_view headers = trim_json(*edit.headers_json);
  if (json_type(headers) != JsonType::object) {
    throw bad_edit("headers is no object", "give an object of texts");
  }
  const std::vector<broker::IncomingHeader> read = headers_of(std::string(headers));
  if (read.size() > headers_max) throw bad_edit("there are over 100 headers", "give fewer");
  for (const broker::IncomingHeader& header : read) {
    if (header.name.empty()) throw bad_edit("a header has no name", "name it");
    if (is_reserved(header.name)) {
      throw bad_edit(fmt::format("header '{}' tells what the event is", header.name),
                     "only the event's own headers can be changed");
    }
  }
}

EditOutcome<store::RowEdit> edit_row(const LetterEdit& edit, const store::EventView& row) {
  EditOutcome<store::RowEdit> outcome;
  const bool is_cut =
      row.payload && static_cast<std::int64_t>(row.payload->size()) < row.payload_bytes;
  if (edit.merge_patch && is_cut) {
    outcome.fault =
        fmt::format("its payload of {} bytes is too large for a patch", row.payload_bytes);
    return outcome;
  }
  auto payload = edit_payload(edit, row.payload);
  outcome.fault = std::move(payload.fault);
  if (payload.edited && row.payload_kind == PayloadKind::json) {
    if (const auto fault = find_json_fault(*payload.edited)) {
      outcome.fault = fault_text("the new payload", *fault);
    }
  }
  if (payload.edited && row.payload_kind == PayloadKind::text) {
    if (const auto fault = find_utf8_fault(*payload.edited)) {
      outcome.fault = fmt::format("the new payload is no text: {}", fault->what);
    }
  }
  outcome.edited = {std::move(payload.edited), edit.topic, edit.headers_json};
  return outcome;
}

EditOutcome<broker::IncomingMessage> edit_message(const LetterEdit& edit,
                                                  const broker::IncomingMessage& message) {
  EditOutcome<broker::IncomingMessage> outcome;
  auto payload = edit_payload(edit, message.value);
  outcome.fault = std::move(payload.fault);
  if (!outcome.fault.empty()) return outcome;
  outcome.edited = message;
  if (payload.edited) outcome.edited.value = std::move(payload.edited);
  std::vector<broker::IncomingHeader>& headers = outcome.edited.headers;
  if (edit.topic) {
    std::erase_if(headers, [](const auto& one) { return one.name == "dead_letter_topic"; });
    headers.push_back({"dead_letter_topic", *edit.topic});
  }
  if (edit.headers_json) {
    std::erase_if(headers, [](const auto& one) { return !is_reserved(one.name); });
    for (broker::IncomingHeader& header : headers_of(*edit.headers_json))
      headers.push_back(std::move(header));
  }
  return outcome;
}

Json change_json(const LetterEdit& edit, const store::EventView& before,
                 const store::RowEdit& after) {
  Json was = Json::object();
  Json is = Json::object();
  if (changes_payload(edit)) {
    add_payload_before(was, before.payload, before.payload_bytes);
    add_payload_facts(is, after.payload,
                      static_cast<std::int64_t>(after.payload.value_or("").size()));
  }
  was["topic"] = text_or_null(before.topic);
  is["topic"] = text_or_null(after.topic.value_or(before.topic));
  const std::string& headers = before.headers_json;
  was["headers"] = text_or_null(headers.substr(0, before_bytes_max));
  if (!headers.empty()) was["headers_sha256"] = sha256_hex(headers);
  const std::string& new_headers = after.headers_json ? *after.headers_json : headers;
  if (!new_headers.empty()) is["headers_sha256"] = sha256_hex(new_headers);
  return {{"edit", edit_json(edit)}, {"before", std::move(was)}, {"after", std::move(is)}};
}

Json change_json(const LetterEdit& edit, const broker::IncomingMessage& before,
                 const broker::IncomingMessage& after) {
  const auto bytes = [](const broker::IncomingMessage& message) {
    return static_cast<std::int64_t>(message.value.value_or("").size());
  };
  Json was = Json::object();
  Json is = Json::object();
  add_payload_before(was, before.value, bytes(before));
  add_payload_facts(is, after.value, bytes(after));
  was["topic"] = text_or_null(header_text(before, "dead_letter_topic"));
  is["topic"] = text_or_null(edit.topic.value_or(header_text(before, "dead_letter_topic")));
  was["headers"] = headers_json(before);
  return {{"edit", edit_json(edit)}, {"before", std::move(was)}, {"after", std::move(is)}};
}

Json edit_json(const LetterEdit& edit) {
  if (edit.empty()) return {};
  Json json = Json::object();
  if (edit.merge_patch) json["merge_patch"] = cut_text(edit.merge_patch);
  if (edit.payload) json["payload"] = cut_text(edit.payload);
  if (edit.topic) json["topic"] = cut_text(edit.topic);
  if (edit.headers_json) json["headers"] = cut_text(edit.headers_json);
  return json;
}

}  // namespace outbox::admin
