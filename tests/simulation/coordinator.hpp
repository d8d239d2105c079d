// SPDX-License-Identifier: Apache-2.0
//
// Kafka's transactions as far as they matter here: a name's epoch fences all older handles of it,
// a transaction is seen whole or not at all, and a request that is on the wire arrives whatever
// became of who sent it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "relay/sent_row.hpp"
#include "simulation/broker.hpp"

namespace outbox::simulation {

class Coordinator {
 public:
  enum class Answer : std::uint8_t { taken, refused, fenced };

  Coordinator(Broker& broker, Store& store) : broker_(broker), store_(store) {}

  /// The epoch of the slot's new owner; what was open is aborted.
  std::int64_t fence(int slot);
  /// The last committed record.
  [[nodiscard]] std::vector<relay::SentRow> record(int slot) { return slots_[slot].record; }

  [[nodiscard]] Answer add(int slot, std::int64_t epoch, const PartitionName& partition,
                           const LogEntry& entry);
  /// False where a newer owner has fenced this one.
  [[nodiscard]] bool commit(int slot, std::int64_t epoch, std::vector<relay::SentRow> record);

  std::uint64_t fenced_requests = 0;  ///< Of zombies.

 private:
  struct SlotState {
    std::int64_t epoch = 0;
    std::vector<std::pair<PartitionName, LogEntry>> open;
    std::vector<relay::SentRow> record;
  };

  Broker& broker_;
  Store& store_;
  std::map<int, SlotState> slots_;
};

}  // namespace outbox::simulation
