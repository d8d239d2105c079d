// SPDX-License-Identifier: Apache-2.0
#include "consume/runtime.hpp"

#include <fmt/format.h>

#include <condition_variable>
#include <mutex>
#include <outbox/error.hpp>
#include <set>

namespace outbox::consume {

namespace {

constexpr Backoff connection_backoff{Backoff::Kind::exponential, std::chrono::milliseconds(200),
                                     std::chrono::milliseconds(5000), 0.2};

// What a handler threw, told apart from the database being away, which blames no event.
class HandlerFailure : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

void wait_until(Moment until, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  const auto rest = until - BootClock::now();
  never.wait_for(lock, stop, rest, [] { return false; });
}

}  // namespace

// What was polled, and the events in it.
struct Runtime::Batch {
  Batch(broker::IncomingBatch polled, const RetryPolicy& policy)
      : messages(std::move(polled.messages)), core(read(), policy) {}

  [[nodiscard]] std::vector<BatchItem> read() {
    std::vector<BatchItem> items;
    for (const broker::IncomingMessage& message : messages) {
      EventReading reading = read_event(message);
      items.push_back({{message.topic, message.partition}, std::move(reading.fault)});
      events.push_back(reading.event.value_or(Event{}));
    }
    return items;
  }

  std::vector<broker::IncomingMessage> messages;
  std::vector<Event> events;
  BatchCore core;
};

Runtime::Runtime(store::Home store, broker::Home broker, RuntimeOptions options, Handler handler,
                 Logger& log)
    : store_(std::move(store)),
      broker_(std::move(broker)),
      options_(std::move(options)),
      handler_(std::move(handler)),
      log_(log),
      dead_letters_(broker_, options_.dead_letter_topic),
      generator_(random_uuid().bytes[0] + 256U * random_uuid().bytes[1] + 1U) {
  if (options_.group_id.empty() || options_.topics.empty() || options_.dead_letter_topic.empty()) {
    throw Error(ErrorKind::configuration,
                "a consumer needs a group, a topic and a dead-letter topic",
                "set group_id, topics and dead_letter_topic");
  }
}

double Runtime::random() {
  return std::uniform_real_distribution<double>(0.0, 1.0)(generator_);
}

RuntimeCounters Runtime::counters() const noexcept {
  return {handled_.load(), duplicates_.load(), failures_.load(), dead_lettered_.load(),
          revocations_.load()};
}

void Runtime::run(std::stop_token stop) {
  int attempts = 0;
  while (!stop.stop_requested()) {
    const std::int64_t handled_before = handled_.load();
    try {
      consume_until_lost(stop);
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::configuration) throw;
      warn("broker", "consuming was interrupted, trying again", error.what());
    }
    if (stop.stop_requested()) return;
    attempts = handled_.load() > handled_before ? 1 : attempts + 1;
    wait_until(BootClock::now() + connection_backoff.delay(attempts, random()), stop);
  }
}

// Returns or throws where messages in hand had to be dropped without their partitions having been
// revoked: only a new consumer begins at the committed offsets again.
void Runtime::consume_until_lost(const std::stop_token& stop) {
  const auto consumer = broker_.consumer({options_.group_id, options_.topics, "earliest"});
  const std::stop_callback wake(stop, [&] { consumer->wake(); });
  while (!stop.stop_requested()) {
    broker::IncomingBatch polled = consumer->poll(options_.batch_size, options_.poll_timeout);
    if (polled.revoked) {
      revocations_ += 1;
      continue;
    }
    if (polled.messages.empty()) continue;
    Batch batch(std::move(polled), options_.retry);
    if (work(batch, *consumer, stop) != Outcome::worked) return;
  }
}

Runtime::Outcome Runtime::work(Batch& batch, broker::Consumer& consumer,
                               const std::stop_token& stop) {
  Happening happened = Began{};
  while (true) {
    const Command command = batch.core.step(happened, BootClock::now(), random());
    if (command.action == Action::finished) return Outcome::worked;
    // Offsets of what is committed are still committed; nothing new is begun.
    if (stop.stop_requested() && command.action != Action::commit_offsets) {
      return Outcome::abandoned;
    }
    switch (command.action) {
      case Action::run_together:
        happened = run_together(batch, command.items);
        break;
      case Action::run_singly:
        happened = run_singly(batch, command.items);
        break;
      case Action::dead_letter:
        happened = send_dead_letter(batch, command.items.front(), stop);
        break;
      case Action::commit_offsets:
        if (!commit_offsets(batch, command.items, consumer, stop)) {
          // The group has taken the partitions back: its next poll says so, and who has them then
          // begins at the committed offsets.
          revocations_ += 1;
          return batch.core.all_done() ? Outcome::worked : Outcome::abandoned;
        }
        happened = OffsetsCommitted{};
        break;
      case Action::wait:
        wait_until(command.until, stop);
        happened = TimeCame{};
        break;
      case Action::finished:
        break;
    }
  }
}

