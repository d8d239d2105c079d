// SPDX-License-Identifier: Apache-2.0
//
// How the shop makes its events: what happened to which thing, and in which topic to tell it.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include <outbox/event.hpp>
#include <outbox/json.hpp>

#include "events.hpp"

namespace shop {

/// The thing that an event is about; events of one keep their order.
struct Aggregate {
  std::string type;
  std::int64_t id = 0;
};

template <class Value>
outbox::Event make_event(std::string event_type, const Aggregate& aggregate, std::string topic,
                         const Value& payload) {
  outbox::Event event;
  event.event_type = std::move(event_type);
  event.aggregate_type = aggregate.type;
  event.aggregate_id = std::to_string(aggregate.id);
  event.topic = std::move(topic);
  outbox::set_payload(event, payload);
  return event;
}

/// The same with the aggregate's version, by which consumers know an event that comes twice (E3).
template <class Value>
outbox::Event make_versioned_event(std::string event_type, const Aggregate& aggregate,
                                   std::string topic, const Value& payload, std::int64_t version) {
  outbox::Event event = make_event(std::move(event_type), aggregate, std::move(topic), payload);
  event.headers.push_back({"event_version", std::to_string(version)});
  return event;
}

}  // namespace shop
