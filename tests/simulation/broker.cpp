// SPDX-License-Identifier: Apache-2.0
#include "simulation/broker.hpp"

#include <algorithm>

namespace outbox::simulation {

namespace {

constexpr int batches_on_wire_max = 5;  // max.in.flight of an idempotent producer
constexpr std::uint64_t batch_rows_max = 4;

}  // namespace

bool Handle::produce(const PartitionName& partition, Message message) {
  if (abandoned_ || fatal_) return false;
  lanes_[partition].queue.push_back(std::move(message));
  plan_send(partition);
  return true;
}

void Handle::abandon() {
  abandoned_ = true;
}

void Handle::break_down() {
  if (abandoned_ || fatal_) return;
  fatal_ = true;
  report_({}, Failure{FailureKind::retry_connection, "simulated fatal error"});
}

void Handle::plan_send(const PartitionName& partition) {
  Lane& lane = lanes_[partition];
  if (lane.send_planned || lane.queue.empty() || lane.batches_on_wire >= batches_on_wire_max) {
    return;
  }
  lane.send_planned = true;
  world_.after(world_.between(10, 3000),
               [self = shared_from_this(), partition] { self->send(partition); });
}

void Handle::send(const PartitionName& partition) {
  Lane& lane = lanes_[partition];
  lane.send_planned = false;
  if (abandoned_ || fatal_ || lane.queue.empty()) return;
  std::vector<Message> batch;
  const std::uint64_t rows = 1 + world_.number(batch_rows_max);
  while (!lane.queue.empty() && batch.size() < rows) {
    batch.push_back(std::move(lane.queue.front()));
    lane.queue.pop_front();
  }
  ++lane.batches_on_wire;
  const std::uint64_t number = lane.next_batch++;
  // One connection to a broker: later batches never overtake earlier ones.
  const Duration flight = world_.chance(world_.faults.slow_batch) ? world_.between(1000, 8'000'000)
                                                                  : world_.between(50, 2000);
  lane.last_arrival = std::max(lane.last_arrival + Duration{1}, world_.now() + flight);
  world_.at(lane.last_arrival, [self = shared_from_this(), partition, batch, number] {
    self->broker_.arrive(self, partition, batch, number);
  });
  plan_send(partition);
}

void Handle::answered(const PartitionName& partition, const std::vector<Message>& batch,
                      bool refused) {
  Lane& lane = lanes_[partition];
  --lane.batches_on_wire;
  if (abandoned_ || fatal_) return;
  std::vector<broker::Delivery> deliveries;
  for (const Message& message : batch) {
    broker::Delivery delivery;
    delivery.tag = message.tag;
    if (refused) {
      delivery.status = broker::DeliveryStatus::refused;
      delivery.failure = {FailureKind::retry_event, "simulated refusal"};
    }
    deliveries.push_back(std::move(delivery));
  }
  std::optional<Failure> fatal;
  if (refused) {
    fatal_ = true;
    fatal = Failure{FailureKind::retry_connection, "gapless guarantee"};
  }
  report_(std::move(deliveries), fatal);
  plan_send(partition);
}

void Broker::append(const PartitionName& partition, const LogEntry& entry) {
  logs_[partition].push_back(entry);
  if (on_append) on_append(partition, entry);
}

void Broker::arrive(const std::shared_ptr<Handle>& handle, const PartitionName& partition,
                    const std::vector<Handle::Message>& batch, std::uint64_t number) {
  std::optional<std::uint64_t>& expected = handle->lanes_[partition].next_expected;
  // Out of order: a batch before it was refused. It never gets in, and never gets an answer here.
  if (expected && *expected != number) return;
  bool refused = false;
  for (const Handle::Message& message : batch) {
    StoredRow& row = store_.rows().at(message.row);
    if (row.refusals_left > 0) {
      --row.refusals_left;
      refused = true;
    }
  }
  if (!refused) {
    expected = number + 1;
    for (const Handle::Message& message : batch) {
      append(partition, {message.row, message.key});
    }
  }
  Moment answer_at = world_.now() + world_.between(50, 3000);
  const auto stalled = stalled_.find(partition);
  if (stalled != stalled_.end()) answer_at = std::max(answer_at, stalled->second);
  world_.at(answer_at,
            [handle, partition, batch, refused] { handle->answered(partition, batch, refused); });
}

}  // namespace outbox::simulation
