// SPDX-License-Identifier: Apache-2.0
//
// An event as JSON for handlers outside the process, and single values out of its payload. Numbers
// keep their digits: nothing is parsed and written again.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <outbox/received_event.hpp>

namespace outbox::app {

/// Appends one line, without a line end. A payload that is JSON stands in it as it is, other text
/// as a string; bytes that are no text stand in `payload_base64`.
void append_event_json(std::string& out, const ReceivedEvent& event);

/// The value at `path` in checked JSON, members by name and elements by number; none where there is
/// no such value.
[[nodiscard]] std::optional<std::string_view> json_at(std::string_view json,
                                                      std::span<const std::string> path);

}  // namespace outbox::app
