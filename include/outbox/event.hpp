// SPDX-License-Identifier: Apache-2.0
//
// An event as a back end writes it, and how a typed payload becomes bytes and back.
//
//     outbox::Event event;
//     event.event_type = "ORDER_PAID";
//     event.aggregate_type = "order";
//     event.aggregate_id = "4711";
//     outbox::set_payload(event, OrderPaid{...});  // with <outbox/json.hpp>
//     outbox::publish(connection, event);          // the handles: <outbox/publish.hpp>
//
// Thread-safety: all of these are values.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <outbox/uuid.hpp>

namespace outbox {

/// A header of the message, beside those that the relay adds itself (`event_id`, `event_type`, …,
/// whose names are refused here).
struct Header {
  std::string name;   ///< One or more characters, UTF-8.
  std::string value;  ///< UTF-8 without zero bytes, at most 16 KiB.
};

/// The bytes of a payload and what they are.
struct Payload {
  std::optional<std::string> bytes;  ///< None: NULL, a tombstone where the envelope has such.
  std::string content_type;          ///< Empty: JSON.
};

/// JSON as it stands: it is checked when the event is published, and never written again.
[[nodiscard]] inline Payload json_payload(std::string text) {
  return {.bytes = std::move(text), .content_type = {}};
}

/// Bytes of any other kind, zero bytes too; `content_type` says which: `application/x-protobuf`.
[[nodiscard]] inline Payload bytes_payload(std::string bytes, std::string content_type) {
  return {.bytes = std::move(bytes), .content_type = std::move(content_type)};
}
[[nodiscard]] inline Payload bytes_payload(std::span<const std::byte> bytes,
                                           std::string content_type) {
  std::string text(bytes.size(), '\0');
  std::transform(bytes.begin(), bytes.end(), text.begin(),
                 [](std::byte byte) { return static_cast<char>(byte); });
  return {.bytes = std::move(text), .content_type = std::move(content_type)};
}

/// What is to be told. The three names are needed, all else has a default.
struct Event {
  std::string event_type;       ///< What happened: `ORDER_PAID`.
  std::string aggregate_type;   ///< To what kind of thing: `order`.
  std::string aggregate_id;     ///< To which one. Events of one key keep their order.
  Payload payload;              ///< Forgotten: NULL, a tombstone. JSON is checked, not parsed.
  std::string key;              ///< Order is kept by it; empty: aggregate_id.
  std::string topic;            ///< Empty: the relay's routes choose.
  std::vector<Header> headers;  ///< In their order.
  Uuid event_id;                ///< The event's identity for ever; nil: one is made.
};

/// How a type becomes a payload and is read back, the same on both sides. `<outbox/json.hpp>` has
/// it for every type that nlohmann-json converts; specialise it for a format of your own:
///
///     template <> struct outbox::Serializer<OrderPaid> {
///       static outbox::Payload write(const OrderPaid& value);
///       static OrderPaid read(std::string_view bytes, std::string_view content_type);
///     };
///
/// `read` throws what derives from std::exception where the bytes are not such a value; a consumer
/// takes that as the event's failure.
template <class T, class Enable = void>
struct Serializer;

template <class T>
void set_payload(Event& event, const T& value) {
  event.payload = Serializer<T>::write(value);
}

}  // namespace outbox
