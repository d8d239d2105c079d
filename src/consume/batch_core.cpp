// SPDX-License-Identifier: Apache-2.0
#include "consume/batch_core.hpp"

#include <algorithm>
#include <limits>
#include <map>

namespace outbox::consume {

namespace {

constexpr std::size_t none = std::numeric_limits<std::size_t>::max();

}  // namespace

BatchCore::BatchCore(std::vector<BatchItem> items, const RetryPolicy& policy) : policy_(policy) {
  std::map<std::pair<std::string, int>, std::size_t> lanes;
  items_.reserve(items.size());
  for (BatchItem& given : items) {
    Item item;
    item.lane = lanes.try_emplace(std::move(given.partition), lanes.size()).first->second;
    item.reason = std::move(given.fault);
    if (!item.reason.empty()) item.state = State::dead_due;
    items_.push_back(std::move(item));
  }
  lanes_ = lanes.size();
}

Command BatchCore::step(const Happening& happening, Moment now, double random) {
  if (const auto* together = std::get_if<RanTogether>(&happening)) {
    apply(*together);
  } else if (const auto* singly = std::get_if<RanSingly>(&happening)) {
    apply(*singly, now, random);
  } else if (const auto* answer = std::get_if<DeadLetterAnswered>(&happening)) {
    apply(*answer, now, random);
  } else if (std::holds_alternative<OffsetsCommitted>(happening)) {
    for (const std::size_t last : last_.items) {
      for (std::size_t i = 0; i <= last; ++i) {
        if (items_[i].lane == items_[last].lane) items_[i].state = State::committed;
      }
    }
  } else if (std::holds_alternative<StoreAway>(happening)) {
    store_not_before_ = now + policy_.backoff.delay(++store_failures_, random);
  }
  last_ = decide(now);
  return last_;
}

bool BatchCore::all_done() const noexcept {
  return std::all_of(items_.begin(), items_.end(), [](const Item& item) {
    return item.state == State::done || item.state == State::committed;
  });
}

void BatchCore::apply(const RanTogether& ran) {
  // Which of them is to blame only the second run tells, so this one counts against nobody.
  if (ran.failed) {
    singly_ = true;
    return;
  }
  store_failures_ = 0;
  for (const std::size_t item : last_.items)
    items_[item].state = State::done;
}

void BatchCore::apply(const RanSingly& ran, Moment now, double random) {
  store_failures_ = 0;
  std::vector<bool> failed_lane(lanes_, false);
  for (const std::size_t item : last_.items) {
    const auto failed = std::find_if(ran.failed.begin(), ran.failed.end(),
                                     [&](const ItemFailed& entry) { return entry.item == item; });
    if (failed_lane[items_[item].lane]) continue;
    if (failed == ran.failed.end()) {
      items_[item].state = State::done;
    } else {
      failed_lane[items_[item].lane] = true;
      fail(*failed, now, random);
    }
  }
}

void BatchCore::fail(const ItemFailed& failed, Moment now, double random) {
  Item& item = items_[failed.item];
  item.attempts += 1;
  item.reason = failed.reason;
  if (item.attempts >= policy_.attempts_max) {
    item.state = State::dead_due;
  } else {
    item.not_before = now + policy_.backoff.delay(item.attempts, random);
  }
}

void BatchCore::apply(const DeadLetterAnswered& answer, Moment now, double random) {
  Item& item = items_[last_.items.front()];
  if (answer.acknowledged) {
    item.state = State::done;
  } else {
    item.not_before = now + policy_.backoff.delay(++item.dead_letter_attempts, random);
  }
}

Command BatchCore::decide(Moment now) const {
  if (auto prefixes = finished_prefixes(); !prefixes.empty()) {
    return {Action::commit_offsets, std::move(prefixes), {}};
  }
  for (std::size_t i = 0; i < items_.size(); ++i) {
    if (items_[i].state == State::dead_due && items_[i].not_before <= now) {
      return {Action::dead_letter, {i}, {}};
    }
  }
  if (store_not_before_ <= now) {
    if (auto items = runnable(now); !items.empty()) {
      return {singly_ ? Action::run_singly : Action::run_together, std::move(items), {}};
    }
  }
  const Moment until = next_moment();
  if (until == Moment::max()) return {};
  return {Action::wait, {}, until};
}

Moment BatchCore::next_moment() const {
  Moment next = Moment::max();
  std::vector<bool> has_head(lanes_, false);
  for (const Item& item : items_) {
    if (item.state == State::done || item.state == State::committed) continue;
    if (item.state == State::dead_due) {
      next = std::min(next, item.not_before);
    } else if (!has_head[item.lane]) {
      // What stands behind the head waits for it, whatever its own moment.
      next = std::min(next, std::max(item.not_before, store_not_before_));
    }
    has_head[item.lane] = true;
  }
  return next;
}

std::vector<std::size_t> BatchCore::finished_prefixes() const {
  std::vector<std::size_t> last(lanes_, none);
  std::vector<bool> ended(lanes_, false);
  for (std::size_t i = 0; i < items_.size(); ++i) {
    const Item& item = items_[i];
    if (ended[item.lane] || item.state == State::committed) continue;
    if (item.state == State::done) {
      last[item.lane] = i;
    } else {
      ended[item.lane] = true;
    }
  }
  std::erase(last, none);
  return last;
}

std::vector<std::size_t> BatchCore::runnable(Moment now) const {
  std::vector<std::size_t> items;
  std::vector<bool> blocked(lanes_, false);
  for (std::size_t i = 0; i < items_.size(); ++i) {
    const Item& item = items_[i];
    if (blocked[item.lane] || item.state == State::done || item.state == State::committed) continue;
    if (item.state == State::dead_due || item.not_before > now) {
      blocked[item.lane] = true;
    } else {
      items.push_back(i);
    }
  }
  return items;
}

}  // namespace outbox::consume
