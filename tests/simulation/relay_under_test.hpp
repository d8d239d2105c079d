// SPDX-License-Identifier: Apache-2.0
//
// One relay process in the simulation: the real core, its commands run against the simulated store
// and broker with delays, failures, crashes and pauses.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "relay/core.hpp"
#include "simulation/broker.hpp"
#include "simulation/coordinator.hpp"
#include "simulation/store.hpp"
#include "simulation/world.hpp"

namespace outbox::simulation {

class RelayUnderTest : public std::enable_shared_from_this<RelayUnderTest> {
 public:
  /// What a relay works against; they outlive it.
  struct Surroundings {
    World& world;
    Store& store;
    Broker& broker;
    Coordinator& coordinator;
  };

  RelayUnderTest(const Surroundings& around, relay::CoreOptions options, std::string name)
      : world_(around.world),
        store_(around.store),
        broker_(around.broker),
        coordinator_(around.coordinator),
        options_(options),
        name_(std::move(name)) {}

  void start();
  /// As kill -9: nothing of it runs on; what is on the wire arrives.
  void crash();
  /// As SIGSTOP: nothing is heard or done until `until`.
  void pause(Moment until) { paused_until_ = std::max(paused_until_, until); }
  void request_stop();
  void break_handle();

  [[nodiscard]] bool running() const { return core_ != nullptr && !core_->finished(); }
  /// For the trace: what it has in hand.
  [[nodiscard]] std::string describe();

 private:
  enum class Connection : std::uint8_t { leases, capture, settlement, broker_admin };

  /// Events are heard in the order in which they came, as from the queue of the real shell.
  void deliver(relay::Event event);
  void drain_inbox();
  void on(const relay::Join& command);
  void on(const relay::SendHeartbeat& command);
  void on(const relay::AcquireSlots& command);
  void on(const relay::ReleaseSlots& command);
  void on(const relay::ReadRows& command);
  void on(const relay::Settle& command);
  void on(const relay::OpenHandle& command);
  void on(const relay::DropHandle& command);
  void on(const relay::Publish& command);
  void on(const relay::FenceSlot& command);
  void on(const relay::PublishTransaction& command);
  void on(const relay::LookUpTopic& command);
  void on(const relay::AdoptPartitions& command);
  void on(const relay::CopyDeadLetter&) {}
  void on(const relay::Leave& command);
  void on(const relay::Notice& notice);
  /// Runs `call` on a connection after those before it, then delivers what it returns; failures as
  /// drawn, reported as `failed`.
  void call(Connection connection, relay::Event failed, std::function<relay::Event()> work);
  relay::Event read(const relay::ReadRows& command);
  relay::Event settle(const relay::Settle& command);
  void schedule_tick();
  /// Nothing is handed over of what the relay knows to be paused.
  void check_pauses(const relay::OutgoingRow& row);
  [[nodiscard]] std::string member() const { return name_ + "-" + std::to_string(incarnation_); }

  /// One transaction on its way, as the slot's own thread would send it (transactions.cpp).
  struct Sending;
  void add_rows(const std::shared_ptr<Sending>& sending);
  void commit(const std::shared_ptr<Sending>& sending);
  void fail(const std::shared_ptr<Sending>& sending, const std::string& reason);
  /// On the slot's thread: not while the process is paused, and never once it has crashed or let
  /// the handle go.
  void on_slot_thread(relay::HandleId handle, Duration delay, std::function<void()> what);

  World& world_;
  Store& store_;
  Broker& broker_;
  Coordinator& coordinator_;
  const relay::CoreOptions options_;
  const std::string name_;
  std::unique_ptr<relay::Core> core_;
  std::uint64_t incarnation_ = 0;
  Moment paused_until_;
  std::map<Connection, Moment> busy_until_;
  std::map<relay::HandleId, std::shared_ptr<Handle>> handles_;
  std::map<relay::HandleId, std::int64_t> slot_epochs_;  ///< Of transactional handles; 0: fencing.
  std::deque<relay::Event> inbox_;
  std::vector<store::Pause> heeded_;  ///< Of the last heartbeat that the core has heard of.
  std::uint64_t tick_ = 0;
};

}  // namespace outbox::simulation
