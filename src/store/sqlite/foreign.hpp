// SPDX-License-Identifier: Apache-2.0
//
// A mapped table of somebody else's (F1): what it really is, and the statements on it. No index is
// promised there, so that none is named; times are written as CURRENT_TIMESTAMP writes them, with
// milliseconds, since the table's own programs compare such texts with theirs.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "store/sqlite/table_sql.hpp"

namespace outbox::store::sqlite {

/// Looks the table up. Throws Error(not_found) naming the table or the columns that are missing,
/// Error(configuration) where the id or the settings do not fit it.
[[nodiscard]] Table look_up_foreign(Connection& connection, const HomeOptions& options);

[[nodiscard]] TableSql foreign_sql(const TableShape& shape, const TableFacts& facts);

/// Which document's table has these columns; empty where it is none's.
[[nodiscard]] std::string_view preset_of(const std::set<std::string>& columns);

/// The present time as it is written there.
inline constexpr std::string_view foreign_now = "strftime('%Y-%m-%d %H:%M:%f', 'now')";

/// Milliseconds since 1970 UTC of a time: a text or a number of days that SQLite's date functions
/// take, or an integer of seconds or milliseconds since 1970, as Java's driver writes them. NULL
/// for anything else.
[[nodiscard]] std::string milliseconds_sql(std::string_view time);

/// Now, in the same unit.
inline constexpr std::string_view now_milliseconds =
    "CAST(round((julianday('now') - 2440587.5) * 86400000.0) AS INTEGER)";

}  // namespace outbox::store::sqlite
