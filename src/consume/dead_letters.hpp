// SPDX-License-Identifier: Apache-2.0
//
// Sends messages that cannot be handled to the dead-letter topic, with headers that tell where each
// came from and why, and waits for the answer: the offset may move only after it (design, Consume).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "broker/home.hpp"
#include "core/failure.hpp"

namespace outbox::consume {

struct DeadLetterReason {
  std::string consumer_group;
  int attempts = 0;
  std::string error;
  std::int64_t failed_at_us = 0;
};

/// Used by one thread.
class DeadLetterSender {
 public:
  DeadLetterSender(broker::Home broker, std::string topic);

  /// None: all in-sync replicas have it. Key, value and headers are the message's own; added are
  /// `dead_letter_topic`, `_partition`, `_offset`, `_group`, `_attempts`, `_error` and `_time`, in
  /// place of those that an earlier dead letter left.
  [[nodiscard]] std::optional<Failure> send(const broker::IncomingMessage& message,
                                            const DeadLetterReason& reason,
                                            const std::stop_token& stop);

 private:
  [[nodiscard]] std::optional<Failure> find_partitions();
  [[nodiscard]] std::optional<Failure> hand_over(const broker::OutgoingMessage& message,
                                                 const std::stop_token& stop);
  [[nodiscard]] std::optional<Failure> wait_for(std::uint64_t tag, const std::stop_token& stop);

  const broker::Home broker_;
  const std::string topic_;
  std::unique_ptr<broker::Producer> producer_;
  int partitions_ = 0;
  std::uint64_t last_tag_ = 0;
};

}  // namespace outbox::consume
