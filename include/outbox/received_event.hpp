// SPDX-License-Identifier: Apache-2.0
//
// An event as a consumer's handler gets it: out of its envelope, with where it came from.
//
// Lifetime: all views live as long as the handler's call. Thread-safety: read-only.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <outbox/error.hpp>
#include <outbox/event.hpp>
#include <outbox/uuid.hpp>

namespace outbox {

/// A header of a message. Its bytes are as they came.
struct ReceivedHeader {
  std::string name;                  ///< Never empty.
  std::optional<std::string> value;  ///< None: null.
};

/// An event as it arrived. Its views live as long as the call that it was given to.
struct ReceivedEvent {
  Uuid event_id;                            ///< What it is known by, however often it arrives.
  std::string_view event_type;              ///< What happened.
  std::string_view aggregate_type;          ///< To what kind of thing.
  std::string_view aggregate_id;            ///< To which one.
  std::string_view occurred_at;             ///< RFC 3339, by the writer's database; may be empty.
  bool has_version = false;                 ///< The writer said one.
  std::int64_t version = 1;                 ///< Of the aggregate, where the writer counts it.
  bool replay = false;                      ///< Sent again on purpose.
  std::optional<std::string_view> payload;  ///< None: NULL.
  std::string_view content_type;            ///< Empty: JSON.
  std::optional<std::string_view> key;      ///< Order is kept by it; none: null.
  std::string_view topic;                   ///< Where it stands, with the next two.
  int partition = 0;                        ///< From 0 on.
  std::int64_t offset = 0;                  ///< From 0 on.
  std::int64_t timestamp_ms = 0;            ///< Kafka's, since 1970 UTC; 0: none.
  int attempt = 1;                          ///< 1 at first, counted up with each retry.
  std::span<const ReceivedHeader> headers;  ///< All, in their order.

  /// The first header of that name; none where there is none or its value is null.
  [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const {
    for (const ReceivedHeader& entry : headers) {
      if (entry.name == name) return entry.value;
    }
    return std::nullopt;
  }

  /// Throws what Serializer<T> throws, and Error(failed) where the payload is NULL.
  template <class T>
  [[nodiscard]] T payload_as() const {
    if (!payload) throw Error(ErrorKind::failed, "the event has no payload");
    return Serializer<T>::read(*payload, content_type);
  }
};

}  // namespace outbox
