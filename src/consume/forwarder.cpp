// SPDX-License-Identifier: Apache-2.0
#include "consume/forwarder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <outbox/error.hpp>
#include <utility>
#include <vector>

#include "core/clock.hpp"
#include "core/murmur2.hpp"
#include "core/topic_name.hpp"

namespace outbox::consume {

namespace {

constexpr std::chrono::seconds answer_wait_max{5};
constexpr std::chrono::milliseconds poll_wait{100};
constexpr std::size_t error_bytes_max = 2000;

Failure away(std::string reason) {
  return {FailureKind::retry_connection, std::move(reason)};
}

}  // namespace

std::optional<std::string_view> header_of(const broker::IncomingMessage& message,
                                          std::string_view name) {
  for (const broker::IncomingHeader& header : message.headers) {
    if (header.name == name) return header.value;
  }
  return std::nullopt;
}

Origin origin_of(const broker::IncomingMessage& message) {
  Origin origin{message.topic, std::to_string(message.partition), std::to_string(message.offset)};
  const auto topic = header_of(message, "retry_topic");
  const auto partition = header_of(message, "retry_partition");
  const auto offset = header_of(message, "retry_offset");
  if (topic && partition && offset) {
    origin = {std::string(*topic), std::string(*partition), std::string(*offset)};
  }
  return origin;
}

std::optional<Failure> Forwarder::send_dead_letter(const broker::IncomingMessage& message,
                                                   const std::string& topic,
                                                   const ForwardReason& reason,
                                                   const std::stop_token& stop) {
  const TimestampText time = format_timestamp(reason.failed_at_us);
  const Origin origin = origin_of(message);
  std::string target = topic;
  if (const auto at = target.find("{topic}"); at != std::string::npos) {
    target.replace(at, std::string_view("{topic}").size(), origin.topic);
  }
  Added added = {{"dead_letter_topic", origin.topic},
                 {"dead_letter_partition", origin.partition},
                 {"dead_letter_offset", origin.offset},
                 {"dead_letter_group", reason.consumer_group},
                 {"dead_letter_attempts", std::to_string(reason.attempts)},
                 {"dead_letter_error", reason.error.substr(0, error_bytes_max)},
                 {"dead_letter_time", time.text}};
  auto failure = send(message, target, added, stop);
  const bool refused = failure && (failure->kind == FailureKind::dead_letter ||
                                   failure->kind == FailureKind::retry_event);
  if (!refused || !message.value) return failure;
  // Too large for the dead-letter topic, say: without its value it still tells where that stands.
  broker::IncomingMessage without_value = message;
  added.emplace_back("dead_letter_value_bytes", std::to_string(message.value->size()));
  added.emplace_back("dead_letter_value_left_out", failure->reason.substr(0, error_bytes_max));
  without_value.value.reset();
  return send(without_value, target, added, stop);
}

std::optional<Failure> Forwarder::send_to_delay(const broker::IncomingMessage& message,
                                                const std::string& topic,
                                                const ForwardReason& reason, std::int64_t due_ms,
                                                const std::stop_token& stop) {
  const Origin origin = origin_of(message);
  return send(message, topic,
              {{"retry_attempts", std::to_string(reason.attempts)},
               {"retry_due_ms", std::to_string(due_ms)},
               {"retry_error", reason.error.substr(0, error_bytes_max)},
               {"retry_topic", origin.topic},
               {"retry_partition", origin.partition},
               {"retry_offset", origin.offset}},
              stop);
}

std::optional<Failure> Forwarder::send_back(const broker::IncomingMessage& dead_letter,
                                            const std::stop_token& stop) {
  const std::string topic(header_of(dead_letter, "dead_letter_topic").value_or(""));
  if (!topic_fault(topic).empty()) {
    return Failure{FailureKind::dead_letter,
                   "its header dead_letter_topic names no topic that it could go back to"};
  }
  broker::IncomingMessage message = dead_letter;
  const std::string_view partition = header_of(dead_letter, "dead_letter_partition").value_or("");
  // It decides only where there is no key.
  std::from_chars(partition.data(), partition.data() + partition.size(), message.partition);
  message.partition = std::max(message.partition, 0);
  Added added;
  if (!header_of(message, "replay")) added.emplace_back("replay", "1");
  return send(message, topic, added, stop);
}

std::optional<Failure> Forwarder::send(const broker::IncomingMessage& message,
                                       const std::string& topic, const Added& added,
                                       const std::stop_token& stop) {
  auto failure = try_to_send(message, topic, added, stop);
  // A handle that refused or did not answer sends nothing more that can be relied on, and the topic
  // may have been made anew. What was sent may stand in the topic twice then, never not at all.
  if (failure) {
    producer_.reset();
    partitions_.clear();
  }
  return failure;
}

std::optional<Failure> Forwarder::try_to_send(const broker::IncomingMessage& message,
                                              const std::string& topic, const Added& added,
                                              const std::stop_token& stop) {
  if (auto failure = find_partitions(topic)) return failure;
  std::vector<broker::Header> headers;
  for (const broker::IncomingHeader& header : message.headers) {
    if (header.name.starts_with("dead_letter_") || header.name.starts_with("retry_")) continue;
    headers.push_back({header.name, header.value});
  }
  for (const auto& [name, value] : added)
    headers.push_back({name, value});

  broker::OutgoingMessage outgoing;
  const int partitions = partitions_.at(topic);
  outgoing.topic = topic;
  // Not value_or(): its copy would be gone before the handle sees it.
  if (message.key) outgoing.key = *message.key;
  outgoing.partition =
      message.key ? partition_of(*message.key, partitions) : message.partition % partitions;
  outgoing.value = message.value;
  outgoing.headers = headers;
  outgoing.tag = ++last_tag_;
  try {
    return hand_over(outgoing, stop);
  } catch (const Error& error) {
    return away(error.what());
  }
}

std::optional<Failure> Forwarder::find_partitions(const std::string& topic) {
  if (partitions_.contains(topic)) return std::nullopt;
  try {
    const auto views = broker_.admin()->topics({topic}, std::chrono::seconds(10));
    if (views.empty()) return away("the brokers did not answer for the topic " + topic);
    if (views.front().failure) return views.front().failure;
    if (views.front().partitions <= 0) {
      return Failure{FailureKind::hold_topic,
                     fmt::format("the topic {} has no partitions; make it with "
                                 "`outboxd topics create`",
                                 topic)};
    }
    partitions_[topic] = views.front().partitions;
    return std::nullopt;
  } catch (const Error& error) {
    return away(error.what());
  }
}

std::optional<Failure> Forwarder::hand_over(const broker::OutgoingMessage& message,
                                            const std::stop_token& stop) {
  if (producer_ == nullptr) producer_ = broker_.producer("forwarder");
  switch (producer_->produce(message)) {
    case broker::Handover::accepted:
      break;
    case broker::Handover::refused:
      return producer_->refusal();
    case broker::Handover::queue_full:
    case broker::Handover::fatal:
      return away("the producer of dead letters was finished and is made anew");
  }
  return wait_for(message.tag, stop);
}

std::optional<Failure> Forwarder::wait_for(std::uint64_t tag, const std::stop_token& stop) {
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
  return away("no answer for a dead letter or a delayed event");
}

}  // namespace outbox::consume
