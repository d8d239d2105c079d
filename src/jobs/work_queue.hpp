// SPDX-License-Identifier: Apache-2.0
//
// A bounded queue of work with threads of its own: pieces of one key are done one after the other
// in the order in which they came, pieces of different keys side by side.
//
// A piece that takes longer than the time limit is given up: the queue says so, asks it to stop and
// goes on with another thread in its place. Its key waits until it has really ended, so that two
// pieces of one key never run at the same time.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "core/clock.hpp"

namespace outbox::jobs {

struct Work {
  std::string key;  ///< Empty: no order with any other.
  /// The token asks it to come to an end.
  std::function<void(std::stop_token)> run;
  /// Called once, on a thread of the queue, where it took longer than the limit; `run` still runs.
  std::function<void()> on_timeout;
};

struct WorkQueueOptions {
  int workers = 4;
  std::size_t length_max = 1000;            ///< Pieces that wait; those that run come on top.
  std::chrono::milliseconds time_limit{0};  ///< Zero: none.
  int stuck_max = 16;  ///< Threads left behind in pieces that were given up; more: no replacement.
  /// What a piece threw. Called on the thread that ran it.
  std::function<void(const std::string& key, const std::string& reason)> on_error;
};

/// What the exception says of itself.
[[nodiscard]] std::string reason_of(const std::exception_ptr& thrown);

struct WorkQueueCounts {
  std::int64_t accepted = 0;
  std::int64_t rejected = 0;
  std::int64_t done = 0;    ///< Those that threw included.
  std::int64_t failed = 0;  ///< Threw.
  std::int64_t timed_out = 0;
  std::size_t waiting = 0;
  std::size_t running = 0;  ///< Those that were given up and have not ended included.
  std::size_t stuck = 0;    ///< Of these, given up.
};

/// Thread-safety: any thread, but not from within a piece of its own where that would wait for room
/// (a full queue whose workers all wait for room never gets any).
class WorkQueue {
 public:
  explicit WorkQueue(WorkQueueOptions options);
  /// Closes it and waits until every piece has ended.
  ~WorkQueue();
  WorkQueue(const WorkQueue&) = delete;
  WorkQueue& operator=(const WorkQueue&) = delete;

  /// False where no room came within `wait`, or once it is closed.
  bool push(Work work, std::chrono::milliseconds wait);

  /// Takes nothing more; what waits is still done.
  void close();
  /// What waits is dropped; returns how many pieces that were.
  std::size_t drop_waiting();
  /// Until nothing waits and nothing runs, those given up left aside; false after `wait`.
  bool drain(std::chrono::milliseconds wait);
  /// Asks what runs to come to an end.
  void request_stop();

  /// True while a piece of that key runs that was given up.
  [[nodiscard]] bool is_stuck(const std::string& key) const;

  [[nodiscard]] WorkQueueCounts counts() const;

 private:
  struct Line {
    std::deque<Work> waiting;
    bool busy = false;
  };
  struct Call {
    std::stop_source stop;
    std::function<void()> on_timeout;
    Moment deadline;
    bool given_up = false;
    std::string line;
  };

  void add_worker();
  void work();
  [[nodiscard]] bool take(std::unique_lock<std::mutex>& lock, Work& work,
                          std::list<Call>::iterator& call);
  void run(const Work& work, const std::stop_token& stop);
  [[nodiscard]] bool finish(const Work& work, std::list<Call>::iterator call);
  void watch();
  std::optional<Moment> next_deadline() const;
  void give_up_late_ones(std::unique_lock<std::mutex>& lock);
  [[nodiscard]] bool idle() const;

  const WorkQueueOptions options_;
  mutable std::mutex mutex_;
  std::condition_variable has_work_;
  std::condition_variable has_room_;
  std::condition_variable changed_;  ///< Something ended, or the watch has something to look at.
  std::map<std::string, Line> lines_;
  std::deque<std::map<std::string, Line>::iterator> ready_;
  std::list<Call> calls_;
  std::uint64_t nameless_ = 0;
  int replaced_ = 0;  ///< Workers that were replaced and have not ended yet.
  bool closed_ = false;
  bool stopped_ = false;  ///< request_stop(): what begins later begins with a stop requested.
  WorkQueueCounts counts_;
  std::list<std::jthread> workers_;
  std::vector<std::thread::id> ended_;  ///< Of these, to be joined.
  std::jthread watching_;
};

}  // namespace outbox::jobs
