// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>
#include <vector>

#include "core/message_rules.hpp"

namespace outbox::config {

/// `TYPE=topic,TYPE2=topic2`, or a YAML list of `{event-type: TYPE or [TYPES], topic: TOPIC}`.
/// Throws Fault.
[[nodiscard]] std::vector<RouteRule> parse_routes(std::string_view text);

/// A YAML list of steps, each a map of one of pick, rename, drop, mask, add, topic. Throws Fault.
[[nodiscard]] std::vector<TransformStep> parse_transform(std::string_view text);

}  // namespace outbox::config
