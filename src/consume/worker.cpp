// SPDX-License-Identifier: Apache-2.0
#include "consume/worker.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <outbox/error.hpp>
#include <utility>

#include "core/clock.hpp"
#include "core/timestamp.hpp"

namespace outbox::consume {

namespace {

// What a handler threw, told apart from what the database did by itself.
class HandlerFailure : public std::runtime_error {
 public:
  HandlerFailure(const std::exception& error, ErrorKind kind)
      : std::runtime_error(error.what()), kind_(kind) {}
  [[nodiscard]] ErrorKind kind() const noexcept { return kind_; }

 private:
  ErrorKind kind_;
};

std::size_t bytes_of(const broker::IncomingMessage& message) {
  std::size_t bytes = sizeof(message);
  bytes += (message.key ? message.key->size() : 0) + (message.value ? message.value->size() : 0);
  for (const broker::IncomingHeader& header : message.headers) {
    bytes += sizeof(header) + header.name.size() + (header.value ? header.value->size() : 0);
  }
  return bytes;
}

std::int64_t wall_clock_ms() {
  return wall_clock_us() / 1000;
}

void measure_freshness(std::span<const ReceivedEvent> handled, Counts& counts) {
  const std::int64_t now_us = wall_clock_us();
  counts.last_handled_at_us = now_us;
  counts.events_per_batch.add(static_cast<std::int64_t>(handled.size()));
  HistogramBatch freshness_us(counts.freshness_us);
  for (const ReceivedEvent& event : handled) {
    const std::optional<std::int64_t> occurred_us = read_timestamp(event.occurred_at);
    if (occurred_us) freshness_us.add(std::max<std::int64_t>(0, now_us - *occurred_us));
  }
}

// Waiting does not make a table appear, or a password right.
bool ends_the_consumer(const Error& error) {
  return error.kind() == ErrorKind::not_found || error.kind() == ErrorKind::configuration ||
         error.kind() == ErrorKind::usage;
}

}  // namespace

Worker::Worker(const Surroundings& surroundings, std::function<void()> wake)
    : around_(surroundings),
      wake_(std::move(wake)),
      core_(around_.options.work),
      forwarder_(around_.broker),
      generator_(static_cast<unsigned>(wall_clock_us())) {
  thread_ = std::jthread([this](const std::stop_token& stop) {
    try {
      work(stop);
    } catch (...) {  // Thread entry: handed to the thread that runs the consumer.
      const std::lock_guard lock(mutex_);
      failure_ = std::current_exception();
    }
    {
      const std::lock_guard lock(mutex_);
      ended_ = true;
    }
    changed_.notify_all();
    wake_();
  });
}

Worker::~Worker() {
  stop();
}

void Worker::request_stop() {
  thread_.request_stop();
}

void Worker::stop() {
  request_stop();
  if (thread_.joinable()) thread_.join();
}

void Worker::add(std::vector<Arrival> arrivals) {
  const std::lock_guard lock(mutex_);
  for (Arrival& arrival : arrivals) {
    InHand& held = held_[arrival.partition];
    held.messages += arrival.messages.size();
    for (const broker::IncomingMessage& message : arrival.messages)
      held.bytes += bytes_of(message);
    arrivals_.push_back(std::move(arrival));
  }
  changed_.notify_all();
}

void Worker::drop(std::span<const broker::PartitionName> partitions) {
  std::unique_lock lock(mutex_);
  dropping_.insert(partitions.begin(), partitions.end());
  changed_.notify_all();
  changed_.wait(lock, [this] { return dropping_.empty() || ended_; });
}

std::vector<broker::Position> Worker::take_progress() {
  const std::lock_guard lock(mutex_);
  std::vector<broker::Position> next;
  for (const auto& [partition, offset] : std::exchange(progress_, {})) {
    next.push_back({partition.topic, partition.partition, offset});
  }
  return next;
}

Worker::InHand Worker::in_hand(const broker::PartitionName& partition) const {
  const std::lock_guard lock(mutex_);
  const auto found = held_.find(partition);
  return found == held_.end() ? InHand{} : found->second;
}

void Worker::hold(bool holds) {
  const std::lock_guard lock(mutex_);
  holds_ = holds;
  changed_.notify_all();
}

void Worker::check() const {
  const std::lock_guard lock(mutex_);
  if (failure_) std::rethrow_exception(failure_);
}

void Worker::work(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    take_arrivals();
    if (wait_while_held(stop)) continue;
    const Command command = core_.next(BootClock::now());
    if (command.action == Action::wait) {
      wait_for_work(command.until, stop);
      continue;
    }
    const Moment begun = BootClock::now();
    const Happening happened = execute(command, stop);
    const auto worked =
        std::chrono::duration_cast<std::chrono::microseconds>(BootClock::now() - begun).count();
    around_.counts.working_us += worked;
    if (command.action == Action::run_together || command.action == Action::run_singly) {
      around_.counts.batch_us.add(worked);
    }
    core_.happened(happened, BootClock::now(), random());
    publish_progress();
  }
}

