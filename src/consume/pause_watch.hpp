// SPDX-License-Identifier: Apache-2.0
//
// Looks every three seconds whether operators have paused this consumer's group, on a thread and a
// connection of its own, so that a slow database delays neither polling nor handling. Where it does
// not answer, what was known last stands.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

#include "core/log.hpp"
#include "store/home.hpp"

namespace outbox::consume {

class PauseWatch {
 public:
  using MakeControls = std::function<std::unique_ptr<store::Controls>()>;

  /// Without `make_controls` nothing is ever paused, and nothing is looked at.
  PauseWatch(MakeControls make_controls, std::string group_id, Logger& log);
  ~PauseWatch() = default;
  PauseWatch(const PauseWatch&) = delete;
  PauseWatch& operator=(const PauseWatch&) = delete;

  /// From any thread.
  [[nodiscard]] bool paused() const noexcept { return paused_; }

  /// Waits until a look was answered: a consumer that is started while it is paused begins nothing.
  /// After 30 s without any answer of the database it says so and waits no longer.
  void wait_for_first_look(const std::stop_token& stop);

  /// Called on the watch's thread whenever paused() changes; an empty one ends that. Does not
  /// return while the former one is being called.
  void set_listener(std::function<void()> listener);

 private:
  void watch(const std::stop_token& stop);
  bool look();
  void tell(const char* reason);
  void take(const std::optional<store::Pause>& pause);

  const MakeControls make_controls_;
  const std::string group_id_;
  Logger& log_;
  std::unique_ptr<store::Controls> controls_;  ///< The thread's own.
  std::atomic<bool> paused_{false};
  std::mutex mutex_;
  std::condition_variable_any changed_;
  bool looked_ = false;
  std::function<void()> listener_;
  std::jthread thread_;
};

}  // namespace outbox::consume
