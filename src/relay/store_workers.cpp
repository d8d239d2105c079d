// SPDX-License-Identifier: Apache-2.0
#include "relay/store_workers.hpp"

#include <exception>
#include <utility>

#include <outbox/error.hpp>

namespace outbox::relay {

namespace {

constexpr std::chrono::milliseconds topic_timeout{10000};
constexpr std::chrono::seconds repeat_interval{10};

}  // namespace

StoreWorkers::StoreWorkers(const store::Home& store, const broker::Home& broker,
                           const Preparer& preparer, Logger& logger, Post post)
    : preparer_(preparer),
      logger_(logger),
      post_(std::move(post)),
      leases_(store.leases()),
      capture_(store.capture()),
      settlement_(store.settlement()),
      agreement_(store.agreement()),
      admin_(broker.admin()),
      held_topics_(store.controls, logger) {}

void StoreWorkers::attempt(const char* what, Event failed, const std::function<Event()>& call) {
  Event answer = std::move(failed);
  try {
    answer = call();
  } catch (const std::exception& error) {
    const auto* known = dynamic_cast<const Error*>(&error);
    if (auto* failure = std::get_if<StoreFailed>(&answer)) {
      failure->passing = known != nullptr && known->kind() == ErrorKind::unreachable;
    }
    std::uint64_t suppressed = 0;
    if (logger_.may_repeat(what, repeat_interval, suppressed)) {
      logger_.warn(std::string(what) + " failed, it is tried again",
                   {{"error", error.what()}, {"left_out", suppressed}});
    }
  }
  post_(std::move(answer));
}

void StoreWorkers::run(const Join&) {
  lease_worker_.run([this] {
    attempt("joining the relays", StoreFailed{StoreCall::join, 0}, [this]() -> Event {
      leases_->join();
      return Joined{};
    });
  });
}

void StoreWorkers::run(const SendHeartbeat& command) {
  lease_worker_.run([this, held = command.held] {
    attempt("renewing the leases", StoreFailed{StoreCall::heartbeat, 0}, [&]() -> Event {
      const Moment sent_at = BootClock::now();
      return HeartbeatDone{sent_at, leases_->heartbeat(held)};
    });
  });
}

void StoreWorkers::run(const AcquireSlots& command) {
  lease_worker_.run([this, slots_max = command.slots_max] {
    attempt("acquiring slots", StoreFailed{StoreCall::acquire, 0}, [&]() -> Event {
      const Moment sent_at = BootClock::now();
      return SlotsAcquired{sent_at, leases_->acquire(slots_max)};
    });
  });
}

void StoreWorkers::run(const ReleaseSlots& command) {
  lease_worker_.run([this, leases = command.leases] {
    attempt("releasing slots", StoreFailed{StoreCall::release, 0}, [&]() -> Event {
      leases_->release(leases);
      return SlotsReleased{};
    });
  });
}

void StoreWorkers::run(ReadRows command) {
  capture_worker_.run([this, command = std::move(command)] {
    attempt("reading the outbox", StoreFailed{StoreCall::read, 0}, [&]() -> Event {
      store::ReadRequest request;
      request.leases = command.leases;
      request.in_flight = command.in_flight;
      request.blocked_keys = command.blocked_keys;
      request.only_keys = command.only_keys;
      request.held_routes = command.held_routes;
      request.lowest_unsettled = command.lowest_unsettled;
      request.rescan = command.rescan;
      request.rows_max = command.rows_max;
      request.bytes_max = command.bytes_max;
      auto batch =
          std::make_shared<const PreparedBatch>(preparer_.prepare(capture_->read(request)));
      return RowsRead{command.generation, std::move(batch)};
    });
  });
}

void StoreWorkers::run(Settle command) {
  settle_worker_.run([this, command = std::move(command)] {
    attempt("settling", StoreFailed{StoreCall::settle, command.settle_id}, [&]() -> Event {
      store::SettleRequest request;
      request.leases = command.leases;
      request.published = command.published;
      request.changes = command.changes;
      request.keys = command.keys;
      return SettleDone{command.settle_id, settlement_->settle(request)};
    });
  });
}

void StoreWorkers::run(const LookUpTopic& command) {
  topic_worker_.run([this, topic = command.topic] {
    attempt("looking at topic", TopicLookupFailed{topic},
            [&]() -> Event { return look_up(topic); });
    held_topics_.write();
  });
}

void StoreWorkers::note(const Notice& notice) {
  // Where too much is queued, there are look-ups among it, which write it too.
  if (held_topics_.notice(notice)) topic_worker_.try_run([this] { held_topics_.write(); });
}

Event StoreWorkers::look_up(const std::string& topic) {
  TopicLookedUp answer;
  answer.topic = admin_->topics({topic}, topic_timeout).at(0);
  if (!answer.topic.failure) answer.agreed_partitions = agreement_->partition_count(topic);
  return answer;
}

void StoreWorkers::run(const AdoptPartitions& command) {
  topic_worker_.run([this, command] {
    attempt("agreeing on partitions", StoreFailed{StoreCall::adopt, 0}, [&]() -> Event {
      return PartitionsAdopted{command.topic, agreement_->adopt_partition_count(
                                                  command.topic, command.expected, command.count)};
    });
  });
}

void StoreWorkers::leave(std::function<void()> done) {
  held_topics_.let_go();
  topic_worker_.try_run([this] { held_topics_.write(); });
  lease_worker_.run([this, done = std::move(done)] {
    try {
      leases_->leave();
    } catch (const std::exception& error) {
      logger_.warn("the leases could not be freed, they run out by themselves",
                   {{"error", error.what()}});
    }
    done();
  });
}

}  // namespace outbox::relay