void Worker::wait_for_work(Moment until, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  const auto news = [this] { return holds_ || !arrivals_.empty() || !dropping_.empty(); };
  if (until == Moment::max()) {
    changed_.wait(lock, stop, news);
  } else {
    changed_.wait_for(lock, stop, until - BootClock::now(), news);
  }
}

bool Worker::wait_while_held(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  if (!holds_) return false;
  changed_.wait(lock, stop, [this] { return !holds_ || !arrivals_.empty() || !dropping_.empty(); });
  return true;
}

void Worker::take_arrivals() {
  std::vector<Arrival> arrivals;
  {
    const std::lock_guard lock(mutex_);
    for (const broker::PartitionName& partition : dropping_) {
      std::erase_if(arrivals_, [&](const Arrival& held) { return held.partition == partition; });
      held_.erase(partition);
      const auto found = lane_ids_.find(partition);
      if (found == lane_ids_.end()) continue;
      core_.drop(found->second);
      lanes_.erase(found->second);
      lane_ids_.erase(found);
    }
    if (!dropping_.empty()) {
      dropping_.clear();
      changed_.notify_all();
    }
    arrivals.swap(arrivals_);
  }
  for (Arrival& arrival : arrivals) {
    const auto [entry, is_new] = lane_ids_.try_emplace(arrival.partition, last_lane_ + 1);
    if (is_new) lanes_[++last_lane_].partition = arrival.partition;
    for (broker::IncomingMessage& message : arrival.messages)
      read(entry->second, std::move(message));
  }
}

Happening Worker::execute(const Command& command, const std::stop_token& stop) {
  switch (command.action) {
    case Action::run_together:
      return run_together(command.items);
    case Action::run_singly:
      return run_singly(command.items);
    case Action::dead_letter:
    case Action::delay:
      return forward(command, stop);
    case Action::wait:
      break;
  }
  return Away{};
}

std::unique_ptr<store::InboxTransaction> Worker::begin() {
  if (inbox_ == nullptr) inbox_ = around_.store.inbox();
  return inbox_->begin();
}

Happening Worker::run_together(const std::vector<ItemName>& items) {
  std::vector<ItemName> wanted;
  std::vector<Uuid> ids;
  for (const ItemName& item : items) {
    if (at(item).handler == nullptr) continue;
    wanted.push_back(item);
    ids.push_back(at(item).claim_id);
  }
  const std::size_t ignored = items.size() - wanted.size();
  std::vector<ReceivedEvent> handled;
  bool committing = false;
  try {
    if (!wanted.empty()) {
      const auto transaction = begin();
      const std::vector<bool> is_new = transaction->claim(ids);
      std::vector<ItemName> fresh;
      for (std::size_t i = 0; i < wanted.size(); ++i) {
        if (is_new[i]) fresh.push_back(wanted[i]);
      }
      call_handlers(fresh, *transaction, handled);
      committing = true;
      transaction->commit();
    }
  } catch (const HandlerFailure& failure) {
    if (failure.kind() == ErrorKind::conflict) return Conflict{failure.what()};
    return failure.kind() == ErrorKind::unreachable ? Together::away : Together::failed;
  } catch (const Error& error) {
    return transaction_failed(error, committing);
  }
  committed(handled, wanted.size() - handled.size(), ignored);
  return Together::committed;
}

