// SPDX-License-Identifier: Apache-2.0
#include "consume/work_core.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace outbox::consume {

namespace {

// A deadlock or a lock that was not got usually ends by trying again; one that does not is an
// event's failure like any other.
constexpr int conflicts_max = 3;

}  // namespace

WorkCore::WorkCore(WorkOptions options) : options_(std::move(options)) {}

const WorkCore::Item& WorkCore::at(const ItemName& item) const {
  const Lane& lane = lanes_.at(item.lane);
  return lane.items.at(item.number - lane.first_number);
}

WorkCore::Item& WorkCore::at(const ItemName& item) {
  return const_cast<Item&>(std::as_const(*this).at(item));
}

void WorkCore::add(LaneId lane, NewItem item) {
  Item& added = lanes_[lane].items.emplace_back();
  added.offset = item.offset;
  added.reason = std::move(item.fault);
  added.attempts = item.attempts_before;
  added.not_before = item.not_before;
  if (!added.reason.empty()) added.state = State::dead_due;
}

void WorkCore::drop(LaneId lane) {
  lanes_.erase(lane);
}

std::size_t WorkCore::waiting(LaneId lane) const {
  const auto found = lanes_.find(lane);
  return found == lanes_.end() ? 0 : found->second.items.size();
}

Command WorkCore::next(Moment now) {
  last_ = {};
  if (!std::exchange(forward_waits_, false) && find_forward(now, last_)) return last_;
  if (store_not_before_ <= now) {
    for (const Company company : {Company::none, Company::singly, Company::any}) {
      last_.items = runnable(company, now);
      if (last_.items.empty()) continue;
      last_.action = company == Company::any ? Action::run_together : Action::run_singly;
      turn_ = last_.items.front().lane + 1;
      return last_;
    }
  }
  if (find_forward(now, last_)) return last_;
  last_.until = next_moment();
  return last_;
}

bool WorkCore::find_forward(Moment now, Command& command) const {
  for (const auto& [id, lane] : lanes_) {
    for (std::size_t i = 0; i < lane.items.size(); ++i) {
      const Item& item = lane.items[i];
      const bool due = item.state == State::dead_due || item.state == State::delay_due;
      if (!due || item.not_before > now) continue;
      command.action = item.state == State::dead_due ? Action::dead_letter : Action::delay;
      command.items = {{id, lane.first_number + i}};
      command.until = item.delayed_until;
      return true;
    }
  }
  return false;
}

// From each lane what stands in front without a gap, beginning with the lane whose turn it is.
std::vector<ItemName> WorkCore::runnable(Company company, Moment now) const {
  std::vector<ItemName> names;
  const std::size_t most = company == Company::none ? 1 : options_.batch_size;
  const auto take = [&](const auto& entry) {
    const auto& [id, lane] = entry;
    for (std::size_t i = 0; i < lane.items.size() && names.size() < most; ++i) {
      const Item& item = lane.items[i];
      if (item.state == State::done) continue;
      if (item.state != State::open || item.not_before > now || item.company != company) return;
      names.push_back({id, lane.first_number + i});
    }
  };
  const auto first = lanes_.lower_bound(turn_);
  std::for_each(first, lanes_.end(), take);
  std::for_each(lanes_.begin(), first, take);
  return names;
}

Moment WorkCore::next_moment() const {
  Moment next = Moment::max();
  for (const auto& [id, lane] : lanes_) {
    bool has_head = false;
    for (const Item& item : lane.items) {
      if (item.state == State::done) continue;
      if (item.state != State::open) {
        next = std::min(next, item.not_before);
      } else if (!has_head) {
        // What stands behind the head waits for it, whatever its own moment.
        next = std::min(next, std::max(item.not_before, store_not_before_));
      }
      has_head = true;
    }
  }
  return next;
}

void WorkCore::happened(const Happening& happening, Moment now, double random) {
  std::visit([&](const auto& what) { apply(what, now, random); }, happening);
}

void WorkCore::store_answered() {
  store_failures_ = 0;
  conflicts_ = 0;
}

