// SPDX-License-Identifier: Apache-2.0
//
// SQL that is not ours, on any connection.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include <outbox/transaction.hpp>

#include "store/sqlite/connection.hpp"

namespace outbox::store::sqlite {

/// Runs one statement; `$1` … stand for the parameters. Throws Error(usage) where a placeholder has
/// no parameter, or a parameter no placeholder: SQLite itself would take NULL.
[[nodiscard]] Rows run_statement(sqlite3* connection, std::string_view sql,
                                 std::span<const Parameter> parameters);

[[nodiscard]] bool is_in_transaction(sqlite3* connection) noexcept;

/// Of the last INSERT on the connection.
[[nodiscard]] std::int64_t last_row_id(sqlite3* connection) noexcept;

}  // namespace outbox::store::sqlite