// Events that follow each other and have one handler that takes many go to it at once.
void Worker::call_handlers(std::span<const ItemName> items, store::InboxTransaction& transaction,
                           std::vector<ReceivedEvent>& handled) {
  handled.reserve(items.size());
  for (const ItemName& item : items)
    handled.push_back(event_at(item));
  for (std::size_t begin = 0; begin < items.size();) {
    const EventHandler* const handler = at(items[begin]).handler;
    std::size_t end = begin + 1;
    while (handler->batch && end < items.size() && at(items[end]).handler == handler)
      ++end;
    try {
      handler->call(std::span(handled).subspan(begin, end - begin), transaction);
    } catch (const Error& error) {
      // The database's connection, or something else that the handler needs?
      if (error.kind() == ErrorKind::unreachable && !transaction.usable()) throw;
      throw HandlerFailure(error, error.kind());
    } catch (const std::exception& error) {
      throw HandlerFailure(error, ErrorKind::failed);
    }
    begin = end;
  }
}

Happening Worker::run_singly(const std::vector<ItemName>& items) {
  RanSingly ran;
  ran.looked_at = 0;
  std::vector<ReceivedEvent> handled;
  std::size_t duplicates = 0;
  std::size_t ignored = 0;
  std::set<LaneId> stopped_lanes;
  bool committing = false;
  try {
    const auto transaction = begin();
    for (const ItemName& item : items) {
      // A partition that is asked back waits for this event and not for all of them.
      if (ran.looked_at > 0 && is_asked_back()) break;
      ran.looked_at += 1;
      if (stopped_lanes.contains(item.lane)) continue;
      if (at(item).handler == nullptr) {
        ignored += 1;
        continue;
      }
      transaction->savepoint();
      if (!transaction->claim(std::span(&at(item).claim_id, 1)).front()) {
        duplicates += 1;
        continue;
      }
      if (call_one(item, *transaction, ran)) {
        handled.push_back(event_at(item));
      } else {
        transaction->rollback_to_savepoint();
        stopped_lanes.insert(item.lane);
      }
    }
    committing = true;
    transaction->commit();
  } catch (const HandlerFailure& failure) {
    return Conflict{failure.what()};
  } catch (const Error& error) {
    // What one event's handler left behind may only show at the next statement.
    if (!committing && error.kind() == ErrorKind::failed) return CommitRefused{error.what()};
    return transaction_failed(error, committing);
  }
  for (const ItemFailed& failed : ran.failed)
    note_failure(failed);
  committed(handled, duplicates, ignored);
  return ran;
}

bool Worker::is_asked_back() const {
  const std::lock_guard lock(mutex_);
  return !dropping_.empty();
}

// True: handled. Otherwise `ran` says why not, and what it did is to be rolled back.
bool Worker::call_one(const ItemName& item, store::InboxTransaction& transaction, RanSingly& ran) {
  const ReceivedEvent event = event_at(item);
  try {
    at(item).handler->call(std::span(&event, 1), transaction);
    if (transaction.usable()) return true;
    ran.failed.push_back({item, "the database gave the transaction up, and the handler went on"});
  } catch (const Error& error) {
    const auto& policy_of = around_.options.policy_of;
    if (error.kind() == ErrorKind::conflict) throw HandlerFailure(error, error.kind());
    if (error.kind() == ErrorKind::unreachable) {
      if (!transaction.usable()) throw;
      ran.waiting.push_back(item);
      warn("away", "something that a handler needs is away, trying again", error.what());
    } else {
      ran.failed.push_back({item, error.what(), policy_of ? policy_of(error) : 0});
    }
  } catch (const std::exception& error) {
    const auto& policy_of = around_.options.policy_of;
    ran.failed.push_back({item, error.what(), policy_of ? policy_of(error) : 0});
  }
  return false;
}

