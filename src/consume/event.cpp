// SPDX-License-Identifier: Apache-2.0
#include "consume/event.hpp"

#include <fmt/format.h>

namespace outbox::consume {

std::optional<std::string_view> header_of(const broker::IncomingMessage& message,
                                          std::string_view name) {
  for (const broker::IncomingHeader& header : message.headers) {
    if (header.name == name) return header.value;
  }
  return std::nullopt;
}

EventReading read_event(const broker::IncomingMessage& message) {
  const auto id = header_of(message, "event_id");
  if (!id) return {std::nullopt, "the message has no header event_id"};
  const auto uuid = parse_uuid(*id);
  if (!uuid || uuid->is_nil()) {
    return {std::nullopt, fmt::format("the header event_id '{:.60}' is no UUID", *id)};
  }
  const auto text = [&](std::string_view name) { return header_of(message, name).value_or(""); };
  Event event;
  event.event_id = *uuid;
  event.event_type = text("event_type");
  event.aggregate_type = text("aggregate_type");
  event.aggregate_id = text("aggregate_id");
  event.occurred_at = text("occurred_at");
  event.replay = header_of(message, "replay").has_value();
  event.message = &message;
  return {event, {}};
}

}  // namespace outbox::consume
