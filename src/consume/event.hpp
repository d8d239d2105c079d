// SPDX-License-Identifier: Apache-2.0
//
// An event as a handler sees it: a message of ours, read by the headers that every one of them has.
#pragma once

#include <optional>
#include <outbox/uuid.hpp>
#include <string>
#include <string_view>

#include "broker/consumer.hpp"

namespace outbox::consume {

/// The first header of that name; no value where there is none, or where its value is null.
[[nodiscard]] std::optional<std::string_view> header_of(const broker::IncomingMessage& message,
                                                        std::string_view name);

/// Views and the pointer live as long as the message.
struct Event {
  Uuid event_id;
  std::string_view event_type;
  std::string_view aggregate_type;
  std::string_view aggregate_id;
  std::string_view occurred_at;  ///< RFC 3339, of the writer's database.
  bool replay = false;
  const broker::IncomingMessage* message = nullptr;  ///< Key, value, place, all headers.
};

/// Reads the headers. Where the message has no usable `event_id` it is none of ours, can never be
/// told from its duplicates, and `fault` says what is wrong.
struct EventReading {
  std::optional<Event> event;
  std::string fault;
};
[[nodiscard]] EventReading read_event(const broker::IncomingMessage& message);

}  // namespace outbox::consume
