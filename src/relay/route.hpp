// SPDX-License-Identifier: Apache-2.0
//
// Which topic a row goes to. In this order:
//
//   1. the row's own topic column, where it is not empty (A7);
//   2. else the first of `relay.routes` whose event type matches (A8);
//   3. else `relay.default-topic`;
//   4. then each `topic` step of `relay.transform`, its `{topic}` being the topic so far;
//   5. then a C++ transformer's topic function.
//
// All of it may look at RouteColumns alone (the row's topic, aggregate type and event type): a
// topic on hold is left out of reading by these, in the statement itself. So `{aggregate_id}` is
// refused in a topic's template.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <outbox/transform.hpp>

#include "core/message_rules.hpp"
#include "core/row.hpp"
#include "core/topic_name.hpp"
#include "relay/envelope_arena.hpp"
#include "relay/transform_template.hpp"

namespace outbox::relay {

/// True where `text` matches `pattern`, in which `*` stands for any text, also none.
[[nodiscard]] bool matches(std::string_view pattern, std::string_view text) noexcept;

struct Routed {
  std::string_view topic;
  std::string fault;  ///< Not empty: the row cannot be sent, and why, with the remedy.
};

/// Immutable; used by several threads at once.
class Router {
 public:
  struct Options {
    std::string default_topic;
    std::vector<RouteRule> routes;
    std::vector<TransformStep> steps;  ///< Those of kind `topic` count, the others are passed over.
    TopicFunction function;
  };

  /// Throws Error(configuration) for a template that names anything but RouteColumns.
  explicit Router(const Options& options);

  /// Routes of one batch: most of its rows share a few, which are worked out once.
  class Memory {
   private:
    friend class Router;
    struct Entry {
      const OutboxRow* row = nullptr;
      std::string_view topic;
    };
    std::array<Entry, 64> entries_{};
  };

  /// The topic's text lives as long as the row, the router and the arena.
  [[nodiscard]] Routed route(const OutboxRow& row, Memory& memory, TextArena& arena) const;

 private:
  struct Route {
    std::vector<std::string> event_types;
    Template topic;
  };

  [[nodiscard]] std::string work_out(const OutboxRow& row) const;
  [[nodiscard]] const Template& start_of(const OutboxRow& row) const;

  Template default_topic_;
  std::vector<Route> routes_;
  std::vector<Template> steps_;
  TopicFunction function_;
};

}  // namespace outbox::relay
