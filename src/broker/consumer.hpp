// SPDX-License-Identifier: Apache-2.0
//
// The seam through which consumers read. Offsets are committed by the caller alone, after its
// database transaction (design, promise 3).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace outbox::broker {

struct IncomingHeader {
  std::string name;
  std::optional<std::string> value;
};

struct IncomingMessage {
  std::string topic;
  int partition = 0;
  std::int64_t offset = 0;
  std::optional<std::string> key;
  std::optional<std::string> value;
  std::vector<IncomingHeader> headers;
  std::int64_t timestamp_ms = 0;
};

/// Messages of one poll, in order per partition.
struct IncomingBatch {
  std::vector<IncomingMessage> messages;
  bool revoked = false;  ///< Partitions were taken away: drop what is not committed and poll again.
};

/// Thread-safety: one thread at a time; wake() from any.
class Consumer {
 public:
  virtual ~Consumer() = default;

  /// Waits up to `timeout` for a first message, then takes what is there, up to `messages_max`.
  virtual IncomingBatch poll(int messages_max, std::chrono::milliseconds timeout) = 0;

  /// Commits the offset after the last message of each partition of `batch`, and waits for the
  /// answer. False where the partitions were lost meanwhile: the messages will come to somebody
  /// again.
  [[nodiscard]] virtual bool commit(const IncomingBatch& batch) = 0;

  virtual void wake() = 0;
};

struct ConsumerOptions {
  std::string group_id;
  std::vector<std::string> topics;
  std::string offset_reset = "earliest";
};

using ConsumerMaker = std::function<std::unique_ptr<Consumer>(const ConsumerOptions&)>;

}  // namespace outbox::broker
