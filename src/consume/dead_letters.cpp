// SPDX-License-Identifier: Apache-2.0
#include "consume/dead_letters.hpp"

#include <fmt/format.h>

#include <chrono>
#include <outbox/error.hpp>
#include <utility>
#include <vector>

#include "core/clock.hpp"
#include "core/murmur2.hpp"

namespace outbox::consume {

namespace {

constexpr std::chrono::seconds answer_wait_max{30};
constexpr std::chrono::milliseconds poll_wait{100};
constexpr std::size_t error_bytes_max = 2000;

Failure away(std::string reason) {
  return {FailureKind::retry_connection, std::move(reason)};
}

}  // namespace

DeadLetterSender::DeadLetterSender(broker::Home broker, std::string topic)
    : broker_(std::move(broker)), topic_(std::move(topic)) {}

std::optional<Failure> DeadLetterSender::send(const broker::IncomingMessage& message,
                                              const DeadLetterReason& reason,
                                              const std::stop_token& stop) {
  if (auto failure = find_partitions()) return failure;
  const TimestampText time = format_timestamp(reason.failed_at_us);
  const std::vector<std::pair<std::string_view, std::string>> added = {
      {"dead_letter_topic", message.topic},
      {"dead_letter_partition", std::to_string(message.partition)},
      {"dead_letter_offset", std::to_string(message.offset)},
      {"dead_letter_group", reason.consumer_group},
      {"dead_letter_attempts", std::to_string(reason.attempts)},
      {"dead_letter_error", reason.error.substr(0, error_bytes_max)},
      {"dead_letter_time", time.text}};
  std::vector<broker::Header> headers;
  for (const broker::IncomingHeader& header : message.headers) {
    if (header.name.starts_with("dead_letter_")) continue;
    headers.push_back({header.name, header.value});
  }
  for (const auto& [name, value] : added)
    headers.push_back({name, value});

  broker::OutgoingMessage outgoing;
  outgoing.topic = topic_;
  // Not value_or(): its copy would be gone before the handle sees it.
  if (message.key) outgoing.key = *message.key;
  outgoing.partition =
      message.key ? partition_of(*message.key, partitions_) : message.partition % partitions_;
  outgoing.value = message.value;
  outgoing.headers = headers;
  outgoing.tag = ++last_tag_;
  try {
    return hand_over(outgoing, stop);
  } catch (const Error& error) {
    producer_.reset();
    return away(error.what());
  }
}

std::optional<Failure> DeadLetterSender::find_partitions() {
  if (partitions_ > 0) return std::nullopt;
  try {
    const auto views = broker_.admin()->topics({topic_}, std::chrono::seconds(10));
    if (views.empty()) return away("the brokers did not answer for the topic " + topic_);
    if (views.front().failure) return views.front().failure;
    if (views.front().partitions <= 0) {
      return Failure{FailureKind::hold_topic,
                     fmt::format("the dead-letter topic {} has no partitions; make it with "
                                 "`outboxd topics create`",
                                 topic_)};
    }
    partitions_ = views.front().partitions;
    return std::nullopt;
  } catch (const Error& error) {
    return away(error.what());
  }
}

std::optional<Failure> DeadLetterSender::hand_over(const broker::OutgoingMessage& message,
                                                   const std::stop_token& stop) {
  if (producer_ == nullptr) producer_ = broker_.producer("dead-letters");
  switch (producer_->produce(message)) {
    case broker::Handover::accepted:
      break;
    case broker::Handover::refused:
      return producer_->refusal();
    case broker::Handover::queue_full:
    case broker::Handover::fatal:
      producer_.reset();
      return away("the dead-letter producer was finished and is made anew");
  }
  auto failure = wait_for(message.tag, stop);
  // A handle that refused or did not answer sends nothing more that can be relied on. The dead
  // letter may stand in the topic twice then, never not at all.
  if (failure) {
    producer_.reset();
    partitions_ = 0;
  }
  return failure;
}

std::optional<Failure> DeadLetterSender::wait_for(std::uint64_t tag, const std::stop_token& stop) {
  const Moment deadline = BootClock::now() + answer_wait_max;
  while (!stop.stop_requested() && BootClock::now() < deadline) {
    const broker::Poll poll = producer_->poll(poll_wait);
    for (const broker::Delivery& delivery : poll.deliveries) {
      if (delivery.tag != tag) continue;
      if (delivery.status == broker::DeliveryStatus::acknowledged) return std::nullopt;
      return delivery.failure;
    }
    if (poll.fatal) return poll.fatal;
  }
  return away("no answer for the dead letter");
}

}  // namespace outbox::consume
