// SPDX-License-Identifier: Apache-2.0
//
// The four kinds of failure that the relay tells apart. Each home translates its library's codes
// once.
#pragma once

#include <cstdint>
#include <string>

namespace outbox {

enum class FailureKind : std::uint8_t {
  retry_connection,  ///< Broker or database away: wait and try again; nothing counts as an attempt.
  hold_topic,        ///< Missing, not authorised, too few replicas: the topic waits, others flow.
  retry_event,       ///< Counted and backed off; the event's key waits.
  dead_letter,       ///< Can never succeed.
};

struct Failure {
  FailureKind kind = FailureKind::retry_event;
  std::string reason;  ///< One line for people: what was refused, by whom, and the remedy.
};

}  // namespace outbox
