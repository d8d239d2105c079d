// SPDX-License-Identifier: Apache-2.0
#include "consume/runtime.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <outbox/error.hpp>
#include <utility>

#include "consume/pause_watch.hpp"
#include "core/backoff.hpp"
#include "core/clock.hpp"

namespace outbox::consume {

namespace {

using broker::PartitionName;
using broker::Position;

constexpr Backoff connection_backoff{Backoff::Kind::exponential, std::chrono::milliseconds(200),
                                     std::chrono::milliseconds(5000), 0};
constexpr Duration lag_interval = std::chrono::seconds(1);
// Messages in hand of one partition: pausing throws away what was fetched ahead, so that it should
// be rare, and comes well before memory does.
constexpr std::size_t held_batches_max = 4;
constexpr std::size_t held_at_least = 2000;
constexpr std::size_t held_bytes_least = 1U << 20U;
constexpr int polled_at_least = 500;

void wait_until(Moment until, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, until - BootClock::now(), [] { return false; });
}

void require(bool holds, const char* what, const char* remedy) {
  if (!holds) throw Error(ErrorKind::configuration, what, remedy);
}

bool ends_the_run(const Error& error) {
  return error.kind() == ErrorKind::configuration || error.kind() == ErrorKind::conflict;
}

}  // namespace

// One membership of the group: from subscribing until it is lost or the run ends.
class Runtime::Membership {
 public:
  Membership(Runtime& runtime, PauseWatch& watch)
      : runtime_(runtime), options_(runtime.options_), watch_(watch), consumer_(make_consumer()) {
    for (int i = 0; i < std::max(1, options_.workers); ++i) {
      workers_.push_back(
          std::make_unique<Worker>(Surroundings{runtime.store_, runtime.broker_, runtime.options_,
                                                runtime.handlers_, runtime.log_, runtime.counts_},
                                   [this] { consumer_->wake(); }));
    }
    watch_.set_listener([this] { consumer_->wake(); });
  }

  ~Membership() {
    watch_.set_listener({});
    end();
  }
  Membership(const Membership&) = delete;
  Membership& operator=(const Membership&) = delete;

  /// Returns where the run is to stop, or a new membership is to begin. True: it got messages.
  bool run(const std::stop_token& stop) {
    const std::stop_callback wake(stop, [this] { consumer_->wake(); });
    bool heard = false;
    while (!stop.stop_requested()) {
      heed_pause();
      broker::IncomingBatch polled = poll();
      if (!polled.revoked.empty()) give_back(polled);
      heard = heard || !polled.messages.empty();
      hand_out(std::move(polled.messages));
      for (const auto& worker : workers_)
        worker->check();
      balance();
      commit_progress();
      measure_lag();
    }
    return heard;
  }

 private:
  std::unique_ptr<broker::Consumer> make_consumer() {
    broker::ConsumerOptions consumer;
    consumer.group_id = options_.group_id;
    consumer.topics = options_.topics;
    if (!options_.work.ordered) consumer.topics.push_back(options_.delay_topic);
    consumer.offset_reset = options_.offset_reset;
    consumer.instance_id = options_.instance_id;
    return runtime_.broker_.consumer(consumer);
  }

  // The membership stays: polling goes on, and balance() pauses each partition.
  void heed_pause() {
    if (watch_.paused() == holds_) return;
    holds_ = !holds_;
    for (const auto& worker : workers_)
      worker->hold(holds_);
    balance();
  }

  broker::IncomingBatch poll() {
    try {
      const int batch = static_cast<int>(options_.work.batch_size) * options_.workers;
      return consumer_->poll(std::max(batch, polled_at_least), options_.poll_timeout);
    } catch (const Error& error) {
      // A topic that is not there yet holds up no other.
      if (error.kind() != ErrorKind::not_found) throw;
      runtime_.log_.warn("a topic of this consumer is not there",
                         {{"group", options_.group_id}, {"reason", error.what()}});
      return {};
    }
  }

