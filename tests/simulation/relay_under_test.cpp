// SPDX-License-Identifier: Apache-2.0
#include "simulation/relay_under_test.hpp"

#include <utility>
#include <variant>

#include "core/murmur2.hpp"

namespace outbox::simulation {

namespace {

using relay::StoreCall;

}  // namespace

void RelayUnderTest::start() {
  ++incarnation_;
  world_.trace(name_ + " starts");
  relay::CoreOptions options = options_;
  options.random_seed = world_.number(1U << 30U);
  core_ = std::make_unique<relay::Core>(options);
  busy_until_.clear();
  handles_.clear();
  slot_epochs_.clear();
  inbox_.clear();
  heeded_.clear();
  paused_until_ = world_.now();
  deliver(relay::Tick{});
}

void RelayUnderTest::crash() {
  if (core_ == nullptr) return;
  world_.trace(name_ + " crashes");
  core_.reset();
  inbox_.clear();
  ++incarnation_;
  for (auto& [number, handle] : handles_)
    handle->abandon();
  handles_.clear();
  slot_epochs_.clear();
}

std::string RelayUnderTest::describe() {
  const relay::CoreView view = core_->view();
  std::string text = name_ + ": slots " + std::to_string(view.slots_held) + ", rows " +
                     std::to_string(view.rows_in_flight) + ", blocked keys " +
                     std::to_string(view.blocked_keys) + ", held";
  for (const std::string& topic : view.held_topics)
    text += " " + topic;
  return text;
}

void RelayUnderTest::request_stop() {
  deliver(relay::StopRequested{});
}

void RelayUnderTest::break_handle() {
  if (!handles_.empty()) handles_.begin()->second->break_down();
  if (slot_epochs_.empty()) return;
  const auto handle = slot_epochs_.begin()->first;
  slot_epochs_.erase(handle);
  // Which slot's it was the core knows by the handle.
  for (int slot = 0; slot < Store::slots; ++slot) {
    deliver(relay::TransactionDone{
        handle, slot, {}, Failure{FailureKind::retry_connection, "simulated fatal error"}});
  }
}

void RelayUnderTest::deliver(relay::Event event) {
  if (core_ == nullptr) return;
  inbox_.push_back(std::move(event));
  world_.at(std::max(world_.now(), paused_until_),
            [self = shared_from_this(), incarnation = incarnation_] {
              if (self->incarnation_ == incarnation) self->drain_inbox();
            });
}

void RelayUnderTest::drain_inbox() {
  if (world_.now() < paused_until_) {
    world_.at(paused_until_, [self = shared_from_this(), incarnation = incarnation_] {
      if (self->incarnation_ == incarnation) self->drain_inbox();
    });
    return;
  }
  while (core_ != nullptr && !inbox_.empty()) {
    const relay::Event event = std::move(inbox_.front());
    inbox_.pop_front();
    std::vector<relay::Command> commands;
    if (const auto* beat = std::get_if<relay::HeartbeatDone>(&event)) {
      if (beat->heartbeat.pauses) heeded_ = *beat->heartbeat.pauses;
    }
    core_->step(event, world_.now(), commands);
    for (const relay::Command& command : commands) {
      std::visit([this](const auto& what) { on(what); }, command);
    }
    const relay::CoreView view = core_->view();
    if (view.rows_in_flight > options_.in_flight_rows_max + options_.batch_size) {
      world_.broken(name_ + " holds " + std::to_string(view.rows_in_flight) + " rows");
    }
  }
  if (core_ != nullptr) schedule_tick();
}

void RelayUnderTest::schedule_tick() {
  if (core_->finished()) return;
  const std::uint64_t tick = ++tick_;
  world_.at(std::max(core_->wake_at(), world_.now() + std::chrono::microseconds{100}),
            [self = shared_from_this(), tick] {
              if (self->tick_ == tick) self->deliver(relay::Tick{});
            });
}

void RelayUnderTest::call(Connection connection, relay::Event failed,
                          std::function<relay::Event()> work) {
  Moment& busy = busy_until_[connection];
  busy = std::max(busy, world_.now()) + world_.between(50, 2000);
  const bool fails = world_.chance(world_.faults.call_fails);
  const bool in_doubt = !fails && world_.chance(world_.faults.call_in_doubt);
  // A request on its way is done even when the caller has crashed meanwhile.
  world_.at(busy, [self = shared_from_this(), incarnation = incarnation_, failed, fails, in_doubt,
                   work = std::move(work)] {
    relay::Event answer = failed;
    if (!fails) answer = work();
    if (in_doubt) answer = failed;
    if (self->incarnation_ != incarnation) return;
    self->world_.after(self->world_.between(50, 1000), [self, incarnation, answer] {
      if (self->incarnation_ == incarnation) self->deliver(answer);
    });
  });
}

relay::Event RelayUnderTest::read(const relay::ReadRows& command) {
  store::ReadRequest request;
  request.leases = command.leases;
  request.in_flight = command.in_flight;
  request.blocked_keys = command.blocked_keys;
  request.only_keys = command.only_keys;
  request.held_routes = command.held_routes;
  request.lowest_unsettled = command.lowest_unsettled;
  request.rescan = command.rescan;
  request.rows_max = command.rows_max;
  auto batch = std::make_shared<relay::PreparedBatch>();
  batch->source = store_.read(member(), request);
  for (const OutboxRow& row : batch->source.rows) {
    relay::PreparedRow prepared;
    prepared.row = &row;
    prepared.topic = row.topic;
    prepared.key_hash = murmur2(row.key);
    prepared.wire_bytes = 100;
    if (store_.rows().at(row.id.number).defect) {
      prepared.defect = Failure{FailureKind::dead_letter, "simulated defect"};
    }
    batch->rows.push_back(prepared);
  }
  return relay::RowsRead{command.generation, batch};
}

relay::Event RelayUnderTest::settle(const relay::Settle& command) {
  store::SettleRequest request;
  request.leases = command.leases;
  request.published = command.published;
  request.changes = command.changes;
  request.keys = command.keys;
  return relay::SettleDone{command.settle_id, store_.settle(member(), request)};
}

void RelayUnderTest::on(const relay::Publish& publish) {
  const auto handle = handles_.find(publish.handle);
  if (handle == handles_.end()) return;
  std::vector<relay::RowTag> left;
  for (const relay::OutgoingRow& row : publish.rows) {
    const OutboxRow& source = *row.row->row;
    check_pauses(row);
    const bool late = world_.now() >= publish.deadline;
    const PartitionName partition{std::string(row.row->topic), row.partition};
    if (late ||
        !handle->second->produce(partition, {row.tag, source.id.number, std::string(source.key)})) {
      left.push_back(row.tag);
    }
  }
  if (!left.empty()) deliver(relay::NotHandedOver{publish.handle, std::move(left)});
}

void RelayUnderTest::check_pauses(const relay::OutgoingRow& row) {
  for (const store::Pause& pause : heeded_) {
    const bool stands = pause.kind == store::PauseKind::relay ||
                        (pause.kind == store::PauseKind::topic && pause.name == row.row->topic) ||
                        (pause.kind == store::PauseKind::key && pause.name == row.row->row->key);
    if (!stands) continue;
    world_.broken(name_ + " hands over row " + std::to_string(row.row->row->id.number) +
                  ", which is paused");
  }
}

void RelayUnderTest::on(const relay::LookUpTopic& command) {
  const std::string topic = command.topic;
  call(Connection::broker_admin, relay::TopicLookupFailed{topic}, [this, topic]() -> relay::Event {
    relay::TopicLookedUp answer;
    answer.topic.name = topic;
    const auto found = broker_.topics.find(topic);
    if (found == broker_.topics.end()) {
      answer.topic.failure = Failure{FailureKind::hold_topic, "missing"};
    } else {
      answer.topic.partitions = found->second;
      answer.agreed_partitions = store_.agreed_partitions(topic);
    }
    return answer;
  });
}

void RelayUnderTest::on(const relay::Join&) {
  call(Connection::leases, relay::StoreFailed{StoreCall::join, 0}, [] { return relay::Joined{}; });
}

void RelayUnderTest::on(const relay::SendHeartbeat& command) {
  call(Connection::leases, relay::StoreFailed{StoreCall::heartbeat, 0},
       [this, member = member(), sent_at = world_.now(), held = command.held] {
         return relay::HeartbeatDone{sent_at, store_.heartbeat(member, held)};
       });
}

void RelayUnderTest::on(const relay::AcquireSlots& command) {
  call(Connection::leases, relay::StoreFailed{StoreCall::acquire, 0},
       [this, member = member(), sent_at = world_.now(), most = command.slots_max] {
         return relay::SlotsAcquired{sent_at, store_.acquire(member, most)};
       });
}

void RelayUnderTest::on(const relay::ReleaseSlots& command) {
  call(Connection::leases, relay::StoreFailed{StoreCall::release, 0},
       [this, held = command.leases] {
         store_.release(held);
         return relay::SlotsReleased{};
       });
}

void RelayUnderTest::on(const relay::ReadRows& command) {
  call(Connection::capture, relay::StoreFailed{StoreCall::read, 0},
       [this, command] { return read(command); });
}

void RelayUnderTest::on(const relay::Settle& command) {
  call(Connection::settlement, relay::StoreFailed{StoreCall::settle, command.settle_id},
       [this, command] { return settle(command); });
}

void RelayUnderTest::on(const relay::OpenHandle& command) {
  handles_[command.handle] =
      broker_.open([self = weak_from_this(), number = command.handle, incarnation = incarnation_](
                       std::vector<broker::Delivery> deliveries, std::optional<Failure> fatal) {
        const auto relay = self.lock();
        if (relay == nullptr || relay->incarnation_ != incarnation) return;
        relay->deliver(relay::Delivered{number, std::move(deliveries), std::move(fatal)});
      });
}

void RelayUnderTest::on(const relay::DropHandle& command) {
  slot_epochs_.erase(command.handle);
  const auto found = handles_.find(command.handle);
  if (found == handles_.end()) return;
  found->second->abandon();
  handles_.erase(found);
}

void RelayUnderTest::on(const relay::AdoptPartitions& command) {
  call(Connection::broker_admin, relay::StoreFailed{StoreCall::adopt, 0}, [this, command] {
    return relay::PartitionsAdopted{command.topic,
                                    store_.adopt(command.topic, command.expected, command.count)};
  });
}

void RelayUnderTest::on(const relay::Leave&) {
  for (auto& [number, handle] : handles_)
    handle->abandon();
  handles_.clear();
  slot_epochs_.clear();
  store_.leave(member());
}

void RelayUnderTest::on(const relay::Notice& notice) {
  world_.trace(name_ + " notice " + std::to_string(static_cast<int>(notice.kind)) + " " +
               notice.subject + ": " + notice.detail);
}

}  // namespace outbox::simulation
