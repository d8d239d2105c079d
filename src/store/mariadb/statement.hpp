// SPDX-License-Identifier: Apache-2.0
//
// SQL that is not ours, on any connection.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <outbox/transaction.hpp>

namespace outbox::store::mariadb {

/// Runs one statement; `$1` … stand for the parameters. Throws Error(usage) as fill_placeholders(),
/// SqlError with what the server says; the connection's state of the transaction is fresh then too.
[[nodiscard]] Rows run_statement(st_mysql* connection, std::string_view sql,
                                 std::span<const Parameter> parameters);

/// The same, with the rows' values as they are.
[[nodiscard]] std::vector<std::vector<std::optional<std::string>>> run_for_texts(
    st_mysql* connection, std::string_view sql, std::span<const Parameter> parameters);

/// Any number of statements without parameters, separated by `;`.
void run_script(st_mysql* connection, const std::string& sql);

/// As the server says. After an error it is asked, because an error, such as a deadlock that rolled
/// everything back, brings no status with it; false where the connection is gone then.
[[nodiscard]] bool is_in_transaction(st_mysql* connection);

/// The server's number of the session.
[[nodiscard]] std::uint64_t session_number(st_mysql* connection) noexcept;

/// Of the last INSERT on the connection.
[[nodiscard]] std::uint64_t last_row_id(st_mysql* connection) noexcept;

}  // namespace outbox::store::mariadb
