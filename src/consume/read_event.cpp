// SPDX-License-Identifier: Apache-2.0
#include "consume/read_event.hpp"

#include <fmt/format.h>

#include <charconv>
#include <string_view>

#include "core/base64.hpp"
#include "core/json_text.hpp"

namespace outbox::consume {

namespace {

using Text = std::optional<std::string_view>;

// Of the namespaces of RFC 9562 none fits: a fixed random one of ours each.
constexpr Uuid cloudevents_space{{0x5d, 0x0f, 0x2b, 0x6e, 0x31, 0x7c, 0x4a, 0x90, 0x9b, 0x1e, 0xc4,
                                  0x53, 0x77, 0x18, 0xe2, 0xa6}};
constexpr Uuid version_space{{0xe3, 0x41, 0x9c, 0x07, 0x6a, 0x25, 0x4d, 0xf8, 0x8f, 0x60, 0x1b,
                              0x92, 0xd5, 0x3a, 0xc8, 0x74}};

class Reading {
 public:
  explicit Reading(const broker::IncomingMessage& message) : message_(message) {
    event_.topic = message.topic;
    event_.partition = message.partition;
    event_.offset = message.offset;
    event_.timestamp_ms = message.timestamp_ms;
    if (message.key) event_.key = *message.key;
    event_.headers = message.headers;
  }

  EventReading finish() && {
    if (result_.fault.empty()) read();
    if (result_.fault.empty()) result_.event = event_;
    return std::move(result_);
  }

 private:
  [[nodiscard]] Text header(std::string_view name) const { return event_.header(name); }
  [[nodiscard]] std::string_view header_or_empty(std::string_view name) const {
    return header(name).value_or("");
  }

  void fault(std::string text) { result_.fault = std::move(text); }

  void read() {
    event_.content_type = header_or_empty("content-type");
    if (message_.value) event_.payload = *message_.value;
    event_.replay = header("replay").has_value();
    read_version(header_or_empty("event_version"));
    if (header("event_id")) {
      take_names("event_type", "aggregate_type", "aggregate_id", "occurred_at");
      take_id(*header("event_id"), "the header event_id");
      unwrap_if_ours();
    } else if (header("ce_specversion")) {
      take_names("ce_type", "ce_aggregatetype", "ce_subject", "ce_time");
      take_cloudevents_id(header_or_empty("ce_source"), header_or_empty("ce_id"));
    } else if (header("id") && parse_uuid(*header("id"))) {
      take_names("eventType", "aggregateType", "aggregateId", "occurredAt");
      if (event_.aggregate_id.empty() && event_.key) event_.aggregate_id = *event_.key;
      take_id(*header("id"), "the header id");
    } else {
      read_bare_json();
    }
  }

  void take_names(std::string_view type, std::string_view aggregate, std::string_view id,
                  std::string_view time) {
    event_.event_type = header_or_empty(type);
    event_.aggregate_type = header_or_empty(aggregate);
    event_.aggregate_id = header_or_empty(id);
    event_.occurred_at = header_or_empty(time);
  }

  void take_id(std::string_view text, const char* where) {
    const auto uuid = parse_uuid(text);
    if (uuid && !uuid->is_nil()) {
      event_.event_id = *uuid;
    } else {
      fault(fmt::format("{} '{:.60}' is no UUID", where, text));
    }
  }

  void take_cloudevents_id(std::string_view source, std::string_view id) {
    if (id.empty()) {
      fault("the CloudEvent has no id");
    } else if (const auto uuid = parse_uuid(id); uuid && !uuid->is_nil()) {
      event_.event_id = *uuid;
    } else {
      event_.event_id = named_uuid(cloudevents_space, fmt::format("{}\n{}", source, id));
    }
  }

  void read_version(std::string_view text) {
    std::int64_t version = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), version);
    if (error != std::errc() || end != text.data() + text.size()) return;
    event_.version = version;
    event_.has_version = true;
  }

  // A message with our headers: its value may be one of the relay's JSON envelopes, which is known
  // by saying the same id again.
  void unwrap_if_ours() {
    if (!message_.value || !result_.fault.empty()) return;
    const bool structured = event_.content_type.starts_with("application/cloudevents+json");
    const std::string_view head = std::string_view(*message_.value).substr(0, 256);
    if (!structured && head.find("\"event_id\"") == std::string_view::npos) return;
    if (find_json_fault(*message_.value)) return;
    const std::string_view object = trim_json(*message_.value);
    if (json_type(object) != JsonType::object) return;
    if (structured) {
      take_data(object);
    } else {
      take_standard(object, event_.event_id);
    }
  }

