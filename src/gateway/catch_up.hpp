// SPDX-License-Identifier: Apache-2.0
//
// The seam between the hub, which serves clients on the server's thread, and the source, which
// waits for brokers on its own. A catch-up reads once for all clients that go along with it.
#pragma once

#include <cstdint>
#include <vector>

#include "gateway/message.hpp"
#include "gateway/positions.hpp"

namespace outbox::gateway {

/// What a partition holds.
struct SlotRange {
  std::int64_t first = 0;
  std::int64_t end = 0;
};

/// What the hub asks for; each call returns at once. The answers are the hub's functions.
class CatchUps {
 public:
  virtual ~CatchUps() = default;

  /// Finds out what the topics hold: Hub::catch_up_opened(), or catch_up_failed().
  virtual void open(std::uint64_t id) = 0;
  /// Reads from there, one portion: Hub::catch_up_read(). The next one only after more().
  virtual void start(std::uint64_t id, Offsets from) = 0;
  virtual void more(std::uint64_t id) = 0;
  /// Answers that are under way may still come.
  virtual void end(std::uint64_t id) = 0;
};

/// Messages in order per partition, and how far each partition is read by now.
struct CatchUpPortion {
  std::vector<MessagePointer> messages;
  Offsets next;  ///< By slot; at the end of a partition beyond its last message.
};

}  // namespace outbox::gateway
