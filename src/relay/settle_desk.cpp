// SPDX-License-Identifier: Apache-2.0
#include "relay/settle_desk.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace outbox::relay {

namespace {

/// Collects the leases that a settle has to show.
class LeaseList {
 public:
  explicit LeaseList(SlotStates& slots) : slots_(slots) {}

  /// False where the slot is not ours.
  bool add(int slot) {
    if (!slots_.owns(slot)) return false;
    const auto number = static_cast<std::size_t>(slot);
    if (number >= seen_.size()) seen_.resize(number + 1);
    if (!seen_[number]) {
      seen_[number] = true;
      leases_.push_back(slots_.at(slot).lease);
    }
    return true;
  }

  std::vector<store::SlotLease> take() { return std::move(leases_); }

 private:
  SlotStates& slots_;
  std::vector<bool> seen_;
  std::vector<store::SlotLease> leases_;
};

}  // namespace

const Settle* SettleDesk::next(RowsInFlight& rows, SlotStates& slots, std::size_t rows_max,
                               std::vector<RowTag>& lost) {
  SettleUnderWay settle;
  LeaseList leases(slots);
  const std::size_t taken = std::min(rows_max, published_.size());
  settle.published.reserve(taken);
  settle.command.published.reserve(taken);
  for (std::size_t i = 0; i < taken; ++i) {
    const FlightRow* row = rows.find(published_[i]);
    if (row == nullptr) continue;
    if (!leases.add(row->slot)) {
      lost.push_back(published_[i]);
      continue;
    }
    settle.published.push_back(published_[i]);
    settle.command.published.push_back({rows.id(*row), row->slot});
  }
  published_.erase(published_.begin(), published_.begin() + static_cast<std::ptrdiff_t>(taken));
  for (PendingChange& change : std::exchange(changes_, {})) {
    const FlightRow* row = rows.find(change.tag);
    if (row == nullptr) continue;
    if (!leases.add(row->slot)) {
      lost.push_back(change.tag);
      continue;
    }
    settle.command.changes.push_back({rows.id(*row), row->slot, change.outcome, change.reason,
                                      change.retry_after, change.attempts_made});
    settle.changes.push_back(std::move(change));
  }
  for (store::KeyChange& key : std::exchange(keys_, {})) {
    if (leases.add(key.slot)) settle.command.keys.push_back(std::move(key));
  }
  settle.command.leases = leases.take();
  if (settle.command.leases.empty()) return nullptr;
  settle.command.settle_id = ++last_id_;
  return &under_way_.emplace(last_id_, std::move(settle)).first->second.command;
}

SettleUnderWay SettleDesk::done(std::uint64_t settle_id) {
  auto node = under_way_.extract(settle_id);
  return node.empty() ? SettleUnderWay{} : std::move(node.mapped());
}

void SettleDesk::failed(std::uint64_t settle_id, Moment retry_at_earliest) {
  const auto found = under_way_.find(settle_id);
  if (found == under_way_.end()) return;
  found->second.failed = true;
  found->second.retry_at = retry_at_earliest;
}

std::vector<const Settle*> SettleDesk::due(Moment now) {
  std::vector<const Settle*> settles;
  for (auto& [number, settle] : under_way_) {
    if (!settle.failed || now < settle.retry_at) continue;
    settle.failed = false;
    settles.push_back(&settle.command);
  }
  return settles;
}

}  // namespace outbox::relay
