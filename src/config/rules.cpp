// SPDX-License-Identifier: Apache-2.0
#include "config/rules.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "config/fault.hpp"
#include "config/values.hpp"
#include "config/yaml_file.hpp"

namespace outbox::config {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view routes_hint =
    "write TYPE=topic,TYPE2=topic2, or in YAML a list of {event-type: TYPE, topic: TOPIC}";
constexpr std::string_view steps_hint =
    "write a list such as [{pick: [a, b]}, {rename: {a: b}}, {drop: [c]}, {mask: [d]}, "
    "{add: {e: 1}}, {topic: '{aggregate_type}.events'}]";
constexpr std::array<std::string_view, 4> placeholders = {"event_type", "aggregate_type",
                                                          "aggregate_id", "topic"};

// Replaces each placeholder by a letter that every topic may have; what is left is checked as text.
std::string without_placeholders(std::string_view text) {
  std::string rest;
  for (std::size_t place = 0; place < text.size(); ++place) {
    if (text[place] != '{') {
      rest += text[place];
      continue;
    }
    const std::size_t close = text.find('}', place);
    const std::string_view name =
        close == std::string_view::npos ? "" : text.substr(place + 1, close - place - 1);
    if (std::find(placeholders.begin(), placeholders.end(), name) == placeholders.end()) {
      throw Fault{fmt::format("has the placeholder '{{{}}}'", name),
                  "known are {event_type}, {aggregate_type}, {aggregate_id} and {topic}"};
    }
    rest += 'x';
    place = close;
  }
  return rest;
}

std::string checked_topic(const std::string& text) {
  const std::string fixed = without_placeholders(text);
  if (text.find("{aggregate_id}") != std::string::npos) {
    throw Fault{fmt::format("has the topic '{}' with {{aggregate_id}}", text),
                "a topic for each aggregate would never end: use {aggregate_type} or {event_type}"};
  }
  if (!is_topic_name(fixed)) {
    throw Fault{fmt::format("has the topic '{}', which Kafka does not take", text),
                "use 1 to 249 of the letters a-z, A-Z, 0-9, '.', '_' and '-'"};
  }
  return text;
}

Json parsed_list(std::string_view text, std::string_view hint) {
  const std::string json = yaml_to_json(text);
  Json list = json.empty() ? Json() : Json::parse(json);
  if (!list.is_array()) throw Fault{"is not a list", std::string(hint)};
  return list;
}

// One text or a list of them.
std::vector<std::string> texts(const Json& value, std::string_view what, std::string_view hint) {
  std::vector<std::string> result;
  const Json list = value.is_array() ? value : Json::array({value});
  for (const Json& item : list) {
    if (item.is_object() || item.is_array() || item.is_null())
      result.emplace_back();
    else
      result.push_back(item.is_string() ? item.get<std::string>() : item.dump());
    if (result.back().empty()) {
      throw Fault{fmt::format("has an empty name in '{}'", what), std::string(hint)};
    }
  }
  if (result.empty()) throw Fault{fmt::format("has nothing in '{}'", what), std::string(hint)};
  return result;
}

RouteRule route_of(const Json& item) {
  RouteRule rule;
  if (!item.is_object()) throw Fault{"has a route that is no map", std::string(routes_hint)};
  for (const auto& [key, value] : item.items()) {
    if (key == "event-type" || key == "event-types") {
      rule.event_types = texts(value, key, routes_hint);
    } else if (key == "topic" && value.is_string()) {
      rule.topic = checked_topic(value.get<std::string>());
    } else {
      throw Fault{fmt::format("has a route with the key '{}'", key), std::string(routes_hint)};
    }
  }
  if (rule.event_types.empty() || rule.topic.empty()) {
    throw Fault{"has a route without event-type or without topic", std::string(routes_hint)};
  }
  return rule;
}

TransformStep fields_step(TransformKind kind, std::string_view name, const Json& value) {
  TransformStep step;
  step.kind = kind;
  step.fields = texts(value, name, steps_hint);
  return step;
}

TransformStep mask_step(const Json& value) {
  if (!value.is_object()) {
    TransformStep step = fields_step(TransformKind::mask, "mask", value);
    step.text = "***";
    return step;
  }
  for (const auto& [key, ignored] : value.items()) {
    if (key != "fields" && key != "with") {
      throw Fault{fmt::format("has a mask with the key '{}'", key),
                  "write mask: [a, b], or mask: {fields: [a, b], with: '***'}"};
    }
  }
  TransformStep step =
      fields_step(TransformKind::mask, "mask", value.value("fields", Json::array()));
  step.text = value.contains("with") ? texts(value["with"], "with", steps_hint).front() : "***";
  return step;
}

TransformStep pairs_step(TransformKind kind, std::string_view name, const Json& value) {
  TransformStep step;
  step.kind = kind;
  if (!value.is_object() || value.empty()) {
    throw Fault{fmt::format("has a step '{}' that is no map of fields", name),
                std::string(steps_hint)};
  }
  for (const auto& [field, entry] : value.items()) {
    if (kind == TransformKind::rename && !(entry.is_string() && !entry.empty())) {
      throw Fault{fmt::format("renames '{}' to what is no name", field), std::string(steps_hint)};
    }
    if (kind == TransformKind::add && entry.is_string()) {
      static_cast<void>(without_placeholders(entry.get<std::string>()));
    }
    step.pairs.emplace_back(
        field, kind == TransformKind::rename ? entry.get<std::string>() : entry.dump());
  }
  return step;
}

TransformStep step_of(const Json& item) {
  if (!item.is_object() || item.size() != 1) {
    throw Fault{"has a step that is not a map of one key", std::string(steps_hint)};
  }
  const std::string& name = item.begin().key();
  const Json& value = item.begin().value();
  if (name == "pick") return fields_step(TransformKind::pick, name, value);
  if (name == "drop") return fields_step(TransformKind::drop, name, value);
  if (name == "mask") return mask_step(value);
  if (name == "rename") return pairs_step(TransformKind::rename, name, value);
  if (name == "add") return pairs_step(TransformKind::add, name, value);
  if (name == "topic" && value.is_string()) {
    TransformStep step;
    step.kind = TransformKind::topic;
    step.text = checked_topic(value.get<std::string>());
    return step;
  }
  throw Fault{fmt::format("has the step '{}'", name), std::string(steps_hint)};
}

}  // namespace

std::vector<RouteRule> parse_routes(std::string_view text) {
  std::vector<RouteRule> rules;
  text = trimmed(text);
  if (text.empty()) return rules;
  if (text.starts_with('[')) {
    for (const Json& item : parsed_list(text, routes_hint))
      rules.push_back(route_of(item));
    return rules;
  }
  const auto parts = parse_list(text);
  if (!parts) throw Fault{"has an empty part between its commas", std::string(routes_hint)};
  for (const std::string& part : *parts) {
    const std::size_t equals = part.find('=');
    const std::string type(trimmed(std::string_view(part).substr(0, equals)));
    if (equals == std::string::npos || type.empty()) {
      throw Fault{fmt::format("has '{}' where TYPE=topic is expected", part),
                  std::string(routes_hint)};
    }
    const std::string topic(trimmed(std::string_view(part).substr(equals + 1)));
    rules.push_back({{type}, checked_topic(topic)});
  }
  return rules;
}

std::vector<TransformStep> parse_transform(std::string_view text) {
  std::vector<TransformStep> steps;
  if (trimmed(text).empty()) return steps;
  for (const Json& item : parsed_list(text, steps_hint))
    steps.push_back(step_of(item));
  return steps;
}

}  // namespace outbox::config
