// SPDX-License-Identifier: Apache-2.0
//
// Words for a row that can never be sent. They end up in the row's error_message, in the log and in
// the dead letter's headers: one line of valid UTF-8, of bounded length, never a payload.
#pragma once

#include <string>
#include <string_view>

#include "core/json_text.hpp"

namespace outbox::relay {

/// `text` from a row or a caller's exception in single quotes, at most about 120 bytes of it;
/// control characters, and bytes that are no UTF-8, as `\xNN`.
[[nodiscard]] std::string quoted(std::string_view text);

/// E.g. `a colon is missing at byte 17`.
[[nodiscard]] std::string describe(const TextFault& fault);

}  // namespace outbox::relay
