// SPDX-License-Identifier: Apache-2.0
//
// The slots this relay holds: their leases, local deadlines and fair share (design, protocol 1 and
// 2).
//
//     free --acquired--> held --over the share--> draining --drained, released--> free
//                          \------------- lost (heartbeat or settle says so) ------/
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "core/clock.hpp"
#include "core/row.hpp"
#include "store/leases.hpp"

namespace outbox::relay {

enum class SlotPhase : std::uint8_t { free, held, draining };

/// Of a slot that sends in transactions (relay.delivery: transactional):
///
///     no handle --FenceSlot--> fencing --SlotFenced--> fenced --PublishTransaction--> under way
///         \--------------------- any failure ------------------------------------------/
struct SlotTransactions {
  std::uint64_t handle = 0;  ///< 0: none.
  bool fenced = false;       ///< Nobody else sends under the slot's name: rows may be read.
  bool under_way = false;
  Moment fence_at;  ///< Not before: handles that fail at once are made more and more slowly.
  int failures_in_row = 0;
  std::deque<std::uint64_t> waiting;   ///< Tags, in the rows' order.
  std::deque<std::uint64_t> isolated;  ///< Of keys with a refused event: each goes alone.
  std::map<RowId, bool> sent_before;   ///< In the record read back, not yet settled; is a replay.
};

struct SlotState {
  SlotPhase phase = SlotPhase::free;
  store::SlotLease lease;
  Moment deadline;        ///< No hand-over starts after it.
  Moment drain_deadline;  ///< While draining: then the slot is given up whatever is in flight.
  std::size_t rows = 0;   ///< In hand.
  SlotTransactions transactions;
};

class SlotStates {
 public:
  /// `transactional`: slots are read only once they are fenced.
  explicit SlotStates(bool transactional = false) : transactional_(transactional) {}

  void acquired(const store::SlotLease& lease, Moment deadline);
  void renewed(int slot, Moment deadline);
  /// The slot is nobody's, as far as we know; its lease is forgotten.
  void freed(int slot);
  void start_draining(int slot, Moment drain_deadline);

  [[nodiscard]] SlotState& at(int slot);
  [[nodiscard]] bool owns(int slot) const;  ///< Held or draining.
  [[nodiscard]] bool may_send(int slot, Moment now) const;

  /// Leases of slots in `phase` whose deadline is not over, or of all owned ones.
  [[nodiscard]] std::vector<store::SlotLease> readable(Moment now) const;
  [[nodiscard]] std::vector<store::SlotLease> owned() const;
  [[nodiscard]] std::vector<int> in_phase(SlotPhase phase) const;
  [[nodiscard]] int count_owned() const;
  [[nodiscard]] int count_held() const;

 private:
  bool transactional_;
  std::vector<SlotState> slots_;  ///< By number; grown as slots are seen.
};

/// ceil(slots / members): what each of `members` may hold.
[[nodiscard]] int fair_share(int slots, int members);

}  // namespace outbox::relay
