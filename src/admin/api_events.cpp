// SPDX-License-Identifier: Apache-2.0
#include <array>

#include <outbox/error.hpp>

#include "admin/api.hpp"
#include "admin/events.hpp"
#include "admin/trace.hpp"
#include "admin/watch.hpp"

namespace outbox::admin {
namespace {

constexpr std::array store_query = {store_field};
constexpr std::array id_path = {Field{.name = "id", .required = true, .least = 1, .most = 200}};
constexpr std::array reason_body = {reason_field};
constexpr std::array trace_query = {
    Field{.name = "q", .required = true, .least = 1, .most = 1'000},
    store_field,
};
constexpr std::array events_query = {
    store_field,
    Field{.name = "row", .least = 1, .most = 200},
    Field{.name = "event_id", .kind = FieldKind::uuid},
    Field{.name = "aggregate_type", .most = 255},
    Field{.name = "aggregate_id", .most = 1'000},
    Field{.name = "key", .most = 1'000},
    Field{.name = "event_type", .most = 255},
    Field{.name = "topic", .most = 249},
    Field{.name = "state",
          .kind = FieldKind::words,
          .words = "pending|processing|retrying|published|dead"},
    since_field,
    until_field,
    limit_field,
    cursor_field,
};

Reply find(const Call& call) {
  const Input& input = call.input;
  EventsRequest request;
  request.store = input.text("store");
  request.row = input.text("row");
  if (const auto id = input.text("event_id")) request.query.event_id = parse_uuid(*id);
  request.query.aggregate_type = input.text("aggregate_type");
  request.query.aggregate_id = input.text("aggregate_id");
  request.query.key = input.text("key");
  request.query.event_type = input.text("event_type");
  request.query.topic = input.text("topic");
  for (const std::string& word : input.list("state"))
    request.query.states.push_back(event_state_of(word));
  request.query.since_us = input.time_us("since");
  request.query.until_us = input.time_us("until");
  request.query.rows_max = static_cast<std::size_t>(input.integer("limit").value_or(100));
  request.cursor = input.text_or("cursor", "");
  return {.document = find_events(call.services->office, request)};
}

Reply show(const Call& call) {
  return {.document = show_event(call.services->office, call.input.text_or("id", ""),
                                 call.input.text("store"))};
}

EventAction action_of(const Input& input) {
  return {input.text_or("id", ""), input.text("store"), input.text_or("reason", "")};
}

Reply retry(const Call& call) {
  return {.document = retry_event(call.services->office, action_of(call.input), call.actor)};
}

Reply discard(const Call& call) {
  return {.document = discard_event(call.services->office, action_of(call.input), call.actor)};
}

Reply follow_one(const Call& call) {
  return {.document =
              trace(call.services->office, call.input.text_or("q", ""), call.input.text("store"))};
}

constexpr std::array all = {
    Route{.name = "events",
          .method = "GET",
          .path = "/api/v1/events",
          .pace = Pace::slow,
          .query = events_query,
          .handler = find},
    Route{.name = "event",
          .method = "GET",
          .path = "/api/v1/events/{id}",
          .pace = Pace::slow,
          .path_fields = id_path,
          .query = store_query,
          .handler = show},
    Route{.name = "retry_event",
          .method = "POST",
          .path = "/api/v1/events/{id}/retry",
          .role = Role::operate,
          .pace = Pace::slow,
          .path_fields = id_path,
          .query = store_query,
          .body = reason_body,
          .handler = retry},
    Route{.name = "discard_event",
          .method = "POST",
          .path = "/api/v1/events/{id}/discard",
          .role = Role::operate,
          .pace = Pace::slow,
          .path_fields = id_path,
          .query = store_query,
          .body = reason_body,
          .handler = discard},
    Route{.name = "trace",
          .method = "GET",
          .path = "/api/v1/trace",
          .pace = Pace::slow,
          .query = trace_query,
          .handler = follow_one},
};

}  // namespace

std::span<const Route> event_routes() {
  return all;
}

}  // namespace outbox::admin
