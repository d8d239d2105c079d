// SPDX-License-Identifier: Apache-2.0
//
// "Where is my event?": its life as a timeline.
#pragma once

#include <optional>
#include <string>

#include "admin/json.hpp"
#include "admin/office.hpp"

namespace outbox::admin {

/// {query, matched_by: event_id|row|aggregate_id|key|null, events:[{event, timeline:[{at, what,
/// where, after_ms, …}]}], complete, errors}: the newest 20 events that the text names, by the
/// first of these that finds any. An offset that was not found is null: the topic is read around
/// the time of publishing only, within bounds. Events that are nowhere: an empty list. Throws
/// Error(not_found) for a store that is none, Error(usage) for an empty text. From any thread.
[[nodiscard]] Json trace(Office& office, const std::string& query,
                         const std::optional<std::string>& store = {});

}  // namespace outbox::admin