Happening Runtime::run_together(Batch& batch, const std::vector<std::size_t>& items) {
  std::vector<Uuid> ids;
  for (const std::size_t item : items)
    ids.push_back(batch.events[item].event_id);
  std::vector<Event> handled;
  try {
    if (inbox_ == nullptr) inbox_ = store_.inbox();
    const auto transaction = inbox_->begin();
    const std::vector<bool> is_new = transaction->claim(ids);
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (!is_new[i]) continue;
      const Event& event = batch.events[items[i]];
      try {
        handler_(event, *transaction);
      } catch (const Error& error) {
        if (error.kind() == ErrorKind::unreachable) throw;
        throw HandlerFailure(error.what());
      } catch (const std::exception& error) {
        throw HandlerFailure(error.what());
      }
      handled.push_back(event);
    }
    transaction->commit();
  } catch (const HandlerFailure&) {
    return RanTogether{.failed = true};
  } catch (const Error& error) {
    warn("store", "the consumer's database is away, trying again", error.what());
    return StoreAway{};
  }
  committed(handled, static_cast<std::int64_t>(items.size() - handled.size()));
  return RanTogether{};
}

Happening Runtime::run_singly(Batch& batch, const std::vector<std::size_t>& items) {
  RanSingly ran;
  std::vector<Event> handled;
  std::int64_t duplicates = 0;
  std::set<std::pair<std::string, int>> failed_partitions;
  try {
    if (inbox_ == nullptr) inbox_ = store_.inbox();
    const auto transaction = inbox_->begin();
    for (const std::size_t item : items) {
      const Event& event = batch.events[item];
      const std::pair partition(event.message->topic, event.message->partition);
      if (failed_partitions.contains(partition)) continue;
      transaction->savepoint();
      if (!transaction->claim(std::span(&event.event_id, 1)).front()) {
        duplicates += 1;
        continue;
      }
      try {
        handler_(event, *transaction);
        handled.push_back(event);
      } catch (const std::exception& error) {
        const auto* known = dynamic_cast<const Error*>(&error);
        if (known != nullptr && known->kind() == ErrorKind::unreachable) throw;
        transaction->rollback_to_savepoint();
        failed_partitions.insert(partition);
        ran.failed.push_back({item, error.what()});
      }
    }
    transaction->commit();
  } catch (const Error& error) {
    warn("store", "the consumer's database is away, trying again", error.what());
    return StoreAway{};
  }
  for (const ItemFailed& failed : ran.failed) {
    note_failure(batch.events[failed.item], failed.reason);
  }
  committed(handled, duplicates);
  return ran;
}

Happening Runtime::send_dead_letter(Batch& batch, std::size_t item, const std::stop_token& stop) {
  const broker::IncomingMessage& message = batch.messages[item];
  const auto failure = dead_letters_.send(
      message,
      {options_.group_id, batch.core.attempts(item), batch.core.reason(item), wall_clock_us()},
      stop);
  if (failure) {
    warn("dead letter", "a dead letter could not be sent, its partition waits", failure->reason);
    return DeadLetterAnswered{.acknowledged = false};
  }
  dead_lettered_ += 1;
  warn("dead lettered",
       fmt::format("dead-lettered offset {} of {} [{}]", message.offset, message.topic,
                   message.partition),
       batch.core.reason(item));
  return DeadLetterAnswered{.acknowledged = true};
}

bool Runtime::commit_offsets(const Batch& batch, const std::vector<std::size_t>& items,
                             broker::Consumer& consumer, const std::stop_token& stop) {
  broker::IncomingBatch last;
  for (const std::size_t item : items) {
    broker::IncomingMessage& place = last.messages.emplace_back();
    place.topic = batch.messages[item].topic;
    place.partition = batch.messages[item].partition;
    place.offset = batch.messages[item].offset;
  }
  for (int attempts = 1;; ++attempts) {
    try {
      return consumer.commit(last);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::unreachable || stop.stop_requested()) throw;
      warn("offsets", "offsets could not be committed, trying again", error.what());
    }
    wait_until(BootClock::now() + connection_backoff.delay(attempts, random()), stop);
  }
}

void Runtime::committed(std::span<const Event> handled, std::int64_t duplicates) {
  handled_ += static_cast<std::int64_t>(handled.size());
  duplicates_ += duplicates;
  if (options_.after_commit && !handled.empty()) options_.after_commit(handled);
}

void Runtime::note_failure(const Event& event, const std::string& reason) {
  failures_ += 1;
  warn("handler",
       fmt::format("the handler failed for event {} ({})", to_string(event.event_id),
                   event.event_type),
       reason);
}

void Runtime::warn(const std::string& subject, const std::string& message,
                   const std::string& reason) {
  std::uint64_t suppressed = 0;
  if (!log_.may_repeat("consume " + subject, std::chrono::seconds(5), suppressed)) return;
  log_.warn(message, {{"group", options_.group_id}, {"reason", reason}, {"left_out", suppressed}});
}

}  // namespace outbox::consume
