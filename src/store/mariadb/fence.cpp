// SPDX-License-Identifier: Apache-2.0
#include "store/mariadb/fence.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace outbox::store::mariadb {

std::string lease_condition(const Table& table, std::span<const SlotLease> leases) {
  // Spelled out, because MariaDB finds no range in a list of tuples.
  std::string any;
  for (const SlotLease& lease : leases) {
    any += fmt::format("{}(s.slot = {} AND s.epoch = {} AND s.token = '{}')",
                       any.empty() ? "" : " OR ", lease.slot, lease.epoch, to_string(lease.token));
  }
  return fmt::format("{} AND ({})", table.mine("s"), any);
}

std::string lease_sql(const Table& table, std::span<const SlotLease> leases, Lock lock,
                      std::string_view what) {
  const std::string_view locking = lock == Lock::share    ? " LOCK IN SHARE MODE"
                                   : lock == Lock::update ? " FOR UPDATE"
                                                          : "";
  return fmt::format("SELECT {} FROM {} s WHERE {}{}", what, table.own("slots"),
                     lease_condition(table, leases), locking);
}

std::vector<int> standing_slots(Connection& connection, const Table& table,
                                std::span<const SlotLease> leases, Lock lock) {
  std::vector<int> slots;
  Result found =
      connection.run("looking at the leases", lease_sql(table, leases, lock), Effect::reads);
  while (found.next())
    slots.push_back(found.integer(0));
  std::sort(slots.begin(), slots.end());
  return slots;
}

}  // namespace outbox::store::mariadb
