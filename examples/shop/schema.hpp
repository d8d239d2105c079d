// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include <outbox/database.hpp>

namespace shop {

/// Makes the shop's tables where they are missing. Any number of programs may do so at once.
void make_tables(outbox::Database& database);

/// Makes those who do the same at the same time wait for the end of the transaction.
void one_at_a_time(outbox::Transaction& transaction);

/// Throws outbox::Error(not_found) where `outboxd migrate` has not run on the database.
void expect_outbox(outbox::Database& database);

/// The database's date of today, UTC, as SQL: all programs agree on what day an order is of.
[[nodiscard]] std::string_view today_sql(outbox::Dialect dialect);

}  // namespace shop
