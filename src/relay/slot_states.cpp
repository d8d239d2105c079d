// SPDX-License-Identifier: Apache-2.0
#include "relay/slot_states.hpp"

#include <algorithm>

namespace outbox::relay {

SlotState& SlotStates::at(int slot) {
  const auto number = static_cast<std::size_t>(slot);
  if (number >= slots_.size()) slots_.resize(number + 1);
  return slots_[number];
}

void SlotStates::acquired(const store::SlotLease& lease, Moment deadline) {
  SlotState& state = at(lease.slot);
  state.phase = SlotPhase::held;
  state.lease = lease;
  state.deadline = deadline;
}

void SlotStates::renewed(int slot, Moment deadline) {
  SlotState& state = at(slot);
  if (state.phase != SlotPhase::free) state.deadline = std::max(state.deadline, deadline);
}

void SlotStates::freed(int slot) {
  SlotState& state = at(slot);
  state.phase = SlotPhase::free;
  state.lease = {};
}

void SlotStates::start_draining(int slot, Moment drain_deadline) {
  SlotState& state = at(slot);
  state.phase = SlotPhase::draining;
  state.drain_deadline = drain_deadline;
}

bool SlotStates::owns(int slot) const {
  const auto number = static_cast<std::size_t>(slot);
  return number < slots_.size() && slots_[number].phase != SlotPhase::free;
}

bool SlotStates::may_send(int slot, Moment now) const {
  return owns(slot) && now < slots_[static_cast<std::size_t>(slot)].deadline;
}

std::vector<store::SlotLease> SlotStates::readable(Moment now) const {
  std::vector<store::SlotLease> leases;
  for (const SlotState& state : slots_) {
    if (transactional_ && !state.transactions.fenced) continue;
    if (state.phase == SlotPhase::held && now < state.deadline) leases.push_back(state.lease);
  }
  return leases;
}

std::vector<store::SlotLease> SlotStates::owned() const {
  std::vector<store::SlotLease> leases;
  for (const SlotState& state : slots_) {
    if (state.phase != SlotPhase::free) leases.push_back(state.lease);
  }
  return leases;
}

std::vector<int> SlotStates::in_phase(SlotPhase phase) const {
  std::vector<int> slots;
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    if (slots_[i].phase == phase) slots.push_back(static_cast<int>(i));
  }
  return slots;
}

int SlotStates::count_owned() const {
  return static_cast<int>(std::count_if(slots_.begin(), slots_.end(), [](const SlotState& state) {
    return state.phase != SlotPhase::free;
  }));
}

int SlotStates::count_held() const {
  return static_cast<int>(std::count_if(slots_.begin(), slots_.end(), [](const SlotState& state) {
    return state.phase == SlotPhase::held;
  }));
}

int fair_share(int slots, int members) {
  return members <= 1 ? slots : (slots + members - 1) / members;
}

}  // namespace outbox::relay
