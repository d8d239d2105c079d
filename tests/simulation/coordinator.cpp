// SPDX-License-Identifier: Apache-2.0
#include "simulation/coordinator.hpp"

namespace outbox::simulation {

std::int64_t Coordinator::fence(int slot) {
  SlotState& state = slots_[slot];
  state.open.clear();
  return ++state.epoch;
}

Coordinator::Answer Coordinator::add(int slot, std::int64_t epoch, const PartitionName& partition,
                                     const LogEntry& entry) {
  SlotState& state = slots_[slot];
  if (state.epoch != epoch) {
    ++fenced_requests;
    return Answer::fenced;
  }
  StoredRow& row = store_.rows().at(entry.row);
  if (row.refusals_left > 0) {
    --row.refusals_left;
    return Answer::refused;
  }
  state.open.emplace_back(partition, entry);
  return Answer::taken;
}

bool Coordinator::commit(int slot, std::int64_t epoch, std::vector<relay::SentRow> record) {
  SlotState& state = slots_[slot];
  if (state.epoch != epoch) {
    ++fenced_requests;
    return false;
  }
  for (const auto& [partition, entry] : std::exchange(state.open, {}))
    broker_.append(partition, entry);
  state.record = std::move(record);
  return true;
}

}  // namespace outbox::simulation
