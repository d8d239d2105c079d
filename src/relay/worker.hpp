// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <thread>
#include <utility>

#include "core/bounded_queue.hpp"

namespace outbox::relay {

/// Runs tasks one after the other on a thread of its own. The destructor runs what is still queued.
class Worker {
 public:
  Worker() : thread_([this] { work(); }) {}
  ~Worker() { queue_.close(); }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// The core never has more than a few tasks under way, so that this does not block it.
  void run(std::function<void()> task) { queue_.push(std::move(task)); }

  /// False where too much is queued already: the task is dropped.
  bool try_run(std::function<void()> task) { return queue_.try_push(std::move(task)); }

 private:
  void work() {
    while (auto task = queue_.pop())
      (*task)();
  }

  BoundedQueue<std::function<void()>> queue_{256};
  std::jthread thread_;
};

}  // namespace outbox::relay
