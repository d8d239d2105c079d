// SPDX-License-Identifier: Apache-2.0
#include "admin/events.hpp"

#include <fmt/format.h>

#include <outbox/uuid.hpp>

#include "admin/trace.hpp"
#include "app/commands.hpp"
#include "app/operating.hpp"
#include "app/show.hpp"
#include "app/show_values.hpp"

namespace outbox::app {
namespace {

admin::EventsRequest request_of(const Arguments& arguments) {
  admin::EventsRequest request;
  request.store = arguments.value("store");
  request.row = arguments.value("row");
  request.cursor = arguments.value("cursor").value_or("");
  store::EventQuery& query = request.query;
  if (const auto text = arguments.value("event-id")) {
    query.event_id = parse_uuid(*text);
    if (!query.event_id) {
      throw Error(ErrorKind::usage, fmt::format("--event-id '{}' is no UUID", *text),
                  "a row's id goes with --row");
    }
  }
  query.aggregate_type = arguments.value("aggregate-type");
  query.aggregate_id = arguments.value("aggregate-id");
  query.key = arguments.value("key");
  query.event_type = arguments.value("event-type");
  query.topic = arguments.value("topic");
  for (const std::string& word : listed_values(arguments, "state"))
    query.states.push_back(admin::event_state_of(word));
  query.since_us = time_option(arguments, "since");
  query.until_us = time_option(arguments, "until");
  query.rows_max = page_limit(arguments);
  return request;
}

int trace_event(Operation& operation) {
  const Arguments& arguments = operation.arguments();
  const std::string& text = arguments.words.at(1);
  const admin::Json trace = admin::trace(operation.office(), text, arguments.value("store"));
  const bool found = !list_of(trace, "events").empty();
  if (!found && !operation.json()) {
    throw Error(ErrorKind::not_found,
                fmt::format("no event has the id, aggregate or key '{}'", text),
                "without outbox.lookup-indexes only the latest rows are looked at; cleaned-up rows "
                "are gone");
  }
  operation.print(trace, show_trace(trace, operation.look()));
  if (!found) return exit_code(ErrorKind::not_found);
  return list_of(trace, "errors").empty() ? 0 : exit_partial;
}

int change_event(Operation& operation, bool discard) {
  const Arguments& arguments = operation.arguments();
  const admin::EventAction action{arguments.words.at(1), arguments.value("store"),
                                  reason_of(arguments)};
  const admin::Actor actor = actor_of(arguments);
  const admin::Json event = discard ? admin::discard_event(operation.office(), action, actor)
                                    : admin::retry_event(operation.office(), action, actor);
  operation.print(event, fmt::format("event {} (row {}) {}\n", text_or_dash(event, "event_id"),
                                     text_or_dash(event, "row"),
                                     discard ? "is discarded; outboxd_discarded keeps it"
                                             : "is pending again"));
  return 0;
}

}  // namespace

int command_events(const Arguments& arguments) {
  const std::string_view action = arguments.action->name;
  if (action == "discard") static_cast<void>(required_reason(arguments));
  const std::optional<admin::EventsRequest> request =
      action == "list" ? std::optional(request_of(arguments)) : std::nullopt;
  Operation operation(arguments);
  if (action == "trace") return trace_event(operation);
  if (action == "retry" || action == "discard") return change_event(operation, action == "discard");
  if (action == "show") {
    const admin::Json event =
        admin::show_event(operation.office(), arguments.words.at(1), arguments.value("store"));
    operation.print(event, show_event(event, operation.look()));
    return 0;
  }
  const admin::Json page = admin::find_events(operation.office(), *request);
  return operation.print_page(page, show_events(page, operation.look()), "event");
}

}  // namespace outbox::app
