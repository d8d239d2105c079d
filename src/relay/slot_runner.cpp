// SPDX-License-Identifier: Apache-2.0
#include "relay/slot_runner.hpp"

#include <unordered_set>
#include <utility>

#include <outbox/error.hpp>

#include "relay/transaction_log.hpp"

namespace outbox::relay {

namespace {

// A stop is heard between two of them.
constexpr std::chrono::milliseconds fence_piece{1'000};
constexpr std::chrono::milliseconds poll_piece{100};
constexpr std::chrono::milliseconds commit_timeout{10'000};
constexpr std::size_t rows_between_clock_reads = 32;
/// No row's: rows count their entries from zero with a reuse number that never gets there.
constexpr RowTag record_tag = ~RowTag{0};

Failure passing(std::string reason) {
  return {FailureKind::retry_connection, std::move(reason)};
}

Failure deadline_over() {
  return passing("the lease's deadline came before the transaction was sent");
}

}  // namespace

SlotRunner::SlotRunner(const FenceSlot& command, const Shared& shared, EventSink sink)
    : handle_(command.handle),
      slot_(command.slot),
      shared_(shared),
      id_(shared.log.transactional_id(command.slot)),
      sink_(std::move(sink)) {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

SlotRunner::~SlotRunner() {
  request_stop();
  thread_.join();
}

void SlotRunner::request_stop() {
  thread_.request_stop();
  queue_.close();
}

void SlotRunner::publish(PublishTransaction transaction) {
  queue_.push(std::move(transaction));
}

void SlotRunner::finished(std::vector<broker::Delivery> deliveries,
                          std::optional<Failure> failure) {
  sink_(TransactionDone{handle_, slot_, std::move(deliveries), std::move(failure)});
}

void SlotRunner::run(const std::stop_token& stop) {
  try {
    fence(stop);
  } catch (const Error& error) {
    if (!stop.stop_requested()) finished({}, passing(error.what()));
    return;
  }
  while (auto transaction = queue_.pop()) {
    if (stop.stop_requested()) return;
    std::vector<broker::Delivery> deliveries;
    auto failure = send(*transaction, deliveries);
    const bool over = failure.has_value();
    finished(std::move(deliveries), std::move(failure));
    if (over) return;
  }
}

void SlotRunner::fence(const std::stop_token& stop) {
  const auto stopped = [&stop] { return stop.stop_requested(); };
  shared_.log.require_topic();
  producer_ = shared_.broker.transactional_producer({id_, shared_.plan.timeout});
  for (;;) {
    const auto failure = producer_->fence(fence_piece);
    if (!failure) break;
    std::uint64_t suppressed = 0;
    if (shared_.logger.may_repeat("fence", std::chrono::seconds{10}, suppressed)) {
      shared_.logger.warn("a slot is not fenced yet, it is tried again",
                          {{"slot", slot_}, {"error", failure->reason}});
    }
    if (failure->kind != FailureKind::retry_connection || stopped()) {
      throw Error(ErrorKind::failed, failure->reason);
    }
  }
  std::vector<SentRow> sent = shared_.log.read_back(slot_, stopped);
  sink_(SlotFenced{handle_, slot_, std::move(sent)});
}

std::optional<Failure> SlotRunner::send(const PublishTransaction& transaction,
                                        std::vector<broker::Delivery>& deliveries) {
  if (BootClock::now() >= transaction.deadline) return deadline_over();
  if (auto failure = producer_->begin()) return failure;
  if (auto failure = hand_over(transaction, deliveries)) return failure;
  if (auto failure = hand_over_record(transaction)) return failure;
  if (auto failure = await(transaction, deliveries)) return failure;
  if (BootClock::now() >= transaction.deadline) return deadline_over();
  return producer_->commit(commit_timeout);
}

std::optional<Failure> SlotRunner::hand_over(const PublishTransaction& transaction,
                                             std::vector<broker::Delivery>& deliveries) {
  std::size_t count = 0;
  for (const OutgoingRow& row : transaction.rows) {
    if (++count % rows_between_clock_reads == 0 && BootClock::now() >= transaction.deadline) {
      return deadline_over();
    }
    switch (producer_->produce(outgoing_.message(row))) {
      case broker::Handover::accepted:
        break;
      case broker::Handover::refused:
        deliveries.push_back({row.tag, broker::DeliveryStatus::refused, producer_->refusal(), -1});
        return producer_->refusal();
      case broker::Handover::queue_full:
        return passing("the handle's queue is full: raise relay.max-in-flight-bytes");
      case broker::Handover::fatal:
        return producer_->poll(std::chrono::milliseconds{0})
            .fatal.value_or(passing("the handle is finished"));
    }
  }
  return std::nullopt;
}

std::optional<Failure> SlotRunner::hand_over_record(const PublishTransaction& transaction) {
  const std::string value = encode_sent(transaction.lease_epoch, transaction.record);
  broker::OutgoingMessage message;
  message.topic = shared_.plan.control_topic;
  message.partition = slot_;
  message.key = id_;
  message.value = value;
  message.tag = record_tag;
  if (producer_->produce(message) == broker::Handover::accepted) return std::nullopt;
  return passing("the record for the control topic was not taken: " + producer_->refusal().reason);
}

std::optional<Failure> SlotRunner::await(const PublishTransaction& transaction,
                                         std::vector<broker::Delivery>& deliveries) {
  const auto patience = shared_.plan.timeout / 2;
  auto deadline = std::chrono::steady_clock::now() + patience;
  std::optional<Failure> failure;
  std::size_t missing = transaction.rows.size() + 1;
  while (missing > 0 && !failure) {
    broker::Poll poll = producer_->poll(poll_piece);
    for (const std::string& notice : poll.notices)
      shared_.logger.warn(notice);
    for (broker::Delivery& delivery : poll.deliveries) {
      --missing;
      if (delivery.status != broker::DeliveryStatus::acknowledged && !failure) {
        failure = delivery.failure;
      }
      if (delivery.tag != record_tag) deliveries.push_back(std::move(delivery));
    }
    if (poll.fatal && !failure) failure = std::move(poll.fatal);
    // What comes slowly comes; the brokers themselves end what takes longer than plan.timeout.
    if (!poll.deliveries.empty()) deadline = std::chrono::steady_clock::now() + patience;
    if (std::chrono::steady_clock::now() >= deadline) break;
  }
  if (failure || missing == 0) return failure;
  // Whose partitions do not answer is held, so that the others get on.
  const Failure silent{FailureKind::hold_topic,
                       "no acknowledgement for " + std::to_string(patience.count()) +
                           " ms: no leader, too few in-sync replicas, or the brokers are away"};
  std::unordered_set<RowTag> heard;
  for (const broker::Delivery& delivery : deliveries)
    heard.insert(delivery.tag);
  for (const OutgoingRow& row : transaction.rows) {
    if (heard.contains(row.tag)) continue;
    deliveries.push_back({row.tag, broker::DeliveryStatus::unknown, silent, -1});
  }
  return silent;
}

}  // namespace outbox::relay