Happening Worker::transaction_failed(const Error& error, bool committing) {
  // A connection that broke during COMMIT may have done the work: the claims will tell.
  if (committing && !error.in_doubt() && error.kind() == ErrorKind::failed) {
    warn("commit", "the database refused the commit", error.what());
    return CommitRefused{error.what()};
  }
  if (error.kind() == ErrorKind::conflict) return Conflict{error.what()};
  if (ends_the_consumer(error)) throw error;
  warn("store", "the database, or what a handler calls, is away, trying again", error.what());
  return Away{};
}

Happening Worker::forward(const Command& command, const std::stop_token& stop) {
  const ItemName& item = command.items.front();
  const broker::IncomingMessage& message = at(item).message;
  const ForwardReason reason{around_.options.group_id, core_.attempts(item), core_.reason(item),
                             wall_clock_us()};
  const bool dead = command.action == Action::dead_letter;
  std::optional<Failure> failure;
  if (dead) {
    failure = forwarder_.send_dead_letter(message, around_.options.dead_letter_topic, reason, stop);
  } else {
    const auto rest =
        std::chrono::duration_cast<std::chrono::milliseconds>(command.until - BootClock::now());
    failure = forwarder_.send_to_delay(message, around_.options.delay_topic, reason,
                                       wall_clock_ms() + rest.count(), stop);
  }
  if (failure) {
    warn("forward", "a dead letter or delayed event could not be sent, its partition waits",
         failure->reason);
    return Forwarded{.acknowledged = false};
  }
  (dead ? around_.counts.dead_lettered : around_.counts.delayed) += 1;
  if (dead) {
    warn("dead lettered",
         fmt::format("dead-lettered offset {} of {} [{}]", message.offset, message.topic,
                     message.partition),
         core_.reason(item));
  }
  return Forwarded{.acknowledged = true};
}

void Worker::committed(std::span<const ReceivedEvent> handled, std::size_t duplicates,
                       std::size_t ignored) {
  around_.counts.handled += static_cast<std::int64_t>(handled.size());
  around_.counts.duplicates += static_cast<std::int64_t>(duplicates);
  around_.counts.ignored += static_cast<std::int64_t>(ignored);
  if (!handled.empty()) measure_freshness(handled, around_.counts);
  if (around_.options.after_commit && !handled.empty()) around_.options.after_commit(handled);
}

void Worker::publish_progress() {
  const std::vector<Progress> progress = core_.take_progress();
  if (progress.empty()) return;
  {
    const std::lock_guard lock(mutex_);
    for (const Progress& moved : progress) {
      Lane& lane = lanes_.at(moved.lane);
      InHand& held = held_[lane.partition];
      for (std::size_t i = 0; i < moved.count; ++i) {
        held.bytes -= bytes_of(lane.held.front().message);
        lane.held.pop_front();
      }
      held.messages -= moved.count;
      lane.first_number += moved.count;
      progress_[lane.partition] = moved.next_offset;
    }
  }
  wake_();
}

Worker::Held& Worker::at(const ItemName& item) {
  Lane& lane = lanes_.at(item.lane);
  return lane.held.at(item.number - lane.first_number);
}

ReceivedEvent Worker::event_at(const ItemName& item) {
  ReceivedEvent event = *at(item).reading.event;
  event.attempt = core_.attempts(item) + 1;
  return event;
}

void Worker::note_failure(const ItemFailed& failed) {
  around_.counts.failures += 1;
  const ReceivedEvent event = event_at(failed.item);
  warn("handler",
       fmt::format("the handler failed for event {} ({}), attempt {} of {}",
                   to_string(event.event_id), event.event_type, event.attempt,
                   around_.options.work.policies.at(failed.policy).attempts_max),
       failed.reason);
}

void Worker::warn(const std::string& subject, const std::string& message,
                  const std::string& reason) {
  std::uint64_t suppressed = 0;
  if (!around_.log.may_repeat("consume " + subject, std::chrono::seconds(5), suppressed)) return;
  around_.log.warn(
      message, {{"group", around_.options.group_id}, {"reason", reason}, {"left_out", suppressed}});
}

double Worker::random() {
  return std::generate_canonical<double, 32>(generator_);
}

}  // namespace outbox::consume
