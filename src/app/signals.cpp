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
constexpr std::chrono::milliseconds same_signal_within{300};

sigset_t watched_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGHUP);
  sigaddset(&set, wake_signal);
  return set;
}

/// The signal that came, or -1 once `most` is over.
int wait_for_signal(const sigset_t& set, std::chrono::milliseconds most) {
  timespec wait{};
  wait.tv_sec = static_cast<time_t>(most.count() / 1000);
  wait.tv_nsec = static_cast<long>(most.count() % 1000 * 1'000'000);
  // A signal that is none of ours only begins the wait anew.
  int received = 0;
  do {
    received = sigtimedwait(&set, nullptr, &wait);
  } while (received == -1 && errno == EINTR);
  return received;
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

bool StopSignals::reloads() {
  const std::lock_guard lock(mutex_);
  if (reload_) reload_();
  return static_cast<bool>(reload_);
}

void StopSignals::listen(const std::stop_token& ended) {
  sigset_t set = watched_signals();
  int received = 0;
  while (received != SIGTERM && received != SIGINT) {
    if (sigwait(&set, &received) != 0 || ended.stop_requested()) return;
    if (received == SIGHUP && !reloads()) break;
  }
  source_.request_stop();
  sigdelset(&set, SIGHUP);
  // `timeout` and some supervisors send the signal twice, to the process and to its group.
  wait_for_signal(set, same_signal_within);
  if (ended.stop_requested()) return;
  // A little less than promised, so that the process is gone when the time is over.
  const int second = wait_for_signal(set, shutdown_timeout_ * 95 / 100 - same_signal_within);
  if (ended.stop_requested()) return;
  if (second == SIGTERM || second == SIGINT) end_now(exit_by_signal + second, "ended at once\n");
  end_now(0, "shutdown-timeout is over; what was in flight stays unsettled and is sent again\n");
}

}  // namespace outbox::app
