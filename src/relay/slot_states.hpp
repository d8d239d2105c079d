// SPDX-License-Identifier: Apache-2.0
//
// The slots this relay holds: their leases, local deadlines and fair share (design, protocol 1 and
// 2).
//
//     free --acquired--> held --over the share--> draining --drained, released--> free
//                          \------------- lost (heartbeat or settle says so) ------/
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "core/clock.hpp"
#include "store/leases.hpp"

namespace outbox::relay {

enum class SlotPhase : std::uint8_t { free, held, draining };

struct SlotState {
  SlotPhase phase = SlotPhase::free;
  store::SlotLease lease;
  Moment deadline;        ///< No hand-over starts after it.
  Moment drain_deadline;  ///< While draining: then the slot is given up whatever is in flight.
  std::size_t rows = 0;   ///< In hand.
};

class SlotStates {
 public:
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
  std::vector<SlotState> slots_;  ///< By number; grown as slots are seen.
};

/// ceil(slots / members): what each of `members` may hold.
[[nodiscard]] int fair_share(int slots, int members);

}  // namespace outbox::relay
