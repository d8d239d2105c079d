// SPDX-License-Identifier: Apache-2.0
//
// Sends messages that a consumer cannot go on with to another topic, the dead-letter or the delay
// topic, with headers that tell where each came from and why, and waits for the answer: the offset
// may move only after it (design, Consume).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "broker/home.hpp"
#include "core/failure.hpp"

namespace outbox::consume {

struct ForwardReason {
  std::string consumer_group;
  int attempts = 0;
  std::string error;
  std::int64_t failed_at_us = 0;
};

/// Used by one thread.
class Forwarder {
 public:
  explicit Forwarder(broker::Home broker) : broker_(std::move(broker)) {}

  /// None: all in-sync replicas have it. Key, value and headers are the message's own; added are
  /// `dead_letter_topic`, `_partition`, `_offset`, `_group`, `_attempts`, `_error` and `_time`, in
  /// place of those that an earlier dead letter left. In `topic`, `{topic}` stands for the one the
  /// message came from. One that the topic refuses, for its size perhaps, goes without its value
  /// and with `dead_letter_value_bytes` and `dead_letter_value_left_out`.
  [[nodiscard]] std::optional<Failure> send_dead_letter(const broker::IncomingMessage& message,
                                                        const std::string& topic,
                                                        const ForwardReason& reason,
                                                        const std::stop_token& stop);

  /// The same to the delay topic: added are `retry_attempts`, `retry_due_ms` (wall clock, since
  /// 1970), `retry_error`, and `retry_topic`, `_partition`, `_offset` of where it came from first.
  [[nodiscard]] std::optional<Failure> send_to_delay(const broker::IncomingMessage& message,
                                                     const std::string& topic,
                                                     const ForwardReason& reason,
                                                     std::int64_t due_ms,
                                                     const std::stop_token& stop);

  /// A dead letter to the topic that it came from, with the header `replay` and without those that
  /// told of its death.
  [[nodiscard]] std::optional<Failure> send_back(const broker::IncomingMessage& dead_letter,
                                                 const std::stop_token& stop);

 private:
  using Added = std::vector<std::pair<std::string_view, std::string>>;

  [[nodiscard]] std::optional<Failure> send(const broker::IncomingMessage& message,
                                            const std::string& topic, const Added& added,
                                            const std::stop_token& stop);
  [[nodiscard]] std::optional<Failure> try_to_send(const broker::IncomingMessage& message,
                                                   const std::string& topic, const Added& added,
                                                   const std::stop_token& stop);
  [[nodiscard]] std::optional<Failure> find_partitions(const std::string& topic);
  [[nodiscard]] std::optional<Failure> hand_over(const broker::OutgoingMessage& message,
                                                 const std::stop_token& stop);
  [[nodiscard]] std::optional<Failure> wait_for(std::uint64_t tag, const std::stop_token& stop);

  const broker::Home broker_;
  std::unique_ptr<broker::Producer> producer_;
  std::map<std::string, int> partitions_;
  std::uint64_t last_tag_ = 0;
};

/// Where a message stood first, before any delay topic.
struct Origin {
  std::string topic;
  std::string partition;
  std::string offset;
};
[[nodiscard]] Origin origin_of(const broker::IncomingMessage& message);

/// The first header of that name; none where there is none or its value is null.
[[nodiscard]] std::optional<std::string_view> header_of(const broker::IncomingMessage& message,
                                                        std::string_view name);

}  // namespace outbox::consume
