// SPDX-License-Identifier: Apache-2.0
#include "gateway/ring.hpp"

#include <algorithm>
#include <utility>

namespace outbox::gateway {

void Ring::add_slot(std::int64_t offset) {
  partitions_.push_back({offset, {}});
}

void Ring::add(MessagePointer message) {
  bytes_ += message->bytes();
  partitions_[message->slot].places.push_back({message->offset, end()});
  messages_.push_back(std::move(message));
  while (bytes_ > bytes_max_)
    drop_oldest();
}

void Ring::drop_oldest() {
  const MessagePointer& oldest = messages_.front();
  if (oldest) {
    Partition& partition = partitions_[oldest->slot];
    partition.held_from = oldest->offset + 1;
    partition.places.pop_front();
    bytes_ -= oldest->bytes();
  }
  messages_.pop_front();
  ++begin_;
}

void Ring::restart(std::size_t slot, std::int64_t offset) {
  for (const Place& place : partitions_[slot].places) {
    MessagePointer& message = messages_[place.sequence - begin_];
    bytes_ -= message->bytes();
    message.reset();
  }
  partitions_[slot] = {offset, {}};
}

bool Ring::covers(std::span<const std::int64_t> next) const {
  for (std::size_t slot = 0; slot < partitions_.size(); ++slot) {
    if (next[slot] < partitions_[slot].held_from) return false;
  }
  return true;
}

std::uint64_t Ring::seek(std::span<const std::int64_t> next) const {
  std::uint64_t sequence = end();
  for (std::size_t slot = 0; slot < partitions_.size(); ++slot) {
    const auto& places = partitions_[slot].places;
    const auto found = std::lower_bound(
        places.begin(), places.end(), next[slot],
        [](const Place& place, std::int64_t offset) { return place.offset < offset; });
    if (found != places.end()) sequence = std::min(sequence, found->sequence);
  }
  return sequence;
}

}  // namespace outbox::gateway
