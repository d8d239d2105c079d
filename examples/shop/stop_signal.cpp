// SPDX-License-Identifier: Apache-2.0
#include "stop_signal.hpp"

#include <signal.h>

namespace shop {
namespace {

// Wakes the listener at the end.
constexpr int wake_signal = SIGUSR1;

sigset_t watched() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal_number : {SIGTERM, SIGINT, wake_signal})
    sigaddset(&set, signal_number);
  return set;
}

}  // namespace

StopSignal::StopSignal() {
  const sigset_t set = watched();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signal(SIGPIPE, SIG_IGN);
  listener_ = std::jthread([this] {
    const sigset_t awaited = watched();
    int received = 0;
    sigwait(&awaited, &received);
    if (received != wake_signal) source_.request_stop();
  });
}

StopSignal::~StopSignal() {
  pthread_kill(listener_.native_handle(), wake_signal);
}

}  // namespace shop
