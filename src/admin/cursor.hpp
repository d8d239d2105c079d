// SPDX-License-Identifier: Apache-2.0
//
// Where a list goes on: a JSON value behind base64, so that nobody builds one by hand or takes one
// apart.
#pragma once

#include <string>

#include "admin/json.hpp"

namespace outbox::admin {

[[nodiscard]] std::string cursor_text(const Json& place);

/// An object; empty for an empty text. Throws Error(usage) for what cursor_text() did not make.
[[nodiscard]] Json read_cursor(const std::string& text);

/// A member of a cursor, or `otherwise` where it is not there or of another type.
[[nodiscard]] std::int64_t number_in(const Json& cursor, const char* name, std::int64_t otherwise);
[[nodiscard]] std::string text_in(const Json& cursor, const char* name);

}  // namespace outbox::admin