  // What is in hand of them is finished or rolled back, and their offsets are committed, before the
  // group gives them to others.
  void give_back(const broker::IncomingBatch& polled) {
    runtime_.counts_.rebalances += 1;
    for (const auto& worker : workers_)
      worker->drop(polled.revoked);
    gather_progress();
    if (polled.lost) {
      for (const PartitionName& partition : polled.revoked)
        uncommitted_.erase(partition);
    }
    try {
      commit_at_ = {};
      commit_progress();
    } catch (const Error& error) {
      warn("offsets could not be committed before a rebalance", error);
    }
    for (const PartitionName& partition : polled.revoked) {
      uncommitted_.erase(partition);
      owners_.erase(partition);
      paused_.erase(partition);
      next_.erase(partition);
    }
    consumer_->release();
  }

  void hand_out(std::vector<broker::IncomingMessage> messages) {
    std::map<PartitionName, std::vector<broker::IncomingMessage>> parts;
    for (broker::IncomingMessage& message : messages) {
      next_.try_emplace({message.topic, message.partition}, message.offset);
      parts[{message.topic, message.partition}].push_back(std::move(message));
    }
    std::map<Worker*, std::vector<Worker::Arrival>> arrivals;
    for (auto& [partition, part] : parts)
      arrivals[&owner_of(partition)].push_back({partition, std::move(part)});
    for (auto& [worker, all] : arrivals)
      worker->add(std::move(all));
  }

  // A partition stays with the worker that has the fewest when its first message comes.
  Worker& owner_of(const PartitionName& partition) {
    const auto found = owners_.find(partition);
    if (found != owners_.end()) return *workers_[found->second];
    std::vector<std::size_t> load(workers_.size());
    for (const auto& [other, worker] : owners_)
      ++load[worker];
    const auto least = static_cast<std::size_t>(
        std::distance(load.begin(), std::min_element(load.begin(), load.end())));
    owners_.emplace(partition, least);
    return *workers_[least];
  }

  void balance() {
    const std::size_t most = std::max(held_batches_max * options_.work.batch_size, held_at_least);
    const std::size_t most_bytes = std::max(
        options_.in_hand_bytes_max / std::max<std::size_t>(1, owners_.size()), held_bytes_least);
    std::vector<PartitionName> pause;
    std::vector<PartitionName> resume;
    for (const auto& [partition, worker] : owners_) {
      const Worker::InHand held = workers_[worker]->in_hand(partition);
      const bool full = holds_ || held.messages >= most || held.bytes >= most_bytes;
      const bool low = !holds_ && held.messages <= most / 4 && held.bytes <= most_bytes / 4;
      if (full && paused_.insert(partition).second) {
        pause.push_back(partition);
      } else if (low && paused_.erase(partition) > 0) {
        resume.push_back(partition);
      }
    }
    if (!pause.empty()) consumer_->pause(pause);
    if (!resume.empty()) consumer_->resume(resume);
  }

  void gather_progress() {
    for (const auto& worker : workers_) {
      for (const Position& position : worker->take_progress()) {
        uncommitted_[{position.topic, position.partition}] = position.offset;
        next_[{position.topic, position.partition}] = position.offset;
      }
    }
  }