  void read_bare_json() {
    if (!message_.value) {
      fault("the message has neither headers of an event nor a value");
      return;
    }
    if (const auto found = find_json_fault(*message_.value)) {
      fault(
          fmt::format("the message is no event: no header event_id, and its value is no JSON "
                      "(byte {}: {})",
                      found->offset, found->what));
      return;
    }
    const std::string_view object = trim_json(*message_.value);
    if (json_type(object) != JsonType::object) {
      fault("the message is no event: no header event_id, and its value is no JSON object");
    } else if (!read_structured(object) && !take_standard(object, std::nullopt)) {
      if (result_.fault.empty()) {
        fault("the message is no event: neither a header nor a field event_id says which");
      }
    }
  }

  // Fields of B3's object. Where an id is given, only an object that has the same one is taken.
  bool take_standard(std::string_view object, std::optional<Uuid> known) {
    Text id;
    Text payload;
    Text names[4];
    Text version;
    for (JsonWalk walk(object); walk.next();) {
      if (walk.name() == "event_id") id = text_of(walk.value());
      if (walk.name() == "payload") payload = walk.value();
      if (walk.name() == "event_type") names[0] = text_of(walk.value());
      if (walk.name() == "aggregate_type") names[1] = text_of(walk.value());
      if (walk.name() == "aggregate_id") names[2] = text_of(walk.value());
      if (walk.name() == "occurred_at") names[3] = text_of(walk.value());
      if (walk.name() == "version") version = text_of(walk.value());
    }
    if (!id) return false;
    if (known && (parse_uuid(*id) != known || !payload)) return false;
    if (!known) take_id(*id, "the field event_id");
    event_.event_type = names[0].value_or(event_.event_type);
    event_.aggregate_type = names[1].value_or(event_.aggregate_type);
    event_.aggregate_id = names[2].value_or(event_.aggregate_id);
    event_.occurred_at = names[3].value_or(event_.occurred_at);
    // The relay writes 1 there for a table without versions: of its messages the header counts.
    if (!known) read_version(version.value_or(""));
    event_.payload = payload && json_type(*payload) != JsonType::null ? payload : std::nullopt;
    event_.content_type = {};
    return true;
  }

  bool read_structured(std::string_view object) {
    Text version;
    Text id;
    Text source;
    for (JsonWalk walk(object); walk.next();) {
      if (walk.name() == "specversion") version = text_of(walk.value());
      if (walk.name() == "id") id = text_of(walk.value());
      if (walk.name() == "source") source = text_of(walk.value());
      if (walk.name() == "type") event_.event_type = text_of(walk.value());
      if (walk.name() == "aggregatetype") event_.aggregate_type = text_of(walk.value());
      if (walk.name() == "subject") event_.aggregate_id = text_of(walk.value());
      if (walk.name() == "time") event_.occurred_at = text_of(walk.value());
    }
    if (!version || !id) return false;
    take_cloudevents_id(source.value_or(""), *id);
    take_data(object);
    return true;
  }

  void take_data(std::string_view object) {
    event_.payload.reset();
    event_.content_type = {};
    for (JsonWalk walk(object); walk.next();) {
      if (walk.name() == "datacontenttype") event_.content_type = text_of(walk.value());
      if (walk.name() == "data_base64") {
        event_.payload = result_.texts.emplace_front(decode_base64(text_of(walk.value())));
      }
    }
    const bool is_json =
        event_.content_type.empty() || event_.content_type.find("json") != std::string_view::npos;
    for (JsonWalk walk(object); walk.next();) {
      if (walk.name() != "data" || json_type(walk.value()) == JsonType::null) continue;
      // Other text stands there as a JSON string.
      event_.payload = is_json ? walk.value() : text_of(walk.value());
    }
  }

  // What a JSON value says as text: a string without its escapes, anything else as it stands.
  std::string_view text_of(std::string_view value) {
    if (json_type(value) != JsonType::string) return value;
    const std::string_view inside = value.substr(1, value.size() - 2);
    if (inside.find('\\') == std::string_view::npos) return inside;
    return result_.texts.emplace_front(decode_json_string(inside));
  }

  const broker::IncomingMessage& message_;
  ReceivedEvent event_;
  EventReading result_;
};

}  // namespace

EventReading read_event(const broker::IncomingMessage& message) {
  return Reading(message).finish();
}

Uuid aggregate_version_id(const ReceivedEvent& event) {
  return named_uuid(version_space,
                    fmt::format("{}\n{}\n{}\n{}", event.event_type, event.aggregate_type,
                                event.aggregate_id, event.version));
}

}  // namespace outbox::consume
