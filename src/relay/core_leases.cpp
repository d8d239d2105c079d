// SPDX-License-Identifier: Apache-2.0
//
// Leases: heartbeat, fair share, drain and loss (design, protocol 1 and 2).
#include <algorithm>
#include <string>

#include "relay/core.hpp"

namespace outbox::relay {

void Core::lease_timers() {
  // While stopping, too: what is in flight can only be settled under a lease that stands.
  if (!joined_ || heartbeat_under_way_) return;
  if (now_ < heartbeat_at_) {
    wake_by(heartbeat_at_);
    return;
  }
  heartbeat_under_way_ = true;
  heartbeat_sent_at_ = now_;
  heartbeat_at_ = now_ + lease_ttl_ / 3;
  heartbeat_held_ = slots_.owned();
  say(SendHeartbeat{heartbeat_held_});
}

void Core::on(const HeartbeatDone& event) {
  heartbeat_under_way_ = false;
  heard_of_store_ = now_;
  last_verified_ = heartbeat_sent_at_;
  const auto& renewed = event.heartbeat.renewed_slots;
  for (const store::SlotLease& lease : heartbeat_held_) {
    if (!slots_.owns(lease.slot) || slots_.at(lease.slot).lease != lease) continue;
    if (std::find(renewed.begin(), renewed.end(), lease.slot) == renewed.end()) {
      lose_slot(lease.slot, "another relay has taken it");
    } else {
      slots_.renewed(lease.slot, event.sent_at + lease_ttl_ - lease_margin_);
    }
  }
  if (event.heartbeat.pauses)
    heed(*event.heartbeat.pauses);
  else if (pauses_answered_)
    notice(NoticeKind::pauses_unknown, "pauses", event.heartbeat.pauses_fault);
  pauses_answered_ = event.heartbeat.pauses.has_value();
  pauses_known_ = pauses_known_ || pauses_answered_;
  members_ = std::max(1, event.heartbeat.live_members);
  // One that starts takes nothing before it has heard what is paused.
  if (!stopping_ && pauses_known_) balance(event.heartbeat);
}

void Core::balance(const store::Heartbeat& heartbeat) {
  const int share = fair_share(heartbeat.slots, members_);
  const int held = slots_.count_held();
  if (held > share) {
    const std::vector<int> slots = slots_.in_phase(SlotPhase::held);
    for (int i = 0; i < held - share; ++i) {
      // The last ones go, so that two instances that shrink at once keep what they had longest.
      const int slot = slots[slots.size() - 1 - static_cast<std::size_t>(i)];
      slots_.start_draining(slot, now_ + lease_ttl_);
    }
    return;
  }
  if (held < share && heartbeat.free_slots > 0 && !acquire_under_way_ && !release_under_way_) {
    acquire_under_way_ = true;
    say(AcquireSlots{std::min(share - held, heartbeat.free_slots)});
  }
}

void Core::on(const SlotsAcquired& event) {
  acquire_under_way_ = false;
  std::string names;
  for (const store::AcquiredSlot& acquired : event.slots) {
    const int slot = acquired.lease.slot;
    if (slots_.owns(slot)) lose_slot(slot, "acquired anew");
    slots_.acquired(acquired.lease, event.sent_at + lease_ttl_ - lease_margin_);
    for (const store::KeyState& state : acquired.keys)
      keys_.load(state, now_);
    names += (names.empty() ? "" : ",") + std::to_string(slot);
  }
  if (event.slots.empty()) return;
  rescan_next_ = true;
  read_at_ = now_;
  notice(NoticeKind::slots_acquired, names,
         std::to_string(slots_.count_owned()) + " held by this relay");
}

void Core::on(const SlotsReleased&) {
  release_under_way_ = false;
}

void Core::lose_slot(int slot, const char* why) {
  bool sent = false;
  rows_.for_each([&](RowTag tag, FlightRow& row) {
    if (row.slot != slot) return;
    if (row.stage == RowStage::sent && !options_.transactional) {
      sent = true;
    } else {
      forget(tag);
    }
  });
  drop_slot_handle(slot);
  slots_.freed(slot);
  keys_.erase_slot(slot);
  // A read under way was made under the lost lease, whoever holds the slot when it is answered.
  ++generation_;
  rescan_next_ = true;
  notice(NoticeKind::slot_lost, std::to_string(slot), why);
  // What is queued in the handles would still go out; a fresh handle sends nothing of the lost
  // slot.
  if (sent) {
    restart(main_, "a slot with messages in flight was lost");
    if (isolated_sent_ != 0) restart(isolated_, "a slot with messages in flight was lost");
  }
}

void Core::finish_drains() {
  std::vector<store::SlotLease> drained;
  for (const int slot : slots_.in_phase(SlotPhase::draining)) {
    SlotState& state = slots_.at(slot);
    const bool late = now_ >= state.drain_deadline;
    if (state.rows > 0 && !late) {
      wake_by(state.drain_deadline);
      continue;
    }
    const store::SlotLease lease = state.lease;
    if (state.rows > 0) {
      lose_slot(slot, "given up: it could not be drained within the lease's time to live");
    } else {
      drop_slot_handle(slot);
      slots_.freed(slot);
      keys_.erase_slot(slot);
      notice(NoticeKind::slot_released, std::to_string(slot));
    }
    drained.push_back(lease);
  }
  if (drained.empty()) return;
  release_under_way_ = true;
  // A read under way may bring rows of the slot; it is told apart by its generation.
  ++generation_;
  say(ReleaseSlots{std::move(drained)});
}

}  // namespace outbox::relay
