// SPDX-License-Identifier: Apache-2.0
//
// A fetched message as the seams give it. Thread-safety: values only.
#pragma once

#include "broker/consumer.hpp"
#include "broker/kafka/handle.hpp"

namespace outbox::broker::kafka {

/// Copies it: the original goes back to the library with the next poll.
[[nodiscard]] IncomingMessage incoming_of(const rd_kafka_message_t& message);

}  // namespace outbox::broker::kafka
