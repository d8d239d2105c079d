// SPDX-License-Identifier: Apache-2.0
//
// SIGTERM and SIGINT as a stop token. The first asks to stop; a second one, or the time to stop
// being over, ends the process at once.
#pragma once

#include <atomic>
#include <chrono>
#include <stop_token>
#include <thread>

namespace outbox::app {

/// Make it before any other thread: it blocks the signals in all threads made later. One at a time.
class StopSignals {
 public:
  explicit StopSignals(std::chrono::milliseconds shutdown_timeout);
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  [[nodiscard]] std::stop_token token() const { return source_.get_token(); }
  /// Asks to stop as a signal would, because one of several roles failed; no effect after a signal.
  void fail() {
    if (source_.request_stop()) failed_ = true;
  }
  /// True where a failure came before any signal.
  [[nodiscard]] bool failed() const { return failed_; }

 private:
  void listen(const std::stop_token& ended);

  const std::chrono::milliseconds shutdown_timeout_;
  std::stop_source source_;
  std::atomic<bool> failed_{false};
  std::jthread listener_;
};

}  // namespace outbox::app