  void commit_progress() {
    gather_progress();
    if (uncommitted_.empty() || BootClock::now() < commit_at_) return;
    std::vector<Position> positions;
    for (const auto& [partition, offset] : uncommitted_)
      positions.push_back({partition.topic, partition.partition, offset});
    try {
      if (consumer_->commit(positions)) {
        uncommitted_.clear();
        commit_failures_ = 0;
      } else {
        // During a rebalance. What is not taken away is committed afterwards.
        commit_at_ = BootClock::now() + connection_backoff.delay(++commit_failures_, 0);
      }
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::unreachable) throw;
      warn("offsets could not be committed, trying again", error);
      commit_at_ = BootClock::now() + connection_backoff.delay(++commit_failures_, 0);
    }
  }

  void measure_lag() {
    if (BootClock::now() < lag_at_) return;
    lag_at_ = BootClock::now() + lag_interval;
    std::int64_t lag = 0;
    for (const Position& end : consumer_->ends()) {
      const auto next = next_.find({end.topic, end.partition});
      if (next != next_.end()) lag += std::max<std::int64_t>(0, end.offset - next->second);
    }
    runtime_.counts_.lag = lag;
  }

  void end() {
    for (const auto& worker : workers_)
      worker->request_stop();
    for (const auto& worker : workers_)
      worker->stop();
    try {
      commit_at_ = {};
      commit_progress();
    } catch (const Error& error) {
      warn("the last offsets could not be committed, the inbox skips what comes twice", error);
    }
  }

  void warn(const char* what, const Error& error) {
    std::uint64_t suppressed = 0;
    if (!runtime_.log_.may_repeat(what, std::chrono::seconds(5), suppressed)) return;
    runtime_.log_.warn(what, {{"group", options_.group_id}, {"reason", error.what()}});
  }

  Runtime& runtime_;
  const RuntimeOptions& options_;
  PauseWatch& watch_;
  bool holds_ = false;  ///< Operators have paused the group.
  const std::unique_ptr<broker::Consumer> consumer_;
  std::map<PartitionName, std::size_t> owners_;
  std::set<PartitionName> paused_;
  std::map<PartitionName, std::int64_t> uncommitted_;
  std::map<PartitionName, std::int64_t> next_;  ///< First offset that is not done with.
  Moment commit_at_{};
  int commit_failures_ = 0;
  Moment lag_at_{};
  std::vector<std::unique_ptr<Worker>> workers_;
};

Runtime::Runtime(store::Home store, broker::Home broker, RuntimeOptions options, Handlers handlers,
                 Logger& log)
    : store_(std::move(store)),
      broker_(std::move(broker)),
      options_(std::move(options)),
      handlers_(std::move(handlers)),
      log_(log) {
  require(!options_.group_id.empty(), "group_id is not set", "name the consumer's group");
  require(!options_.topics.empty(), "topics is empty", "name the topics to consume");
  require(!options_.dead_letter_topic.empty(), "dead_letter_topic is empty",
          "name the topic for events that cannot be handled");
  require(options_.work.batch_size > 0, "batch_size is not positive", "give at least 1");
  require(options_.workers > 0, "workers is not positive", "give at least 1");
  for (const std::string& topic : options_.topics) {
    std::string dead_letters = options_.dead_letter_topic;
    if (const auto at = dead_letters.find("{topic}"); at != std::string::npos)
      dead_letters.replace(at, std::string_view("{topic}").size(), topic);
    const auto& all = options_.topics;
    require(std::find(all.begin(), all.end(), dead_letters) == all.end() &&
                (options_.work.ordered || dead_letters != options_.delay_topic),
            "the dead-letter topic is one that this consumer reads: what fails would come back "
            "for ever",
            "name another one as dead_letter_topic");
  }
  require(!handlers_.empty(), "no handler is registered", "register one with on() or on_any()");
}

void Runtime::run(const std::stop_token& stop) {
  PauseWatch watch(store_.controls, options_.group_id, log_);
  watch.wait_for_first_look(stop);
  int failures = 0;
  while (!stop.stop_requested()) {
    bool heard = false;
    std::optional<Membership> membership;
    try {
      membership.emplace(*this, watch);
    } catch (const Error& error) {
      if (ends_the_run(error)) throw;
      log_.warn("joining the group failed, trying again", {{"reason", error.what()}});
    }
    if (membership) {
      try {
        heard = membership->run(stop);
      } catch (const Error& error) {
        if (ends_the_run(error) || error.kind() == ErrorKind::not_found ||
            error.kind() == ErrorKind::usage) {
          throw;
        }
        log_.warn("consuming was interrupted, trying again", {{"reason", error.what()}});
      }
      membership.reset();
    }
    if (stop.stop_requested()) return;
    failures = heard ? 1 : failures + 1;
    wait_until(BootClock::now() + connection_backoff.delay(failures, 0), stop);
  }
}

}  // namespace outbox::consume
