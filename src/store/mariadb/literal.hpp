// SPDX-License-Identifier: Apache-2.0
//
// Values as SQL. A set of a thousand ids cannot be bound to one placeholder, so that this home's
// statements carry their values as literals; here is the one place that writes them. What they rest
// on is made sure of by each session: utf8mb4, and backslashes that escape (connection.cpp).
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/row.hpp"

namespace outbox::store::mariadb {

[[nodiscard]] std::string quote_identifier(std::string_view name);

/// A text of the session's character set; it must be valid UTF-8.
[[nodiscard]] std::string quote_text(std::string_view text);

/// Any bytes; compared with a text they make the comparison one of bytes.
[[nodiscard]] std::string quote_bytes(std::string_view bytes);

/// `(…, …)` of quote_bytes.
[[nodiscard]] std::string quote_bytes_list(std::span<const std::string> values);

/// A condition that holds for the rows of `column` whose ids are these, and no others. Numbers that
/// follow each other go as a range, which MariaDB reads in one go. At least one id.
[[nodiscard]] std::string id_condition(std::string_view column, std::vector<RowId> ids,
                                       bool numbers);

}  // namespace outbox::store::mariadb
