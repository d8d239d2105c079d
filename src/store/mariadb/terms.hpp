// SPDX-License-Identifier: Apache-2.0
//
// The terms of a relay name as outboxd_relays has them, and what else Agreement and Leases both
// need.
#pragma once

#include "store/agreement.hpp"
#include "store/mariadb/connection.hpp"
#include "store/mariadb/table.hpp"
#include "store/standing.hpp"

namespace outbox::store::mariadb {

[[nodiscard]] Terms terms_of(const HomeOptions& options);

/// The terms of all relay names on this outbox.
[[nodiscard]] std::vector<Standing> read_standing(Connection& connection, const Table& table);

/// Within an open transaction: locks the outbox's terms, throws Error(conflict) where living
/// members go by others or take the same aggregate types under another name, and stores these.
void check_terms(Connection& connection, const Table& table, const Terms& terms);

/// Makes the rows of this relay name's slots where they are missing; returns how many slots there
/// are.
int make_slots(Connection& connection, const Table& table);

/// Writes the highest id that the table has given out down, if it is higher than the one that
/// stands; for tables whose ids are counted by the database.
void store_high_water(Connection& connection, const Table& table);

/// The highest id given out, as a scalar subquery.
[[nodiscard]] std::string highest_id_sql(const Table& table);

}  // namespace outbox::store::mariadb
