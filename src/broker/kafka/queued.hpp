// SPDX-License-Identifier: Apache-2.0
//
// How many bytes a handle holds, headers and the library's bookkeeping included; librdkafka itself
// counts values alone (design, promise 5). Bodies are counted to the byte. Headers would have to be
// read again for that when a message comes back, which costs a tenth of the hand-over; so their sum
// is kept, and messages that come back take their share of it along.
//
// Thread-safety: has_room(), add() and take_back() on one thread, remove() on another at the same
// time.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>

namespace outbox::broker::kafka {

class Queued {
 public:
  /// True where `bytes` more stay within `bytes_max`, and always where nothing is queued: a single
  /// message may be larger than the whole limit.
  [[nodiscard]] bool has_room(std::size_t bytes, std::size_t bytes_max) const noexcept {
    const std::size_t queued = load(body_bytes_) + load(header_bytes_);
    return queued + bytes <= bytes_max || load(messages_) == 0;
  }

  void add(std::size_t body_bytes, std::size_t header_bytes) noexcept {
    messages_.fetch_add(1, std::memory_order_relaxed);
    body_bytes_.fetch_add(body_bytes, std::memory_order_relaxed);
    header_bytes_.fetch_add(header_bytes, std::memory_order_relaxed);
  }

  /// Undoes the latest add(): the message was not taken after all.
  void take_back(std::size_t body_bytes, std::size_t header_bytes) noexcept {
    messages_.fetch_sub(1, std::memory_order_relaxed);
    body_bytes_.fetch_sub(body_bytes, std::memory_order_relaxed);
    take_headers(header_bytes);
  }

  /// `messages` came back, whose bodies have `body_bytes`.
  void remove(std::size_t messages, std::size_t body_bytes) noexcept {
    if (messages == 0) return;
    // The share is taken before the count goes down, so that the last messages take all that is
    // left.
    const std::size_t queued = std::max(load(messages_), messages);
    const auto share = static_cast<double>(messages) / static_cast<double>(queued);
    take_headers(static_cast<std::size_t>(static_cast<double>(load(header_bytes_)) * share));
    body_bytes_.fetch_sub(body_bytes, std::memory_order_relaxed);
    messages_.fetch_sub(messages, std::memory_order_relaxed);
  }

 private:
  static std::size_t load(const std::atomic<std::size_t>& number) noexcept {
    return number.load(std::memory_order_relaxed);
  }

  // Never below zero, whatever shares were taken meanwhile.
  void take_headers(std::size_t bytes) noexcept {
    std::size_t now = load(header_bytes_);
    while (!header_bytes_.compare_exchange_weak(now, now - std::min(now, bytes),
                                                std::memory_order_relaxed)) {
    }
  }

  std::atomic<std::size_t> messages_{0};
  std::atomic<std::size_t> body_bytes_{0};
  std::atomic<std::size_t> header_bytes_{0};
};

}  // namespace outbox::broker::kafka
