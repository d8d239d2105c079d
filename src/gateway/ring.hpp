// SPDX-License-Identifier: Apache-2.0
//
// The newest messages of all partitions in the order they came, as many as fit into a limit of
// bytes, so that clients that were away for a little need no reading from the brokers.
//
// Of each partition it holds all messages from held_from() on. Messages are numbered through by
// sequences, which never begin anew.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "gateway/message.hpp"
#include "gateway/positions.hpp"

namespace outbox::gateway {

class Ring {
 public:
  explicit Ring(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  /// A partition whose messages come from `offset` on.
  void add_slot(std::int64_t offset);

  void add(MessagePointer message);

  /// Forgets what it holds of a partition that goes on from `offset` now.
  void restart(std::size_t slot, std::int64_t offset);

  [[nodiscard]] std::int64_t held_from(std::size_t slot) const {
    return partitions_[slot].held_from;
  }
  /// Everything from these offsets on is here.
  [[nodiscard]] bool covers(std::span<const std::int64_t> next) const;
  /// The sequence of the first message that a client at `next` has not seen, or a little before.
  [[nodiscard]] std::uint64_t seek(std::span<const std::int64_t> next) const;

  [[nodiscard]] std::uint64_t begin() const { return begin_; }
  [[nodiscard]] std::uint64_t end() const { return begin_ + messages_.size(); }
  /// Null where the message was forgotten.
  [[nodiscard]] const MessagePointer& at(std::uint64_t sequence) const {
    return messages_[sequence - begin_];
  }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  struct Place {
    std::int64_t offset;
    std::uint64_t sequence;
  };
  struct Partition {
    std::int64_t held_from = 0;
    std::deque<Place> places;
  };
  void drop_oldest();

  const std::size_t bytes_max_;
  std::size_t bytes_ = 0;
  std::uint64_t begin_ = 0;
  std::deque<MessagePointer> messages_;
  std::vector<Partition> partitions_;
};

}  // namespace outbox::gateway
