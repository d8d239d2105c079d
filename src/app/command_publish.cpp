// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>

#include "app/commands.hpp"
#include "app/shards.hpp"
#include "app/wire.hpp"
#include "core/json_text.hpp"

namespace outbox::app {

namespace {

constexpr std::size_t events_per_transaction = 1000;

[[noreturn]] void bad_line(std::size_t line, const std::string& what) {
  throw Error(ErrorKind::usage, fmt::format("standard input, line {}: {}", line, what),
              "one JSON object a line, as `outboxd help publish` shows");
}

std::string headers_from_options(const Arguments& arguments) {
  std::string json = "{";
  for (const std::string& header : arguments.values("header")) {
    const std::size_t equals = header.find('=');
    if (equals == std::string::npos || equals == 0) {
      throw Error(ErrorKind::usage, "--header '" + header + "' is not NAME=VALUE");
    }
    if (json.size() > 1) json += ',';
    append_json_string(json, std::string_view(header).substr(0, equals));
    json += ':';
    append_json_string(json, std::string_view(header).substr(equals + 1));
  }
  return json + "}";
}

store::NewEvent event_from_options(const Arguments& arguments) {
  store::NewEvent event;
  event.aggregate_type = arguments.value("aggregate-type").value_or("");
  event.aggregate_id = arguments.value("aggregate-id").value_or("");
  event.event_type = arguments.value("event-type").value_or("");
  event.payload = arguments.value("payload");
  event.key = arguments.value("key");
  event.topic = arguments.value("topic");
  event.event_id = arguments.value("event-id");
  if (!arguments.values("header").empty()) event.headers_json = headers_from_options(arguments);
  return event;
}

/// The text of a field: a JSON string's content, or a number as it stands; null is none.
std::optional<std::string> text_of(std::string_view value, std::size_t line) {
  switch (json_type(value)) {
    case JsonType::null:
      return std::nullopt;
    case JsonType::string:
      return decode_json_string(value.substr(1, value.size() - 2));
    case JsonType::number:
      return std::string(value);
    default:
      bad_line(line, "a field that is no text");
  }
}

void take_field(store::NewEvent& event, std::string_view name, std::string_view value,
                std::size_t line) {
  if (name == "payload") {
    // As it stands, so that no number changes its digits.
    if (json_type(value) != JsonType::null) event.payload = std::string(value);
  } else if (name == "headers") {
    if (json_type(value) != JsonType::null) event.headers_json = std::string(value);
  } else if (name == "aggregate_type") {
    event.aggregate_type = text_of(value, line).value_or("");
  } else if (name == "aggregate_id") {
    event.aggregate_id = text_of(value, line).value_or("");
  } else if (name == "event_type") {
    event.event_type = text_of(value, line).value_or("");
  } else if (name == "key") {
    event.key = text_of(value, line);
  } else if (name == "topic") {
    event.topic = text_of(value, line);
  } else if (name == "event_id") {
    event.event_id = text_of(value, line);
  } else if (name == "content_type") {
    event.content_type = text_of(value, line);
  } else {
    bad_line(line, "field '" + std::string(name) + "' is not known");
  }
}

store::NewEvent event_from_line(std::string_view text, std::size_t number) {
  if (const auto fault = find_json_fault(text)) {
    bad_line(number, fmt::format("no JSON at byte {}: {}", fault->offset, fault->what));
  }
  const std::string_view object = trim_json(text);
  if (json_type(object) != JsonType::object) bad_line(number, "no JSON object");
  store::NewEvent event;
  for (JsonWalk walk(object); walk.next();)
    take_field(event, walk.name(), walk.value(), number);
  return event;
}

/// `separator` is of the names as the user wrote them: fields have a `_`, flags a `-`.
void require_fields(const store::NewEvent& event, const std::string& where, char separator) {
  const auto require = [&](const std::string& value, std::string name) {
    if (!value.empty()) return;
    std::replace(name.begin(), name.end(), '_', separator);
    throw Error(ErrorKind::usage, where + name + " is missing");
  };
  require(event.aggregate_type, "aggregate_type");
  require(event.aggregate_id, "aggregate_id");
  require(event.event_type, "event_type");
}

void print_ids(const std::vector<std::string>& ids, bool json) {
  for (const std::string& id : ids) {
    if (json) {
      fmt::print("{}\n", nlohmann::json{{"id", id}}.dump());
    } else {
      fmt::print("{}\n", id);
    }
  }
}

std::size_t insert_from_input(store::Events& events, bool json) {
  std::vector<store::NewEvent> batch;
  std::size_t inserted = 0;
  std::size_t number = 0;
  const auto flush = [&] {
    if (batch.empty()) return;
    try {
      print_ids(events.insert(batch), json);
    } catch (const Error& error) {
      throw Error(error.kind(),
                  fmt::format("lines {} to {}: {} ({} events before them are inserted)",
                              number - batch.size() + 1, number, error.what(), inserted));
    }
    inserted += batch.size();
    batch.clear();
  };
  for (std::string line; std::getline(std::cin, line);) {
    ++number;
    if (trim_json(line).empty()) continue;
    store::NewEvent event;
    try {
      event = event_from_line(line, number);
      require_fields(event, fmt::format("standard input, line {}: ", number), '_');
    } catch (const Error&) {
      flush();  // The lines before it are whole events: they go in.
      throw;
    }
    batch.push_back(std::move(event));
    if (batch.size() == events_per_transaction) flush();
  }
  flush();
  return inserted;
}

}  // namespace

int command_publish(const Arguments& arguments) {
  const config::Settings settings = config::load(sources_of(arguments));
  const bool json = settings.process().output == config::OutputFormat::json;
  if (!settings.outbox().enabled) {
    fmt::print(stderr, "outbox.enabled is false: nothing is published\n");
    return 0;
  }
  const auto events = make_store(chosen_store(arguments, settings), "default", "publish").events();
  const bool is_described = std::any_of(arguments.options.begin(), arguments.options.end(),
                                        [](const auto& option) { return option.first != "shard"; });
  if (!is_described) {
    const std::size_t inserted = insert_from_input(*events, json);
    fmt::print(stderr, "{} event{} inserted\n", inserted, inserted == 1 ? "" : "s");
    return 0;
  }
  const store::NewEvent event = event_from_options(arguments);
  require_fields(event, "publish: --", '-');
  print_ids(events->insert(std::span(&event, 1)), json);
  return 0;
}

}  // namespace outbox::app
