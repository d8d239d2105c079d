// SPDX-License-Identifier: Apache-2.0
#include "store/postgres/fence.hpp"

#include <vector>

#include <fmt/format.h>

namespace outbox::store::postgres {

std::string lease_sql(const Table& table, Parameters& parameters, std::span<const SlotLease> leases,
                      std::string_view lock) {
  std::vector<std::int32_t> slots;
  std::vector<std::int64_t> epochs;
  std::vector<Uuid> tokens;
  for (const SlotLease& lease : leases) {
    slots.push_back(lease.slot);
    epochs.push_back(lease.epoch);
    tokens.push_back(lease.token);
  }
  const int first = parameters.count() + 1;
  parameters.integers(slots).numbers(epochs).uuids(tokens);
  return fmt::format(
      "SELECT s.slot FROM {} s JOIN unnest(${}::int[], ${}::bigint[], ${}::uuid[]) "
      "AS l(slot, epoch, token) ON s.slot = l.slot AND s.epoch = l.epoch AND s.token = l.token "
      "WHERE {} ORDER BY s.slot {}",
      table.own("slots"), first, first + 1, first + 2, table.mine("s"), lock);
}

}  // namespace outbox::store::postgres
