// SPDX-License-Identifier: Apache-2.0
//
// The fence: the lease rows of the named slots, locked for share in the order of the slots, where
// epoch and token are still those of the caller.
#pragma once

#include <span>
#include <string>

#include "store/leases.hpp"
#include "store/mariadb/table.hpp"

namespace outbox::store::mariadb {

enum class Lock : std::uint8_t { none, share, update };

/// The condition, with the slots' table as `s`. At least one lease.
[[nodiscard]] std::string lease_condition(const Table& table, std::span<const SlotLease> leases);

/// A SELECT of `what` from the leases that stand.
[[nodiscard]] std::string lease_sql(const Table& table, std::span<const SlotLease> leases,
                                    Lock lock, std::string_view what = "s.slot");

/// The slots of the leases that stand, in order.
[[nodiscard]] std::vector<int> standing_slots(Connection& connection, const Table& table,
                                              std::span<const SlotLease> leases, Lock lock);

}  // namespace outbox::store::mariadb
