// SPDX-License-Identifier: Apache-2.0
//
// How a relay under test runs the commands of `delivery: transactional`: what relay/slot_runner.cpp
// does on a thread for each slot, with the delays and faults of the simulation between its steps.
#include <algorithm>
#include <utility>

#include "simulation/relay_under_test.hpp"

namespace outbox::simulation {

namespace {

constexpr Duration patience = std::chrono::milliseconds{300};

Failure broken(const std::string& reason) {
  return {FailureKind::retry_connection, reason};
}

}  // namespace

struct RelayUnderTest::Sending {
  struct Row {
    relay::RowTag tag = 0;
    PartitionName partition;
    LogEntry entry;
  };
  relay::HandleId handle = 0;
  int slot = 0;
  std::int64_t epoch = 0;
  Moment deadline;
  std::vector<Row> rows;
  std::vector<relay::SentRow> record;
  std::size_t added = 0;
  std::vector<broker::Delivery> deliveries;
};

void RelayUnderTest::on_slot_thread(relay::HandleId handle, Duration delay,
                                    std::function<void()> what) {
  world_.at(std::max(world_.now() + delay, paused_until_),
            [self = shared_from_this(), incarnation = incarnation_, handle, what] {
              if (self->incarnation_ != incarnation) return;
              if (!self->slot_epochs_.contains(handle)) return;
              if (self->world_.now() < self->paused_until_) {
                self->on_slot_thread(handle, Duration{0}, what);
                return;
              }
              what();
            });
}

void RelayUnderTest::on(const relay::FenceSlot& command) {
  slot_epochs_[command.handle] = 0;
  on_slot_thread(command.handle, world_.between(50, 3000), [this, command] {
    const auto fails = [this] {
      return world_.chance(world_.faults.call_fails + world_.faults.call_in_doubt);
    };
    if (fails()) {
      slot_epochs_.erase(command.handle);
      deliver(relay::TransactionDone{command.handle, command.slot, {}, broken("no coordinator")});
      return;
    }
    // The request is on its way: it fences, whoever still waits for its answer.
    world_.after(world_.between(50, 2000), [self = shared_from_this(), command,
                                            incarnation = incarnation_] {
      const std::int64_t epoch = self->coordinator_.fence(command.slot);
      self->world_.trace("fenced slot " + std::to_string(command.slot));
      if (self->incarnation_ != incarnation) return;
      self->on_slot_thread(command.handle, self->world_.between(50, 5000), [self, command, epoch] {
        self->slot_epochs_[command.handle] = epoch;
        self->deliver(relay::SlotFenced{command.handle, command.slot,
                                        self->coordinator_.record(command.slot)});
      });
    });
  });
}

void RelayUnderTest::on(const relay::PublishTransaction& command) {
  const auto epoch = slot_epochs_.find(command.handle);
  if (epoch == slot_epochs_.end()) return;
  auto sending = std::make_shared<Sending>();
  sending->handle = command.handle;
  sending->slot = command.slot;
  sending->epoch = epoch->second;
  sending->deadline = command.deadline;
  sending->record = command.record;
  for (const relay::OutgoingRow& row : command.rows) {
    check_pauses(row);
    const OutboxRow& source = *row.row->row;
    sending->rows.push_back({row.tag,
                             {std::string(row.row->topic), row.partition},
                             {source.id.number, std::string(source.key)}});
  }
  on_slot_thread(command.handle, world_.between(10, 500), [this, sending] { add_rows(sending); });
}

void RelayUnderTest::add_rows(const std::shared_ptr<Sending>& sending) {
  if (world_.now() >= sending->deadline) return fail(sending, "the lease's deadline came");
  const std::size_t most = 1 + world_.number(4);
  for (std::size_t i = 0; i < most && sending->added < sending->rows.size(); ++i) {
    const Sending::Row& row = sending->rows[sending->added];
    broker::Delivery delivery;
    delivery.tag = row.tag;
    if (broker_.stalled_until(row.partition) > world_.now() + patience) {
      delivery.status = broker::DeliveryStatus::unknown;
      delivery.failure = {FailureKind::hold_topic, "no acknowledgement"};
      sending->deliveries.push_back(delivery);
      on_slot_thread(sending->handle, patience,
                     [this, sending] { fail(sending, "no acknowledgement"); });
      return;
    }
    const auto answer = coordinator_.add(sending->slot, sending->epoch, row.partition, row.entry);
    if (answer == Coordinator::Answer::fenced) return fail(sending, "fenced");
    if (answer == Coordinator::Answer::refused) {
      delivery.status = broker::DeliveryStatus::refused;
      delivery.failure = {FailureKind::retry_event, "simulated refusal"};
      sending->deliveries.push_back(delivery);
      return fail(sending, "simulated refusal");
    }
    sending->deliveries.push_back(delivery);
    ++sending->added;
  }
  const bool all = sending->added == sending->rows.size();
  on_slot_thread(sending->handle, world_.between(50, 2000), [this, sending, all] {
    if (all) {
      commit(sending);
    } else {
      add_rows(sending);
    }
  });
}

void RelayUnderTest::commit(const std::shared_ptr<Sending>& sending) {
  if (world_.now() >= sending->deadline) return fail(sending, "the lease's deadline came");
  const bool lost = world_.chance(world_.faults.call_fails);
  const bool in_doubt = world_.chance(world_.faults.call_in_doubt);
  const Duration flight = world_.chance(world_.faults.slow_batch) ? world_.between(1000, 8'000'000)
                                                                  : world_.between(50, 2000);
  if (!lost) {
    // On the wire: it arrives even when the relay has crashed meanwhile.
    world_.after(flight, [self = shared_from_this(), sending, in_doubt,
                          incarnation = incarnation_] {
      const bool done = self->coordinator_.commit(sending->slot, sending->epoch, sending->record);
      if (self->incarnation_ != incarnation || in_doubt) return;
      self->on_slot_thread(sending->handle, self->world_.between(50, 1000), [self, sending, done] {
        if (!done) return self->fail(sending, "fenced");
        self->deliver(
            relay::TransactionDone{sending->handle, sending->slot, sending->deliveries, {}});
      });
    });
  }
  // Nobody waits for an answer for ever; a second one of the same transaction is not heard.
  if (lost || in_doubt || flight > patience) {
    on_slot_thread(sending->handle, patience,
                   [this, sending] { fail(sending, "no answer to the commit"); });
  }
}

void RelayUnderTest::fail(const std::shared_ptr<Sending>& sending, const std::string& reason) {
  slot_epochs_.erase(sending->handle);
  deliver(
      relay::TransactionDone{sending->handle, sending->slot, sending->deliveries, broken(reason)});
}

}  // namespace outbox::simulation
