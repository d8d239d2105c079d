// SPDX-License-Identifier: Apache-2.0
#include "app/signals.hpp"

#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>

namespace outbox::app {

namespace {

constexpr int wake_signal = SIGUSR1;
constexpr int exit_by_signal = 128;

sigset_t watched_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigaddset(&set, wake_signal);
  return set;
}

void end_now(int code, const char* why) {
  // What is in flight stays unsettled and is sent again: nothing is lost by leaving at once.
  [[maybe_unused]] const auto written = write(STDERR_FILENO, why, std::strlen(why));
  _exit(code);
}

}  // namespace

StopSignals::StopSignals(std::chrono::milliseconds shutdown_timeout)
    : shutdown_timeout_(shutdown_timeout) {
  const sigset_t set = watched_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signal(SIGPIPE, SIG_IGN);
  listener_ = std::jthread([this](const std::stop_token& ended) { listen(ended); });
}

StopSignals::~StopSignals() {
  listener_.request_stop();
  pthread_kill(listener_.native_handle(), wake_signal);
}

void StopSignals::listen(const std::stop_token& ended) {
  const sigset_t set = watched_signals();
  int received = 0;
  while (received != SIGTERM && received != SIGINT) {
    if (sigwait(&set, &received) != 0 || ended.stop_requested()) return;
  }
  source_.request_stop();
  // A little less than promised, so that the process is gone when the time is over.
  const auto wait_ms = shutdown_timeout_ * 95 / 100;
  timespec wait{};
  wait.tv_sec = static_cast<time_t>(wait_ms.count() / 1000);
  wait.tv_nsec = static_cast<long>(wait_ms.count() % 1000 * 1'000'000);
  const int second = sigtimedwait(&set, nullptr, &wait);
  if (ended.stop_requested()) return;
  if (second == SIGTERM || second == SIGINT) end_now(exit_by_signal + second, "ended at once\n");
  if (second == -1 && errno == EAGAIN) {
    end_now(0, "shutdown-timeout is over; what was in flight stays unsettled and is sent again\n");
  }
}

}  // namespace outbox::app
