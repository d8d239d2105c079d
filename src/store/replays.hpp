// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <atomic>
#include <mutex>
#include <set>
#include <span>
#include <vector>

#include "core/row.hpp"
#include "store/settlement.hpp"

namespace outbox::store {

/// The replays that this home's captures have read, so that its settlements know which rows to take
/// off outboxd_replays: a settlement without any asks for nothing more than before.
///
/// Thread-safety: any thread.
class ReplaysRead {
 public:
  void add(const RowBatch& batch) {
    for (const OutboxRow& row : batch.rows) {
      if (row.replay) add(row.id);
    }
  }

  /// Those among the rows that are done with once this is written.
  [[nodiscard]] std::vector<RowId> among(std::span<const PublishedRow> published,
                                         std::span<const RowChange> changes) const {
    std::vector<RowId> found;
    if (count_.load(std::memory_order_relaxed) == 0) return found;
    const std::scoped_lock lock(mutex_);
    for (const PublishedRow& row : published) {
      if (ids_.contains(row.id)) found.push_back(row.id);
    }
    for (const RowChange& change : changes) {
      if (change.outcome == RowOutcome::dead && ids_.contains(change.id)) {
        found.push_back(change.id);
      }
    }
    return found;
  }

  void remove(const std::vector<RowId>& ids) {
    if (ids.empty()) return;
    const std::scoped_lock lock(mutex_);
    for (const RowId& id : ids)
      ids_.erase(id);
    count_.store(ids_.size(), std::memory_order_relaxed);
  }

 private:
  void add(const RowId& id) {
    const std::scoped_lock lock(mutex_);
    ids_.insert(id);
    count_.store(ids_.size(), std::memory_order_relaxed);
  }

  mutable std::mutex mutex_;
  std::set<RowId> ids_;
  std::atomic<std::size_t> count_{0};
};

}  // namespace outbox::store
