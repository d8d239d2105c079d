// SPDX-License-Identifier: Apache-2.0
//
// What stands between a row and its message, as plain values: the topic that its event type is
// routed to (`relay.routes`) and the steps that change its payload (`relay.transform`, A8). No rule
// changes the key, which is the row's.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace outbox {

/// Event types that go to one topic; of several rules the first that matches counts. A row's own
/// topic column wins over every route.
struct RouteRule {
  std::vector<std::string> event_types;  ///< Exact, or patterns in which `*` stands for any text.
  std::string topic;                     ///< May be a template, as in TransformKind::topic.

  bool operator==(const RouteRule&) const = default;
};

enum class TransformKind : std::uint8_t {
  pick,    ///< Keep only `fields`.
  rename,  ///< `pairs`: from, to.
  drop,    ///< Leave out `fields`.
  mask,    ///< Put `text` in place of the values of `fields`, where they are there.
  add,     ///< `pairs`: field, its value as JSON text; texts in it may be templates.
  topic,   ///< `text`: a template for the topic.
};

/// One step on a payload that is a JSON object. Fields are dotted paths (`customer.email`). A
/// template is text with any of the placeholders `{event_type}`, `{aggregate_type}`,
/// `{aggregate_id}` and
/// `{topic}`, the topic so far; a topic may not follow `{aggregate_id}`. The configuration refuses
/// all others.
struct TransformStep {
  TransformKind kind = TransformKind::pick;
  std::vector<std::string> fields;
  std::vector<std::pair<std::string, std::string>> pairs;
  std::string text;

  bool operator==(const TransformStep&) const = default;
};

}  // namespace outbox
