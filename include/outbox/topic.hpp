// SPDX-License-Identifier: Apache-2.0
//
// Reading a topic as it stands, from its beginning to where it ends now: for checks, reports and
// dead letters. It joins no group, claims nothing and commits nothing, so it disturbs no consumer.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include <outbox/kafka.hpp>
#include <outbox/received_event.hpp>

namespace outbox {

/// Which topic is read, and how long.
struct ReadTopicOptions {
  /// The brokers it is read from.
  KafkaConnection kafka = {};
  /// Its name.
  std::string topic = {};
  /// Brokers that bring nothing new for so long end the reading.
  std::chrono::milliseconds patience{10000};
};

/// What was read.
struct ReadTopicResult {
  std::int64_t messages = 0;    ///< All of them.
  std::int64_t not_events = 0;  ///< Messages that are no envelope; `take` did not get them.
};

/// Calls `take` for each event, in order per partition, on this thread; the event's views live as
/// long as the call. What comes after the call began is left out. Throws Error(not_found) without
/// the topic, Error(unreachable) where the brokers do not answer, Error(configuration) where login
/// or rights are refused, and what `take` throws.
ReadTopicResult read_topic(const ReadTopicOptions& options,
                           const std::function<void(const ReceivedEvent&)>& take);

/// The id under which the inbox keeps an event for InboxKey::aggregate_version: the version 5 UUID
/// of its event type, aggregate type, aggregate id and version.
[[nodiscard]] Uuid aggregate_version_id(const ReceivedEvent& event);

}  // namespace outbox
