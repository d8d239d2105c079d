// SPDX-License-Identifier: Apache-2.0
//
// What a ReadRequest leaves out, as SQL.
#pragma once

#include <string>

#include "store/capture.hpp"
#include "store/mariadb/connection.hpp"
#include "store/mariadb/table.hpp"

namespace outbox::store::mariadb {

/// The conditions of one read: unsettled rows of this relay's share and of the slots leased, of
/// `slots` in all, without what the request excludes.
[[nodiscard]] std::string read_conditions(const Table& table, const ReadRequest& request,
                                          int slots);

/// The stored number of slots, which reads need to tell a row's slot. Throws Error(not_found)
/// naming `outboxd migrate` where none is stored.
[[nodiscard]] int stored_slots(Connection& connection, const Table& table);
/// Of the number of slots.
[[nodiscard]] int stored_generation(Connection& connection, const Table& table);

}  // namespace outbox::store::mariadb
