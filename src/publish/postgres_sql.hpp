// SPDX-License-Identifier: Apache-2.0
//
// What publishing on PostgreSQL says and hears, whatever the driver.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "publish/check.hpp"

namespace outbox::publishing {

/// Several events by one statement: an array a column, `$1` … in the order of native_columns().
/// The rows draw their ids in the order of the arrays, because sorting comes before drawing.
[[nodiscard]] std::string postgres_bulk_sql(const std::string& table);

/// Our bytes are UTF-8; on a connection that says otherwise the server would convert them again.
/// Throws Error(usage) where there is anything to convert.
void expect_encoding(std::string_view client_encoding, std::span<const CheckedEvent> events);

}  // namespace outbox::publishing
