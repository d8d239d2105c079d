// SPDX-License-Identifier: Apache-2.0
#include "relay/relay.hpp"

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <utility>

#include <outbox/error.hpp>

#include "core/bounded_queue.hpp"
#include "relay/core.hpp"
#include "relay/counting.hpp"
#include "relay/dead_letter_copies.hpp"
#include "relay/handle_runner.hpp"
#include "relay/measuring.hpp"
#include "relay/reporting.hpp"
#include "relay/slot_runner.hpp"
#include "relay/store_workers.hpp"

namespace outbox::relay {

namespace {

constexpr std::size_t events_max = 4096;
constexpr std::chrono::seconds leave_timeout{2};

}  // namespace

/// One run: the core, its threads and the queue between them.
class Relay::Running {
 public:
  explicit Running(Relay& relay)
      : relay_(relay),
        core_(relay.options_.core),
        reporting_(relay.logger_, *relay.counting_),
        measuring_(*relay.counting_, relay.options_.prepare.default_topic),
        copies_(relay.broker_.producer, relay.broker_.admin, relay.options_.dead_letter_topic,
                relay.logger_),
        transaction_log_(relay.broker_, relay.options_.transactions),
        workers_(relay.store_, relay.broker_, relay.preparer_, relay.logger_,
                 [this](Event event) { return events_.push(std::move(event)); }) {}

  ~Running() { events_.close(); }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  void run(const std::stop_token& stop) {
    const std::stop_callback on_stop(stop, [this] { events_.push(StopRequested{}); });
    step(Tick{});
    while (!core_.finished()) {
      const Duration wait = core_.wake_at() - BootClock::now();
      auto event = events_.pop(std::max(wait, Duration{0}));
      step(event ? std::move(*event) : Event{Tick{}});
    }
    events_.close();
    for (auto& [handle, runner] : slot_runners_)
      runner->request_stop();
    wait_for_leave();
  }

 private:
  void step(Event event) {
    step_at_ = BootClock::now();
    reporting_.event(event, step_at_);
    measuring_.event(event, step_at_);
    commands_.clear();
    core_.step(event, step_at_, commands_);
    for (Command& command : commands_) {
      std::visit([this](auto& what) { execute(what); }, command);
    }
    measuring_.look_at(core_, step_at_);
    // What publishing itself brought is heard before anything that comes from the threads.
    while (!own_events_.empty()) {
      const std::vector<Event> own = std::exchange(own_events_, {});
      for (const Event& next : own)
        step(next);
    }
  }

  void execute(Join& command) { workers_.run(command); }
  void execute(SendHeartbeat& command) { workers_.run(command); }
  void execute(AcquireSlots& command) { workers_.run(command); }
  void execute(ReleaseSlots& command) { workers_.run(command); }
  void execute(ReadRows& command) {
    measuring_.command(command, step_at_);
    workers_.run(std::move(command));
  }
  void execute(Settle& command) {
    measuring_.command(command, step_at_);
    workers_.run(std::move(command));
  }
  void execute(LookUpTopic& command) { workers_.run(command); }
  void execute(AdoptPartitions& command) { workers_.run(command); }
  void execute(Notice& command) {
    measuring_.command(command);
    reporting_.notice(command);
    workers_.note(command);
  }

  void execute(OpenHandle& command) {
    const std::string name = relay_.options_.name + (command.isolated ? "-isolated-" : "-") +
                             std::to_string(command.handle);
    try {
      handles_[command.handle] = std::make_unique<HandleRunner>(
          command.handle, relay_.broker_.producer(name),
          [this](Delivered delivered) { return events_.push(std::move(delivered)); },
          relay_.logger_);
    } catch (const Error& error) {
      // A certificate that is just being replaced, say: the core opens another one after a while.
      own_events_.emplace_back(
          Delivered{command.handle, {}, Failure{FailureKind::retry_connection, error.what()}});
    }
  }

  void execute(DropHandle& command) {
    if (const auto slot = slot_runners_.extract(command.handle); !slot.empty()) {
      slot.mapped()->request_stop();
      retirement_.retire(std::move(slot.mapped()));
      return;
    }
    const auto found = handles_.find(command.handle);
    if (found == handles_.end()) return;
    retirement_.retire(std::move(found->second));
    handles_.erase(found);
  }

  void execute(Publish& command) {
    const auto found = handles_.find(command.handle);
    if (found == handles_.end()) return;
    measuring_.handed_over(command.rows, step_at_);
    found->second->publish(command, own_events_);
  }

  void execute(FenceSlot& command) {
    const SlotRunner::Shared shared{relay_.broker_, relay_.options_.transactions, transaction_log_,
                                    relay_.logger_};
    slot_runners_[command.handle] = std::make_unique<SlotRunner>(
        command, shared, [this](Event event) { return events_.push(std::move(event)); });
  }

  void execute(PublishTransaction& command) {
    const auto found = slot_runners_.find(command.handle);
    if (found == slot_runners_.end()) return;
    measuring_.handed_over(command.rows, step_at_);
    found->second->publish(std::move(command));
  }

  void execute(CopyDeadLetter& command) {
    const bool taken =
        copies_worker_.try_run([this, command = std::move(command)] { copies_.copy(command); });
    if (!taken) relay_.logger_.warn("a dead letter was not copied: too many wait already");
  }

  void execute(Leave&) {
    workers_.leave([this] {
      const std::lock_guard lock(left_mutex_);
      left_ = true;
      left_changed_.notify_all();
    });
  }

  void wait_for_leave() {
    std::unique_lock lock(left_mutex_);
    left_changed_.wait_for(lock, leave_timeout, [this] { return left_; });
  }

  Relay& relay_;
  BoundedQueue<Event> events_{events_max};
  Core core_;
  Reporting reporting_;
  Measuring measuring_;
  Moment step_at_;
  std::vector<Command> commands_;
  std::vector<Event> own_events_;
  std::mutex left_mutex_;
  std::condition_variable left_changed_;
  bool left_ = false;
  DeadLetterCopies copies_;
  TransactionLog transaction_log_;
  // From here on threads, ended in reverse order; all of them post to events_, which is closed by
  // then.
  Retirement retirement_;
  std::map<HandleId, std::unique_ptr<HandleRunner>> handles_;
  std::map<HandleId, std::unique_ptr<SlotRunner>> slot_runners_;
  StoreWorkers workers_;
  Worker copies_worker_;
};

Relay::Relay(store::Home store, broker::Home broker, RelayOptions options, Logger& logger)
    : store_(std::move(store)),
      broker_(std::move(broker)),
      options_(std::move(options)),
      logger_(logger),
      preparer_(options_.prepare),
      counting_(std::make_unique<Counting>()) {
  if (!options_.core.transactional || broker_.transactional_producer) return;
  throw Error(ErrorKind::configuration,
              "relay.delivery is transactional, and this broker fences nobody",
              "use Apache Kafka, or set relay.delivery to idempotent");
}

Relay::~Relay() = default;

RelayCounters Relay::run(std::stop_token stop) {
  Running running(*this);
  running.run(stop);
  return counters();
}

RelayCounters Relay::counters() const {
  return counting_->view();
}

RelayFigures Relay::figures() const {
  return counting_->figures();
}

}  // namespace outbox::relay
