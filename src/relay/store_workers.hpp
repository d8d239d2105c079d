// SPDX-License-Identifier: Apache-2.0
//
// The threads that call the store and ask for topics. Each takes commands from a queue of its own
// and posts what came of them; a failure is logged (not every time) and posted, never thrown.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "broker/home.hpp"
#include "core/log.hpp"
#include "relay/held_topic_notes.hpp"
#include "relay/messages.hpp"
#include "relay/prepare.hpp"
#include "relay/worker.hpp"
#include "store/home.hpp"

namespace outbox::relay {

/// Posts an event to the core; false where nobody listens any more.
using Post = std::function<bool(Event)>;

class StoreWorkers {
 public:
  StoreWorkers(const store::Home& store, const broker::Home& broker, const Preparer& preparer,
               Logger& logger, Post post);

  void run(const Join&);
  void run(const SendHeartbeat& command);
  void run(const AcquireSlots& command);
  void run(const ReleaseSlots& command);
  void run(ReadRows command);
  void run(Settle command);
  void run(const LookUpTopic& command);
  void run(const AdoptPartitions& command);
  /// Of a topic that is held, or no longer, is written down for others to see; not at once.
  void note(const Notice& notice);
  /// Frees what is held and takes the member's name out; calls `done` whether that worked or not.
  void leave(std::function<void()> done);

 private:
  /// Runs `call`; where it throws, logs `what` and posts `failed`.
  void attempt(const char* what, Event failed, const std::function<Event()>& call);
  Event look_up(const std::string& topic);

  const Preparer& preparer_;
  Logger& logger_;
  const Post post_;
  const std::unique_ptr<store::Leases> leases_;
  const std::unique_ptr<store::Capture> capture_;
  const std::unique_ptr<store::Settlement> settlement_;
  const std::unique_ptr<store::Agreement> agreement_;
  const std::unique_ptr<broker::Admin> admin_;
  HeldTopicNotes held_topics_;
  Worker lease_worker_;
  Worker capture_worker_;
  Worker settle_worker_;
  Worker topic_worker_;
};

}  // namespace outbox::relay
