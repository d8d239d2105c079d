// SPDX-License-Identifier: Apache-2.0
#include "publish/check.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include <outbox/error.hpp>

#include <fmt/format.h>

#include "core/json_text.hpp"
#include "core/pattern.hpp"
#include "core/topic_name.hpp"
#include "core/uuids.hpp"

namespace outbox::publishing {
namespace {

// The relay's own limits (relay/prepare.hpp): what passes here is no dead letter there.
constexpr std::size_t headers_max = 100;
constexpr std::size_t header_name_bytes_max = 255;
constexpr std::size_t header_value_bytes_max = 16U << 10U;
// What may go along with a payload of the largest size: Kafka's own default for a message leaves
// 48 KiB beside ours for a payload, and the relay adds some of its own.
constexpr std::size_t companions_free_bytes = 16U << 10U;

constexpr std::array<std::string_view, 9> reserved_headers = {
    "event_id", "event_type", "aggregate_type", "aggregate_id", "occurred_at",
    "row_id",   "outbox_id",  "lease_epoch",    "replay"};

[[noreturn]] void refuse(std::string_view what, std::string_view remedy) {
  throw Error(ErrorKind::usage, fmt::format("publish: {}", what), std::string(remedy));
}

// Names come from the program, but some from what it was sent: none may fill a log.
std::string shown(std::string_view text) {
  constexpr std::size_t shown_max = 60;
  if (text.size() <= shown_max) return std::string(text);
  return std::string(text.substr(0, shown_max)) + "…";
}

void check_text(std::string_view what, std::string_view text) {
  if (const auto fault = find_utf8_fault(text)) {
    refuse(fmt::format("{} is not UTF-8 at byte {}", what, fault->offset), "convert it");
  }
  const std::size_t zero = text.find('\0');
  if (zero != std::string_view::npos) {
    refuse(
        fmt::format("{} has a zero byte at byte {}, which no database takes in a text", what, zero),
        "leave it out");
  }
}

void check_name(std::string_view field, std::string_view text) {
  if (text.empty()) refuse(fmt::format("{} is missing", field), "every event needs it");
  check_text(field, text);
  if (text.size() <= header_value_bytes_max) return;
  refuse(fmt::format("{} has {} bytes, and it becomes a header, which takes {}", field, text.size(),
                     header_value_bytes_max),
         "shorten it");
}

bool equal_letters(std::string_view text, std::string_view lower) {
  return std::equal(text.begin(), text.end(), lower.begin(), lower.end(), [](char one, char two) {
    return (one >= 'A' && one <= 'Z' ? static_cast<char>(one - 'A' + 'a') : one) == two;
  });
}

bool is_json_type(std::string_view content_type) {
  if (content_type.empty()) return true;
  std::string_view media = content_type.substr(0, content_type.find(';'));
  while (media.ends_with(' '))
    media.remove_suffix(1);
  constexpr std::string_view suffix = "+json";
  return equal_letters(media, "application/json") || equal_letters(media, "text/json") ||
         (media.size() > suffix.size() &&
          equal_letters(media.substr(media.size() - suffix.size()), suffix));
}

void check_content_type(const std::string& content_type) {
  const bool plain = std::all_of(content_type.begin(), content_type.end(),
                                 [](char c) { return c >= ' ' && c <= '~'; });
  if (!plain || content_type.size() > header_value_bytes_max) {
    refuse("content_type is no media type", "name one, such as application/x-protobuf");
  }
}

// The route that the event takes; null where the author gave none at all.
const PublishRoute* find_route(const Event& event, const PublishOptions& options) {
  if (options.routes.empty()) return nullptr;
  const auto route =
      std::find_if(options.routes.begin(), options.routes.end(), [&](const PublishRoute& one) {
        return event.topic.empty() ? matches_pattern(one.event_type, event.event_type)
                                   : one.topic == event.topic;
      });
  if (route != options.routes.end()) return &*route;
  if (!event.topic.empty()) {
    refuse(fmt::format("no route leads to the topic '{}'", shown(event.topic)),
           "correct it, or add it to PublishOptions::routes");
  }
  refuse(fmt::format("no route takes events of type '{}'", shown(event.event_type)),
         "correct it, name a topic, or add it to PublishOptions::routes and to relay.routes");
}

// Names and the key may come a second time, in an envelope.
std::size_t companions_bytes(const Event& event) {
  const std::string& key = event.key.empty() ? event.aggregate_id : event.key;
  std::size_t bytes = 2 * (event.event_type.size() + event.aggregate_type.size() +
                           event.aggregate_id.size() + key.size()) +
                      event.payload.content_type.size();
  for (const Header& header : event.headers)
    bytes += header.name.size() + header.value.size();
  return bytes;
}

void check_size(const Event& event, const PublishRoute* route, const PublishOptions& options) {
  const bool by_route = route != nullptr && route->payload_bytes_max > 0;
  const std::size_t allowed = by_route ? route->payload_bytes_max : options.payload_bytes_max;
  const std::size_t size = event.payload.bytes ? event.payload.bytes->size() : 0;
  const std::size_t along = companions_bytes(event);
  const std::size_t counted = along - std::min(along, companions_free_bytes);
  if (size + counted <= allowed) return;
  const std::string where =
      by_route ? fmt::format(" in the topic '{}'", shown(route->topic)) : std::string();
  const std::string beside =
      counted == 0 ? std::string()
                   : fmt::format(", its key, names and headers {} (above {} they count with it)",
                                 along, companions_free_bytes);
  refuse(
      fmt::format("the payload has {} bytes{}, and {} are allowed{}", size, beside, allowed, where),
      fmt::format("store what is large elsewhere and send where, or raise {}::payload_bytes_max "
                  "and the topic's max.message.bytes",
                  by_route ? "PublishRoute" : "PublishOptions"));
}

void check_payload(const Payload& payload) {
  check_content_type(payload.content_type);
  if (!payload.bytes) return;
  if (!is_json_type(payload.content_type)) return;
  if (const auto fault = find_json_fault(*payload.bytes)) {
    refuse(fmt::format("the payload is no JSON at byte {}: {}", fault->offset, fault->what),
           "correct it, or name what it is in content_type");
  }
}

void check_header(const Header& header) {
  if (header.name.empty()) refuse("a header has no name", "name it");
  check_text("a header's name", header.name);
  const std::string name = shown(header.name);
  if (header.name.size() > header_name_bytes_max) {
    refuse(fmt::format("the name of header {} has {} bytes, and {} are allowed", name,
                       header.name.size(), header_name_bytes_max),
           "shorten it");
  }
  if (std::find(reserved_headers.begin(), reserved_headers.end(), header.name) !=
      reserved_headers.end()) {
    refuse(fmt::format("the header {} is one that the relay sets itself", name), "rename yours");
  }
  check_text(fmt::format("header {}", name), header.value);
  if (header.value.size() > header_value_bytes_max) {
    refuse(fmt::format("header {} has {} bytes, and {} are allowed", name, header.value.size(),
                       header_value_bytes_max),
           "shorten it");
  }
}

std::string json_of(const std::vector<Header>& headers) {
  std::string json;
  if (headers.size() > headers_max) {
    refuse(fmt::format("the event has {} headers, and {} are allowed", headers.size(), headers_max),
           "give fewer");
  }
  for (const Header& header : headers) {
    check_header(header);
    json += json.empty() ? '{' : ',';
    append_json_string(json, header.name);
    json += ':';
    append_json_string(json, header.value);
  }
  if (!json.empty()) json += '}';
  return json;
}

void check_topic(const std::string& topic) {
  if (topic.empty()) return;
  const std::string_view fault = topic_fault(topic);
  if (fault.empty()) return;
  refuse(fmt::format("the topic '{}' {}", shown(topic), fault),
         "correct it, or leave it empty for the relay's routes");
}

std::optional<std::string_view> unless_empty(const std::string& text) {
  if (text.empty()) return std::nullopt;
  return text;
}

}  // namespace

CheckedEvent::CheckedEvent(const Event& event, const PublishOptions& options, const Uuid& id)
    : event_(&event), id_(event.event_id.is_nil() ? id : event.event_id) {
  check_name("event_type", event.event_type);
  check_name("aggregate_type", event.aggregate_type);
  check_name("aggregate_id", event.aggregate_id);
  check_text("key", event.key);
  check_topic(event.topic);
  check_size(event, find_route(event, options), options);
  check_payload(event.payload);
  headers_json_ = json_of(event.headers);
  id_text_ = to_string(id_);
}

EventFields CheckedEvent::fields() const {
  std::optional<std::string_view> payload;
  std::optional<std::string_view> payload_bytes;
  if (event_->payload.bytes) {
    const bool is_json = is_json_type(event_->payload.content_type);
    (is_json ? payload : payload_bytes) = *event_->payload.bytes;
  }
  return {.event_id = id_text_,
          .aggregate_type = event_->aggregate_type,
          .aggregate_id = event_->aggregate_id,
          .event_type = event_->event_type,
          .key = unless_empty(event_->key),
          .payload = payload,
          .payload_bytes = payload_bytes,
          .content_type = unless_empty(event_->payload.content_type),
          .topic = unless_empty(event_->topic),
          .headers_json = unless_empty(headers_json_)};
}

std::vector<CheckedEvent> check(std::span<const Event> events, const PublishOptions& options) {
  std::vector<CheckedEvent> checked;
  checked.reserve(events.size());
  const std::vector<Uuid> ids = random_uuids(events.size());
  for (const Event& event : events) {
    try {
      checked.emplace_back(event, options, ids[checked.size()]);
    } catch (const Error& error) {
      if (events.size() == 1) throw;
      throw Error(error.kind(), fmt::format("event {} of {}: {}", checked.size() + 1, events.size(),
                                            error.what()));
    }
  }
  return checked;
}

void refuse_outside_transaction(std::string_view remedy) {
  refuse("no transaction is open on the connection",
         fmt::format("{} before the change and its event, or set "
                     "PublishOptions::require_transaction to false where the event is the whole "
                     "change",
                     remedy));
}

std::vector<EventFields> fields_of(std::span<const CheckedEvent> events) {
  std::vector<EventFields> fields;
  fields.reserve(events.size());
  for (const CheckedEvent& event : events)
    fields.push_back(event.fields());
  return fields;
}

std::vector<Uuid> ids_of(std::span<const CheckedEvent> events) {
  std::vector<Uuid> ids;
  ids.reserve(events.size());
  for (const CheckedEvent& event : events)
    ids.push_back(event.id());
  return ids;
}

std::string quoted_table(const PublishOptions& options, char quote) {
  const char forbidden[] = {quote, '\0'};
  std::string sql;
  std::size_t parts = 0;
  for (std::string_view rest = options.table; parts < 3; ++parts) {
    const std::size_t point = rest.find('.');
    const std::string_view part = rest.substr(0, point);
    const bool is_plain =
        !part.empty() && part.find_first_of(std::string_view(forbidden, 2)) == part.npos;
    if (!is_plain || parts == 2) {
      refuse(fmt::format("PublishOptions::table '{}' is no table's name", shown(options.table)),
             "write outbox_events or billing.outbox_events, without quotes");
    }
    if (!sql.empty()) sql += '.';
    sql += fmt::format("{0}{1}{0}", quote, part);
    if (point == std::string_view::npos) break;
    rest.remove_prefix(point + 1);
  }
  return sql;
}

}  // namespace outbox::publishing
