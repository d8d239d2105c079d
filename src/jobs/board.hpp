// SPDX-License-Identifier: Apache-2.0
//
// What calls of handlers have come to, told to the session that ordered them. It outlives both: a
// call that was given up may end long after its session.
#pragma once

#include <algorithm>
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

  /// The same, and nothing is reported any more. Returns how many reports of success nobody took.
  std::int64_t abandon() {
    const std::lock_guard lock(mutex_);
    closed_ = abandoned_ = true;
    const std::vector<CallReport> dropped = std::exchange(reports_, {});
    return std::count_if(dropped.begin(), dropped.end(),
                         [](const CallReport& report) { return report.end == CallEnd::done; });
  }

  void close_key(const std::string& key) {
    const std::lock_guard lock(mutex_);
    closed_keys_.insert(key);
  }

  /// False where the call must not be made.
  [[nodiscard]] bool begin(std::uint64_t call, const std::string& key) {
    const std::lock_guard lock(mutex_);
    if (closed_ || closed_keys_.contains(key)) return false;
    begun_.insert(call);
    return true;
  }

  [[nodiscard]] bool has_begun(std::uint64_t call) const {
    const std::lock_guard lock(mutex_);
    return begun_.contains(call);
  }

  /// Its report was taken.
  void forget(std::uint64_t call) {
    const std::lock_guard lock(mutex_);
    begun_.erase(call);
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
  std::set<std::uint64_t> begun_;
  bool closed_ = false;
  bool abandoned_ = false;
};

}  // namespace outbox::jobs
