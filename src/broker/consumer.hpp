// SPDX-License-Identifier: Apache-2.0
//
// The seam through which consumers read as members of a group. Offsets are committed by the caller
// alone, after its database transaction (design, promise 3).
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <outbox/received_event.hpp>

namespace outbox::broker {

using IncomingHeader = ReceivedHeader;

struct IncomingMessage {
  std::string topic;
  int partition = 0;
  std::int64_t offset = 0;
  std::optional<std::string> key;
  std::optional<std::string> value;
  std::vector<IncomingHeader> headers;
  std::int64_t timestamp_ms = 0;
};

struct PartitionName {
  std::string topic;
  int partition = 0;

  friend auto operator<=>(const PartitionName&, const PartitionName&) = default;
};

/// The next offset to be read of one partition.
struct Position {
  std::string topic;
  int partition = 0;
  std::int64_t offset = 0;
};

/// Messages of one poll, in order per partition.
struct IncomingBatch {
  std::vector<IncomingMessage> messages;
  /// The group takes these back. They stay this member's until release(), for which the whole group
  /// waits; their messages of this poll are left out already.
  std::vector<PartitionName> revoked;
  /// They are another member's already: nothing of them can be committed any more.
  bool lost = false;
};

/// Thread-safety: one thread at a time; wake() from any.
class Consumer {
 public:
  virtual ~Consumer() = default;

  /// Waits up to `timeout` for a first message, then takes what is there, up to `messages_max`.
  /// Gives up what an earlier poll reported as revoked, if release() has not been called.
  virtual IncomingBatch poll(int messages_max, std::chrono::milliseconds timeout) = 0;

  /// Gives up the partitions that poll() reported as revoked.
  virtual void release() = 0;

  /// Commits these offsets, and waits for the answer. False where the partitions were lost
  /// meanwhile: the messages will come to somebody again.
  [[nodiscard]] virtual bool commit(std::span<const Position> next) = 0;

  /// No messages of these come until resume().
  virtual void pause(std::span<const PartitionName> partitions) = 0;
  virtual void resume(std::span<const PartitionName> partitions) = 0;

  /// The ends of the partitions that are this member's, as last heard; for the lag. Does not wait.
  virtual std::vector<Position> ends() = 0;

  virtual void wake() = 0;
};

struct ConsumerOptions {
  std::string group_id;
  std::vector<std::string> topics;
  std::string offset_reset = "earliest";
  std::string instance_id = {};  ///< Static membership; empty: none.
};

using ConsumerMaker = std::function<std::unique_ptr<Consumer>(const ConsumerOptions&)>;

}  // namespace outbox::broker
