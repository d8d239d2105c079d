// SPDX-License-Identifier: Apache-2.0
#include "app/event_json.hpp"

#include <charconv>

#include <fmt/format.h>

#include "core/base64.hpp"
#include "core/json_text.hpp"

namespace outbox::app {
namespace {

// Keys and headers are bytes; a line of JSON is text.
void append_text(std::string& out, std::string_view text) {
  std::string mended(text);
  while (const auto fault = find_utf8_fault(mended))
    mended[fault->offset] = '?';
  append_json_string(out, mended);
}

void append_field(std::string& out, const char* name, std::string_view text) {
  out += fmt::format(",\"{}\":", name);
  append_text(out, text);
}

void append_payload(std::string& out, const ReceivedEvent& event) {
  if (!event.payload) {
    out += ",\"payload\":null";
  } else if (!find_json_fault(*event.payload)) {
    out += ",\"payload\":";
    // Line ends in JSON stand between values only, never inside of a string.
    for (const char c : trim_json(*event.payload))
      out += c == '\n' || c == '\r' ? ' ' : c;
  } else if (!find_utf8_fault(*event.payload)) {
    out += ",\"payload\":";
    append_json_string(out, *event.payload);
  } else {
    out += ",\"payload_base64\":\"";
    append_base64(out, *event.payload);
    out += '"';
  }
}

std::optional<std::string_view> member_of(std::string_view object, const std::string& name) {
  std::optional<std::string_view> found;
  for (JsonWalk walk(object); walk.next();) {
    const bool is_plain = walk.name().find('\\') == std::string_view::npos;
    // Where a name stands twice the last one counts, as it does nearly everywhere.
    if (is_plain ? walk.name() == name : decode_json_string(walk.name()) == name) {
      found = walk.value();
    }
  }
  return found;
}

std::optional<std::string_view> element_of(std::string_view array, const std::string& number) {
  std::size_t wanted = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), wanted);
  if (error != std::errc{} || end != number.data() + number.size()) return std::nullopt;
  for (JsonWalk walk(array); walk.next();) {
    if (wanted-- == 0) return walk.value();
  }
  return std::nullopt;
}

}  // namespace

void append_event_json(std::string& out, const ReceivedEvent& event) {
  out += fmt::format("{{\"event_id\":\"{}\"", to_string(event.event_id));
  append_field(out, "event_type", event.event_type);
  append_field(out, "aggregate_type", event.aggregate_type);
  append_field(out, "aggregate_id", event.aggregate_id);
  append_field(out, "occurred_at", event.occurred_at);
  out += fmt::format(",\"version\":{},\"replay\":{}", event.version, event.replay);
  append_field(out, "topic", event.topic);
  out += fmt::format(",\"partition\":{},\"offset\":{},\"attempt\":{}", event.partition,
                     event.offset, event.attempt);
  if (event.key) append_field(out, "key", *event.key);
  if (!event.content_type.empty()) append_field(out, "content_type", event.content_type);
  append_payload(out, event);
  out += '}';
}

std::optional<std::string_view> json_at(std::string_view json, std::span<const std::string> path) {
  std::optional<std::string_view> value = trim_json(json);
  for (const std::string& part : path) {
    const JsonType type = json_type(*value);
    if (type == JsonType::object) {
      value = member_of(*value, part);
    } else if (type == JsonType::array) {
      value = element_of(*value, part);
    } else {
      return std::nullopt;
    }
    if (!value) return std::nullopt;
  }
  return value;
}

}  // namespace outbox::app
