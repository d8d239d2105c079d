// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <vector>

#include "store/settlement.hpp"

namespace outbox::store {

/// A request in which only slots with a lease that may stand are named.
struct SettleWork {
  std::vector<SlotLease> leases;
  std::vector<PublishedRow> published;
  std::vector<RowChange> changes;
  std::vector<KeyChange> keys;

  explicit SettleWork(const SettleRequest& request)
      : leases(request.leases.begin(), request.leases.end()),
        published(request.published.begin(), request.published.end()),
        changes(request.changes.begin(), request.changes.end()),
        keys(request.keys.begin(), request.keys.end()) {
    keep_slots(held());
  }

  /// In order.
  [[nodiscard]] std::vector<int> held() const {
    std::vector<int> slots;
    for (const SlotLease& lease : leases)
      slots.push_back(lease.slot);
    std::sort(slots.begin(), slots.end());
    return slots;
  }

  /// Drops what belongs to other slots than these, which are in order.
  void keep_slots(const std::vector<int>& slots) {
    const auto lost = [&slots](const auto& item) {
      return !std::binary_search(slots.begin(), slots.end(), item.slot);
    };
    std::erase_if(leases, lost);
    std::erase_if(published, lost);
    std::erase_if(changes, lost);
    std::erase_if(keys, lost);
  }

  [[nodiscard]] bool nothing_to_write() const {
    return published.empty() && changes.empty() && keys.empty();
  }
};

}  // namespace outbox::store
