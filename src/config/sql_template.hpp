// SPDX-License-Identifier: Apache-2.0
//
// SQL with named parameters, as people write it in YAML, brought to statements with numbered ones.
// It is read as far as is needed to tell a parameter from what only looks like one: literals,
// quoted names, dollar quotes, comments, casts (`::`).
#pragma once

#include <string_view>
#include <vector>

#include "config/consumers.hpp"

namespace outbox::config {

/// The statements of `sql`, which semicolons part. Throws Fault for a parameter that is not known
/// (`:item` where there is no `for-each` included), a statement that would end the transaction, a
/// quote that is not closed, or where there is no statement at all.
[[nodiscard]] std::vector<SqlStatement> parse_sql(std::string_view sql, bool has_item);

/// A path in a payload, `a.b.0`. Throws Fault where a part is empty.
[[nodiscard]] std::vector<std::string> parse_payload_path(std::string_view text);

/// Adds `RETURNING 1` where a statement that writes does not return its rows already, so that they
/// can be counted. Throws Fault where that cannot be told from the statement's first word.
void count_rows(SqlStatement& statement);

}  // namespace outbox::config
