// SPDX-License-Identifier: Apache-2.0
//
// The threads on which requests are worked, with queues that are bounded. What takes long never has
// all of them, where there are several; and what asks no store and no broker has a thread of its
// own, so that a store that hangs never holds it up.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

#include "core/clock.hpp"

namespace outbox::admin {

enum class Lane : std::uint8_t { memory, quick, slow };

/// Thread-safety: any thread.
class Workers {
 public:
  /// `threads` for the lanes quick and slow.
  Workers(int threads, std::size_t waiting_max);
  /// What waits is forgotten; what runs is waited for.
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  /// False: too much waits. `work` throws nothing.
  [[nodiscard]] bool try_add(Lane lane, std::function<void()> work);

  /// How long the oldest work is under way; zero: none is.
  [[nodiscard]] Duration longest(Moment now) const;

 private:
  void run(const std::stop_token& stop, std::size_t number, bool is_memory);
  [[nodiscard]] std::deque<std::function<void()>>* next_queue(bool is_memory);

  const std::size_t waiting_max_;
  const std::size_t slow_max_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<std::function<void()>> memory_;
  std::deque<std::function<void()>> quick_;
  std::deque<std::function<void()>> slow_;
  std::size_t slow_running_ = 0;
  std::map<std::size_t, Moment> running_;  // By the thread's number.
  std::vector<std::jthread> threads_;
};

}  // namespace outbox::admin
