// SPDX-License-Identifier: Apache-2.0
//
// What calls of handlers have come to, told to the session that ordered them. It outlives both: a
// call that was given up may end long after its session.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

namespace outbox::jobs {

enum class CallEnd : std::uint8_t {
  done,
  failed,
  blameless,   ///< Something was unreachable: no attempt counts.
  timed_out,   ///< Still runs.
  late,        ///< One that had timed out has ended.
  not_called,  ///< An earlier event of its key failed, or the session is over.
};

struct CallReport {
  std::uint64_t call = 0;
  CallEnd end = CallEnd::done;
  std::string reason;
};

/// Thread-safety: any thread.
class Board {
 public:
  /// False where nobody will read it. After an end that is no success no later event of the key is
  /// begun.
  bool post(CallReport report, const std::string& key) {
    {
      const std::lock_guard lock(mutex_);
      if (abandoned_) return false;
      if (report.end == CallEnd::failed || report.end == CallEnd::blameless ||
          report.end == CallEnd::timed_out) {
        closed_keys_.insert(key);
      }
      reports_.push_back(std::move(report));
    }
    changed_.notify_all();
    return true;
  }

  void open_key(const std::string& key) {
    const std::lock_guard lock(mutex_);
    closed_keys_.erase(key);
  }

  /// Nothing is begun any more.
  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }

  /// The same, and nothing is reported any more.
  void abandon() {
    const std::lock_guard lock(mutex_);
    closed_ = abandoned_ = true;
    reports_.clear();
  }

  void close_key(const std::string& key) {
    const std::lock_guard lock(mutex_);
    closed_keys_.insert(key);
  }

  [[nodiscard]] bool may_begin(const std::string& key) const {
    const std::lock_guard lock(mutex_);
    return !closed_ && !closed_keys_.contains(key);
  }

  /// What came; waits for it up to `pause`, or until a stop is requested.
  std::vector<CallReport> take(std::chrono::nanoseconds pause, const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, stop, pause, [&] { return !reports_.empty(); });
    return std::exchange(reports_, {});
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::vector<CallReport> reports_;
  std::set<std::string> closed_keys_;
  bool closed_ = false;
  bool abandoned_ = false;
};

}  // namespace outbox::jobs
