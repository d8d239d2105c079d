// SPDX-License-Identifier: Apache-2.0
//
// Copies of settled dead letters to `relay.dead-letter-topic`, best effort: the row is the truth,
// and nothing waits for a copy. One thread uses it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "broker/admin.hpp"
#include "broker/producer.hpp"
#include "core/log.hpp"
#include "relay/messages.hpp"

namespace outbox::relay {

class DeadLetterCopies {
 public:
  /// Makes no handle before the first copy.
  DeadLetterCopies(const broker::ProducerMaker& maker, const broker::AdminMaker& admin,
                   std::string topic, Logger& logger)
      : maker_(maker), admin_(admin), topic_(std::move(topic)), logger_(logger) {}

  /// Hands the copy over with the headers of the original and `dead_letter_reason`,
  /// `dead_letter_topic` (where it should have gone). What does not work is logged.
  void copy(const CopyDeadLetter& command);

 private:
  /// The topic's partition count; 0 where it cannot be sent to now.
  int partitions();
  void take_deliveries();

  const broker::ProducerMaker maker_;
  const broker::AdminMaker admin_;
  const std::string topic_;
  Logger& logger_;
  std::unique_ptr<broker::Producer> producer_;
  int partitions_ = 0;
  std::uint64_t last_tag_ = 0;
};

}  // namespace outbox::relay
