// SPDX-License-Identifier: Apache-2.0
//
// `delivery: transactional`: each slot sends under a name of its own, one Kafka transaction after
// the other. Whoever takes a slot fences its former owner, reads back what that one has committed,
// and settles those rows instead of sending them again (design, protocol 3). Any failure and any
// answer that stays away ends in a new handle, a new fence and a fresh look.
#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "relay/core.hpp"

namespace outbox::relay {

namespace {

constexpr Duration fence_again_first = std::chrono::milliseconds{100};
constexpr Duration fence_again_max = std::chrono::seconds{10};

}  // namespace

void Core::fence_slots() {
  if (stopping_) return;
  for (const int slot : slots_.in_phase(SlotPhase::held)) {
    SlotTransactions& transactions = slots_.at(slot).transactions;
    if (transactions.handle != 0) continue;
    if (now_ < transactions.fence_at) {
      wake_by(transactions.fence_at);
      continue;
    }
    transactions.handle = ++last_handle_;
    say(FenceSlot{transactions.handle, slot});
  }
}

void Core::on(const SlotFenced& event) {
  if (!slots_.owns(event.slot)) return;
  SlotTransactions& transactions = slots_.at(event.slot).transactions;
  if (transactions.handle != event.handle) return;
  transactions.fenced = true;
  transactions.sent_before.clear();
  if (options_.safety.recall_sent) {
    for (const SentRow& row : event.sent)
      transactions.sent_before.insert_or_assign(row.id, row.replay);
  }
  if (!event.sent.empty()) {
    notice(NoticeKind::sent_before, "slot " + std::to_string(event.slot),
           std::to_string(event.sent.size()) +
               " rows stand in the last committed transaction: those still unsettled are settled, "
               "not sent again");
  }
  // A lease that ran out meanwhile would have fenced the newer owner: it is verified, then read.
  verified_after_ = now_;
  heartbeat_at_ = now_;
  rescan_next_ = true;
  read_at_ = now_;
}

bool Core::was_sent_before(const PreparedRow& prepared) {
  auto& sent = slots_.at(prepared.row->slot).transactions.sent_before;
  const auto found = sent.find(prepared.row->id);
  if (found == sent.end()) return false;
  if (found->second == prepared.row->replay) return true;
  // It is to be sent on purpose once more, since.
  sent.erase(found);
  return false;
}

void Core::settle_unsent(FlightRow row) {
  row.stage = RowStage::acknowledged;
  row.topic = -1;
  row.isolated = false;
  const RowTag tag = rows_.add(row);
  ++slots_.at(row.slot).rows;
  desk_.published(tag);
}

void Core::forget_sent_before() {
  // Every unsettled row of these slots has just been seen: what is not in hand was settled before.
  for (const int slot : read_slots_) {
    auto& sent = slots_.at(slot).transactions.sent_before;
    if (sent.empty()) continue;
    std::set<RowId> in_hand;
    rows_.for_each([&](RowTag, FlightRow& row) {
      if (row.slot == slot) in_hand.insert(rows_.id(row));
    });
    std::erase_if(sent, [&](const auto& entry) { return !in_hand.contains(entry.first); });
  }
}

void Core::pump_transactions() {
  for (const store::SlotLease& lease : slots_.owned())
    pump_slot(lease.slot, slots_.at(lease.slot));
}

void Core::pump_slot(int slot, SlotState& state) {
  SlotTransactions& own = state.transactions;
  if (!own.fenced || own.under_way || !slots_.may_send(slot, now_)) return;
  PublishTransaction transaction;
  transaction.handle = own.handle;
  transaction.slot = slot;
  transaction.deadline = state.deadline;
  transaction.lease_epoch = state.lease.epoch;
  while (transaction.rows.empty() && !own.isolated.empty()) {
    static_cast<void>(take_into(transaction, own.isolated.front()));
    own.isolated.pop_front();
  }
  const bool alone = !transaction.rows.empty();
  std::size_t bytes = 0;
  while (!alone && !own.waiting.empty() && transaction.rows.size() < options_.batch_size &&
         bytes < options_.in_flight_bytes_max / 4) {
    if (take_into(transaction, own.waiting.front())) {
      bytes += transaction.rows.back().row->wire_bytes;
    }
    own.waiting.pop_front();
  }
  if (transaction.rows.empty()) return;
  record_unsettled(transaction);
  own.under_way = true;
  say(std::move(transaction));
}

bool Core::take_into(PublishTransaction& transaction, RowTag tag) {
  FlightRow* row = rows_.find(tag);
  if (row == nullptr || row->stage != RowStage::waiting) return false;
  row->stage = RowStage::sent;
  const PreparedRow& prepared = rows_.prepared(*row);
  transaction.rows.push_back(
      {tag, &prepared, &rows_.batch(*row), row->partition, transaction.lease_epoch});
  const auto& batch = rows_.shared_batch(*row);
  if (transaction.batches.empty() || transaction.batches.back() != batch) {
    transaction.batches.push_back(batch);
  }
  transaction.record.push_back({prepared.row->id, prepared.row->replay});
  if (!options_.safety.settle_after_acknowledgement) desk_.published(tag);
  return true;
}

void Core::record_unsettled(PublishTransaction& transaction) {
  if (!options_.safety.keep_unsettled) return;
  const auto& before = slots_.at(transaction.slot).transactions.sent_before;
  for (const auto& [id, replay] : before)
    transaction.record.push_back({id, replay});
  rows_.for_each([&](RowTag, FlightRow& row) {
    if (row.slot != transaction.slot || row.stage != RowStage::acknowledged) return;
    const OutboxRow& source = *rows_.prepared(row).row;
    if (!before.contains(source.id)) transaction.record.push_back({source.id, source.replay});
  });
}

void Core::on(const TransactionDone& event) {
  if (!slots_.owns(event.slot)) return;
  SlotTransactions& own = slots_.at(event.slot).transactions;
  if (own.handle != event.handle) return;
  own.under_way = false;
  bool refused = false;
  for (const broker::Delivery& delivery : event.deliveries) {
    FlightRow* row = rows_.find(delivery.tag);
    if (row == nullptr || row->stage != RowStage::sent) continue;
    const bool of_topic = delivery.failure.kind == FailureKind::hold_topic;
    if (!event.failure) {
      acknowledged(delivery.tag, *row);
    } else if (delivery.status == broker::DeliveryStatus::refused) {
      refused = true;
      if (row->isolated) {
        refused_in_isolation(delivery.tag, delivery.failure);
      } else {
        refused_on_main(*row, delivery.failure);
      }
    } else if (delivery.status == broker::DeliveryStatus::unknown && of_topic) {
      // No leader, too few replicas: without it the slot's other topics go on.
      hold(row->topic, delivery.failure.reason);
    }
  }
  if (!event.failure) return;
  if (refused) own.failures_in_row = 0;
  restart_slot(event.slot, event.failure->reason);
}

void Core::restart_slot(int slot, const std::string& reason) {
  drop_slot_handle(slot);
  SlotTransactions& own = slots_.at(slot).transactions;
  ++own.failures_in_row;
  const int doublings = std::clamp(own.failures_in_row - 2, 0, 10);
  const Duration pause = std::min(fence_again_first * (1 << doublings), fence_again_max);
  own.fence_at = own.failures_in_row <= 1 ? now_ : now_ + pause;
  // Whether the transaction is committed is told by the record, once it is read back.
  rows_.for_each([&](RowTag tag, FlightRow& row) {
    if (row.slot != slot) return;
    if (row.stage == RowStage::sent || row.stage == RowStage::waiting) give_up(tag);
  });
  notice(NoticeKind::handle_restarted, "slot " + std::to_string(slot), reason);
}

void Core::drop_slot_handle(int slot) {
  SlotTransactions& own = slots_.at(slot).transactions;
  if (own.handle != 0) say(DropHandle{own.handle});
  own.handle = 0;
  own.fenced = false;
  own.under_way = false;
  own.waiting.clear();
  own.isolated.clear();
  own.sent_before.clear();
}

}  // namespace outbox::relay
