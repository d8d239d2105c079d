// SPDX-License-Identifier: Apache-2.0
//
// The seam of those who read a topic by place and not as members of a group: the gateway, which
// sends a client what it missed, and the replay of dead letters.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "broker/consumer.hpp"

namespace outbox::broker {

/// What a partition holds: offsets from `first` to before `end`.
struct PartitionRange {
  int partition = 0;
  std::int64_t first = 0;
  std::int64_t end = 0;
};

/// Thread-safety: one thread at a time; wake() from any.
class Reader {
 public:
  virtual ~Reader() = default;

  /// Of every partition, in their order. Throws Error(not_found) without the topic,
  /// Error(unreachable) where the brokers do not answer in time.
  virtual std::vector<PartitionRange> ranges(const std::string& topic,
                                             std::chrono::milliseconds timeout) = 0;

  /// Of every partition the first offset whose message is of this time or later; its end where none
  /// is. Throws as ranges().
  virtual std::vector<Position> offsets_at(const std::string& topic, std::int64_t timestamp_ms,
                                           std::chrono::milliseconds timeout) = 0;

  /// From now on these partitions are read from these offsets, and no others. An offset that the
  /// partition does not hold (any more) is reported by poll() and not silently moved.
  virtual void assign(std::span<const Position> from) = 0;

  struct Answer {
    std::vector<IncomingMessage> messages;  ///< In order per partition.
    std::vector<Position> out_of_range;     ///< No longer read: assign() again from elsewhere.
    /// Partitions read to their end as it was then: for readers of a range, since the last offsets
    /// before an end may be of no message (transactions' marks, what compaction removed).
    std::vector<Position> at_end;
  };
  /// Waits up to `timeout` for the first entry of any of the lists, then takes what is there, up to
  /// `messages_max` messages. Brokers away are waited for. Throws Error(configuration) where login
  /// or rights are refused, Error(not_found) where a topic is gone.
  virtual Answer poll(int messages_max, std::chrono::milliseconds timeout) = 0;

  /// Says in the group's name, for tools that show lag, how far it has been read. Does not wait.
  virtual void note_progress(std::span<const Position> next) = 0;

  virtual void wake() = 0;
};

/// `group_id` is only a name, for rights and for note_progress(): no group is joined.
using ReaderMaker = std::function<std::unique_ptr<Reader>(const std::string& group_id)>;

}  // namespace outbox::broker
