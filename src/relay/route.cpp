// SPDX-License-Identifier: Apache-2.0
#include "relay/route.hpp"

#include <functional>
#include <new>

#include <fmt/format.h>

#include "core/pattern.hpp"
#include "relay/envelope_fault.hpp"

namespace outbox::relay {
namespace {

constexpr std::string_view remedy =
    "correct the row's topic, relay.routes, relay.default-topic or relay.transform";

std::size_t slot_of(const OutboxRow& row) noexcept {
  constexpr std::hash<std::string_view> hash;
  const std::size_t topic = row.topic.empty() ? 0 : hash(row.topic);
  return (hash(row.event_type) ^ topic * 31) + row.aggregate_type.size();
}

bool same_route(const OutboxRow& one, const OutboxRow& other) noexcept {
  return one.event_type == other.event_type && one.topic == other.topic &&
         one.aggregate_type == other.aggregate_type;
}

TemplateValues values_of(const OutboxRow& row, std::string_view topic) noexcept {
  return {.event_type = row.event_type,
          .aggregate_type = row.aggregate_type,
          .aggregate_id = {},
          .topic = topic};
}

}  // namespace

bool matches(std::string_view pattern, std::string_view text) noexcept {
  return matches_pattern(pattern, text);
}

Router::Router(const Options& options)
    : default_topic_(Template::of_topic(options.default_topic, "relay.default-topic")),
      function_(options.function) {
  for (const RouteRule& rule : options.routes) {
    routes_.push_back({rule.event_types, Template::of_topic(rule.topic, "relay.routes")});
  }
  for (const TransformStep& step : options.steps) {
    if (step.kind != TransformKind::topic) continue;
    steps_.push_back(Template::of_topic(step.text, "relay.transform"));
  }
}

Routed Router::route(const OutboxRow& row, Memory& memory, TextArena& arena) const {
  Memory::Entry& entry = memory.entries_[slot_of(row) % memory.entries_.size()];
  if (entry.row != nullptr && same_route(*entry.row, row)) return {entry.topic, {}};
  std::string_view topic = row.topic;
  if (topic.empty() || !steps_.empty() || function_) {
    try {
      topic = arena.keep(work_out(row));
    } catch (const std::bad_alloc&) {
      throw;
    } catch (const std::exception& error) {
      return {{}, fmt::format("the transformer failed on its topic: {}", quoted(error.what()))};
    }
  }
  if (topic.empty()) return {{}, fmt::format("no topic for it: {}", remedy)};
  const std::string_view fault = topic_fault(topic);
  if (!fault.empty()) return {{}, fmt::format("the topic {} {}: {}", quoted(topic), fault, remedy)};
  entry = {&row, topic};
  return {topic, {}};
}

std::string Router::work_out(const OutboxRow& row) const {
  std::string topic(row.topic);
  if (topic.empty()) start_of(row).append_to(topic, values_of(row, {}));
  for (const Template& step : steps_) {
    std::string next;
    step.append_to(next, values_of(row, topic));
    topic = std::move(next);
  }
  if (function_) topic = function_({topic, row.aggregate_type, row.event_type});
  return topic;
}

const Template& Router::start_of(const OutboxRow& row) const {
  for (const Route& route : routes_) {
    for (const std::string& pattern : route.event_types) {
      if (matches(pattern, row.event_type)) return route.topic;
    }
  }
  return default_topic_;
}

}  // namespace outbox::relay
