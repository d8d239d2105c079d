// SPDX-License-Identifier: Apache-2.0
//
// A message of Kafka read as an event, whatever envelope it came in:
//
//   headers        our relay's messages carry event_id and the rest as headers; the value is the
//                  payload, or one of the JSON envelopes below around it
//   standard       B3's JSON object: event_id, event_type, aggregate_type, aggregate_id,
//                  occurred_at, version, payload; also without headers
//   CloudEvents    binary (headers ce_*) or structured (content type application/cloudevents+json);
//                  an id that is no UUID becomes the version 5 UUID of source and id
//   Debezium       its outbox event router's header `id` (a UUID), the payload as the value
#pragma once

#include <forward_list>
#include <optional>
#include <string>

#include <outbox/received_event.hpp>

#include "broker/consumer.hpp"

namespace outbox::consume {

/// Either an event or a fault, which says why the message can never be handled: without an
/// identity it could not be told from its duplicates.
struct EventReading {
  std::optional<ReceivedEvent> event;    ///< Its views point into the message and into `texts`.
  std::string fault;                     ///< Empty where there is an event.
  std::forward_list<std::string> texts;  ///< What stood escaped or encoded in the message.
};

/// The message must stay where it is as long as the event is used.
[[nodiscard]] EventReading read_event(const broker::IncomingMessage& message);

/// What the inbox claims for InboxKey::aggregate_version (E3): the version 5 UUID of event type,
/// aggregate type, aggregate id and version.
[[nodiscard]] Uuid aggregate_version_id(const ReceivedEvent& event);

}  // namespace outbox::consume
