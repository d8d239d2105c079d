// SPDX-License-Identifier: Apache-2.0
//
// SIGTERM and SIGINT as a stop token. The first asks to stop; a second one, or the time to stop
// being over, ends the process at once. SIGHUP asks to read the configuration again where the
// program does that, and to stop where it does not.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>
#include <utility>

namespace outbox::app {

/// Make it before any other thread: it blocks the signals in all threads made later. One at a time.
class StopSignals {
 public:
  explicit StopSignals(std::chrono::milliseconds shutdown_timeout);
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  /// Called on SIGHUP, from the thread that waits for signals; it must only take note. Set it once,
  /// and keep what it refers to until this object is gone.
  void on_reload(std::function<void()> call) {
    const std::lock_guard lock(mutex_);
    reload_ = std::move(call);
  }

  [[nodiscard]] std::stop_token token() const { return source_.get_token(); }
  /// Asks to stop as a signal would, because one of several roles failed; no effect after a signal.
  void fail() {
    if (source_.request_stop()) failed_ = true;
  }
  /// True where a failure came before any signal.
  [[nodiscard]] bool failed() const { return failed_; }

 private:
  void listen(const std::stop_token& ended);
  [[nodiscard]] bool reloads();

  const std::chrono::milliseconds shutdown_timeout_;
  std::stop_source source_;
  std::atomic<bool> failed_{false};
  std::mutex mutex_;
  std::function<void()> reload_;
  std::jthread listener_;
};

}  // namespace outbox::app
