// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stop_token>
#include <thread>

namespace shop {

/// SIGTERM and SIGINT as a stop token. Make it before any other thread: it blocks the signals in
/// all threads made later.
class StopSignal {
 public:
  StopSignal();
  ~StopSignal();
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;

  [[nodiscard]] std::stop_token token() const { return source_.get_token(); }
  /// As a signal would.
  void stop() { source_.request_stop(); }

 private:
  std::stop_source source_;
  std::jthread listener_;
};

}  // namespace shop
