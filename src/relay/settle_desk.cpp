// SPDX-License-Identifier: Apache-2.0
#include "relay/settle_desk.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace outbox::relay {

namespace {

constexpr Duration retry_first = std::chrono::milliseconds{250};
constexpr Duration retry_max = std::chrono::seconds{5};
constexpr int refusals_before_parts = 2;

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

bool SettleDesk::may_give_next(std::size_t rows_max) const {
  std::size_t before = 0;
  bool published_only = only_published();
  for (const auto& [id, settle] : under_way_) {
    // Nothing waits for those in which something was refused.
    if (settle.refusals > 0) continue;
    ++before;
    published_only = published_only && settle.changes.empty() && settle.command.keys.empty();
  }
  return before == 0 || (before == 1 && published_only && published_.size() >= rows_max);
}

bool SettleDesk::releasing() const {
  const auto released = [](const PendingChange& change) {
    return change.outcome == store::RowOutcome::released;
  };
  if (std::any_of(changes_.begin(), changes_.end(), released)) return true;
  return std::any_of(under_way_.begin(), under_way_.end(), [&](const auto& entry) {
    return std::any_of(entry.second.changes.begin(), entry.second.changes.end(), released);
  });
}

void SettleDesk::failed(std::uint64_t settle_id, Moment now, bool passing) {
  const auto found = under_way_.find(settle_id);
  if (found == under_way_.end()) return;
  SettleUnderWay& settle = found->second;
  settle.failed = true;
  if (!passing) ++settle.refusals;
  settle.retry_at = now + std::min(retry_first * (1 << std::min(settle.refusals, 6)), retry_max);
  if (settle.refusals >= refusals_before_parts) take_apart(settle_id);
}

void SettleDesk::add_part(SettleUnderWay part) {
  part.command.settle_id = ++last_id_;
  under_way_.emplace(last_id_, std::move(part));
}

void SettleDesk::take_apart(std::uint64_t settle_id) {
  SettleUnderWay& whole = under_way_.at(settle_id);
  const std::size_t rows = whole.published.size() + whole.changes.size();
  if (rows < 2) return;
  SettleUnderWay part;
  part.command.leases = whole.command.leases;
  part.failed = true;
  part.refusals = whole.refusals;
  part.retry_at = whole.retry_at;
  const auto move_half = [](auto& from, auto& to, std::size_t keep) {
    const auto first = from.begin() + static_cast<std::ptrdiff_t>(keep);
    to.assign(std::make_move_iterator(first), std::make_move_iterator(from.end()));
    from.erase(first, from.end());
  };
  if (!whole.published.empty() && !whole.changes.empty()) {
    move_half(whole.published, part.published, 0);
    move_half(whole.command.published, part.command.published, 0);
  } else {
    move_half(whole.published, part.published, whole.published.size() / 2);
    move_half(whole.command.published, part.command.published, whole.command.published.size() / 2);
    move_half(whole.changes, part.changes, whole.changes.size() / 2);
    move_half(whole.command.changes, part.command.changes, whole.command.changes.size() / 2);
  }
  // A key's state is written with the row that it is about.
  std::erase_if(whole.command.keys, [&](store::KeyChange& key) {
    const auto about = [&](const store::RowChange& change) { return change.id == key.head; };
    const auto& moved = part.command.changes;
    if (std::none_of(moved.begin(), moved.end(), about)) return false;
    part.command.keys.push_back(std::move(key));
    return true;
  });
  add_part(std::move(part));
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
