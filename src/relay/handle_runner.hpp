// SPDX-License-Identifier: Apache-2.0
//
// A producer handle with the thread that takes its deliveries, and the retirement of handles:
// ending one may take a moment, which the core's thread must not wait for.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "broker/producer.hpp"
#include "core/bounded_queue.hpp"
#include "core/log.hpp"
#include "relay/messages.hpp"
#include "relay/outgoing.hpp"

namespace outbox::relay {

/// Takes what a poll brought; false where nobody listens any more.
using DeliverySink = std::function<bool(Delivered)>;

class HandleRunner {
 public:
  HandleRunner(HandleId id, std::unique_ptr<broker::Producer> producer, DeliverySink sink,
               Logger& logger);
  /// Ends the thread and destroys the handle, with whatever it had in hand.
  ~HandleRunner();
  HandleRunner(const HandleRunner&) = delete;
  HandleRunner& operator=(const HandleRunner&) = delete;

  /// Hands over as much as the deadline and the handle allow. Events that follow at once (a
  /// refusal, rows not handed over) are appended. One thread at a time.
  void publish(const Publish& publish, std::vector<Event>& events);

 private:
  void take_deliveries(const std::stop_token& stop);
  /// False where nothing more of this command may be handed over.
  bool hand_over(const OutgoingRow& row, std::vector<Event>& events);

  const HandleId id_;
  const std::unique_ptr<broker::Producer> producer_;
  const DeliverySink sink_;
  Logger& logger_;
  Outgoing outgoing_;
  std::jthread poller_;
};

/// Destroys handles on a thread of its own; the destructor waits for all of them.
class Retirement {
 public:
  Retirement();
  ~Retirement();
  Retirement(const Retirement&) = delete;
  Retirement& operator=(const Retirement&) = delete;

  /// Whatever runs a handle.
  void retire(std::shared_ptr<void> runner);

 private:
  BoundedQueue<std::shared_ptr<void>> queue_{64};
  std::jthread worker_;
};

}  // namespace outbox::relay