void WorkCore::keep_company(Company company) {
  for (const ItemName& item : last_.items)
    at(item).company = company;
}

void WorkCore::apply(Together together, Moment /*now*/, double /*random*/) {
  switch (together) {
    case Together::committed:
      store_answered();
      for (const ItemName& item : last_.items)
        at(item).state = State::done;
      return;
    case Together::failed:
    case Together::away:
      // Which of them is to blame only the second run tells, so this one counts against nobody.
      store_answered();
      keep_company(Company::singly);
      return;
  }
}

void WorkCore::apply(const RanSingly& ran, Moment now, double random) {
  store_answered();
  std::set<LaneId> failed_lanes;
  const std::size_t looked_at = std::min(ran.looked_at, last_.items.size());
  for (std::size_t i = 0; i < looked_at; ++i) {
    const ItemName& item = last_.items[i];
    if (failed_lanes.contains(item.lane)) continue;
    const auto is_item = [&](const ItemName& other) {
      return other.lane == item.lane && other.number == item.number;
    };
    if (std::any_of(ran.waiting.begin(), ran.waiting.end(), is_item)) {
      failed_lanes.insert(item.lane);
      at(item).not_before = now + options_.policies.front().backoff.delay(++at(item).waits, random);
      continue;
    }
    const auto failed = std::find_if(ran.failed.begin(), ran.failed.end(),
                                     [&](const ItemFailed& entry) { return is_item(entry.item); });
    if (failed == ran.failed.end()) {
      at(item).state = State::done;
    } else {
      failed_lanes.insert(item.lane);
      fail(*failed, now, random);
    }
  }
}

// The smaller the transaction, the fewer locks it can meet: in the end one event a transaction, and
// only then is it the event's own failure.
void WorkCore::apply(const Conflict& conflict, Moment now, double random) {
  if (++conflicts_ < conflicts_max) {
    store_not_before_ = now + options_.policies.front().backoff.delay(conflicts_, random);
    return;
  }
  store_answered();
  if (last_.action == Action::run_together) {
    keep_company(Company::singly);
  } else if (last_.items.size() > 1) {
    keep_company(Company::none);
  } else {
    fail({last_.items.front(), conflict.reason, 0}, now, random);
  }
}

void WorkCore::apply(const CommitRefused& refused, Moment now, double random) {
  store_answered();
  if (last_.action == Action::run_together) {
    keep_company(Company::singly);
  } else if (last_.items.size() > 1) {
    keep_company(Company::none);
  } else {
    fail({last_.items.front(), refused.reason, 0}, now, random);
  }
}

void WorkCore::fail(const ItemFailed& failed, Moment now, double random) {
  Item& item = at(failed.item);
  const AttemptPolicy& policy = options_.policies.at(failed.policy);
  item.attempts += 1;
  item.reason = failed.reason;
  if (item.attempts >= policy.attempts_max) {
    item.state = State::dead_due;
    return;
  }
  const Moment due = now + policy.backoff.delay(item.attempts, random);
  if (options_.ordered) {
    item.not_before = due;
  } else {
    item.state = State::delay_due;
    item.delayed_until = due;
  }
}

void WorkCore::apply(Forwarded answer, Moment now, double random) {
  Item& item = at(last_.items.front());
  if (answer.acknowledged) {
    item.state = State::done;
  } else {
    item.not_before =
        now + options_.policies.front().backoff.delay(++item.forward_attempts, random);
    forward_waits_ = true;
  }
}

void WorkCore::apply(Away /*away*/, Moment now, double random) {
  store_not_before_ = now + options_.policies.front().backoff.delay(++store_failures_, random);
}

std::vector<Progress> WorkCore::take_progress() {
  std::vector<Progress> all;
  for (auto& [id, lane] : lanes_) {
    Progress progress{id, 0, 0};
    while (!lane.items.empty() && lane.items.front().state == State::done) {
      progress.next_offset = lane.items.front().offset + 1;
      progress.count += 1;
      lane.items.pop_front();
    }
    lane.first_number += progress.count;
    if (progress.count > 0) all.push_back(progress);
  }
  return all;
}

}  // namespace outbox::consume
