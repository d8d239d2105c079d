// SPDX-License-Identifier: Apache-2.0
//
// The fence: the lease rows of the named slots, locked for share in the order of the slots, where
// epoch and token are still those of the caller. Without the lock another session can commit the
// next epoch in mid-statement and the rows are written all the same (tried on PostgreSQL 15).
#pragma once

#include <span>
#include <string>

#include "store/leases.hpp"
#include "store/postgres/parameters.hpp"
#include "store/postgres/table.hpp"

namespace outbox::store::postgres {

/// A SELECT of `slot` for the leases that stand; binds the leases as three further parameters.
[[nodiscard]] std::string lease_sql(const Table& table, Parameters& parameters,
                                    std::span<const SlotLease> leases,
                                    std::string_view lock = "FOR SHARE OF s");

}  // namespace outbox::store::postgres
