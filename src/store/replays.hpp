// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <mutex>
#include <span>
#include <vector>

#include "core/clock.hpp"
#include "core/row.hpp"
#include "store/settlement.hpp"

namespace outbox::store {

/// How often it is looked whether there is a table outboxd_replays by now, where there was none.
inline constexpr std::chrono::seconds replays_look_interval{5};

/// The replays that this home's captures have read, so that its settlements know which rows to take
/// off outboxd_replays: a settlement without any asks for nothing more than before. What was not
/// read for longer than anything is in flight belongs to a slot that moved, and is forgotten:
/// whoever has the slot settles it.
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
                                         std::span<const RowChange> changes) {
    std::vector<RowId> found;
    if (count_.load(std::memory_order_relaxed) == 0) return found;
    const std::scoped_lock lock(mutex_);
    forget_old();
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

  [[nodiscard]] std::size_t count() const noexcept {
    return count_.load(std::memory_order_relaxed);
  }

 private:
  static constexpr std::chrono::minutes kept_for{30};

  void add(const RowId& id) {
    const std::scoped_lock lock(mutex_);
    ids_[id] = BootClock::now();
    count_.store(ids_.size(), std::memory_order_relaxed);
  }

  void forget_old() {
    const Moment now = BootClock::now();
    if (now < next_look_) return;
    next_look_ = now + std::chrono::minutes(1);
    std::erase_if(ids_, [&](const auto& entry) { return now - entry.second > kept_for; });
    count_.store(ids_.size(), std::memory_order_relaxed);
  }

  std::mutex mutex_;
  std::map<RowId, Moment> ids_;  ///< When they were read last.
  Moment next_look_{};
  std::atomic<std::size_t> count_{0};
};

}  // namespace outbox::store
