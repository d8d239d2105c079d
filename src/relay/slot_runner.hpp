// SPDX-License-Identifier: Apache-2.0
//
// A slot's transactional handle with the thread that fences the former owner, reads back what it
// committed, and then sends one transaction after the other. Every failure ends the runner: it
// reports TransactionDone once and sends nothing more.
#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "broker/home.hpp"
#include "core/bounded_queue.hpp"
#include "core/log.hpp"
#include "relay/messages.hpp"
#include "relay/outgoing.hpp"
#include "relay/transaction_log.hpp"
#include "relay/transaction_plan.hpp"

namespace outbox::relay {

/// Takes an event for the core; false where nobody listens any more.
using EventSink = std::function<bool(Event)>;

class SlotRunner {
 public:
  /// What the runners of a relay share; outlives them.
  struct Shared {
    const broker::Home& broker;
    const TransactionPlan& plan;
    TransactionLog& log;
    Logger& logger;
  };

  /// The sink is called on the runner's thread.
  SlotRunner(const FenceSlot& command, const Shared& shared, EventSink sink);
  /// Destroys the handle; what it has open is aborted by the next one of the name, or by the
  /// brokers after the plan's timeout. May wait for the brokers for some seconds.
  ~SlotRunner();
  SlotRunner(const SlotRunner&) = delete;
  SlotRunner& operator=(const SlotRunner&) = delete;

  /// Begins to end, so that many end at once. Does not wait.
  void request_stop();

  /// Does not wait. To be called once the last one is done.
  void publish(PublishTransaction transaction);

 private:
  void run(const std::stop_token& stop);
  void fence(const std::stop_token& stop);
  /// The failure that ended the transaction, if one did.
  std::optional<Failure> send(const PublishTransaction& transaction,
                              std::vector<broker::Delivery>& deliveries);
  std::optional<Failure> hand_over(const PublishTransaction& transaction,
                                   std::vector<broker::Delivery>& deliveries);
  std::optional<Failure> hand_over_record(const PublishTransaction& transaction);
  std::optional<Failure> await(const PublishTransaction& transaction,
                               std::vector<broker::Delivery>& deliveries);
  void finished(std::vector<broker::Delivery> deliveries, std::optional<Failure> failure);

  const HandleId handle_;
  const int slot_;
  const Shared shared_;
  const std::string id_;
  const EventSink sink_;
  BoundedQueue<PublishTransaction> queue_{1};
  std::unique_ptr<broker::TransactionalProducer> producer_;
  Outgoing outgoing_;
  std::jthread thread_;
};

}  // namespace outbox::relay
