// SPDX-License-Identifier: Apache-2.0
#include "broker/kafka/reaper.hpp"

#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>

namespace outbox::broker::kafka {
namespace {

constexpr std::chrono::seconds exit_wait_max{2};

// How many handles are on their way out.
struct Count {
  std::mutex mutex;
  std::condition_variable none_left;
  int handles = 0;

  bool wait(std::chrono::milliseconds timeout) {
    std::unique_lock lock(mutex);
    return none_left.wait_for(lock, timeout, [this] { return handles == 0; });
  }
};

// Never destroyed: a thread that outlasts the wait at exit still finds it.
Count& count() {
  static Count* const instance = new Count;
  return *instance;
}

struct ExitWait {
  ~ExitWait() { static_cast<void>(count().wait(exit_wait_max)); }
};

void destroy_and_count(rd_kafka_t* handle) {
  // Consumers were closed by their owner as far as that could be, and their callbacks point to it.
  rd_kafka_destroy_flags(handle, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
  Count& counted = count();
  const std::lock_guard lock(counted.mutex);
  if (--counted.handles == 0) counted.none_left.notify_all();
}

}  // namespace

void reap(rd_kafka_t* handle) noexcept {
  static const ExitWait exit_wait;
  {
    Count& counted = count();
    const std::lock_guard lock(counted.mutex);
    ++counted.handles;
  }
  try {
    std::jthread(destroy_and_count, handle).detach();
  } catch (const std::system_error&) {
    destroy_and_count(handle);  // No thread to be had: then it takes the time it takes.
  }
}

bool reaped_all(std::chrono::milliseconds timeout) {
  return count().wait(timeout);
}

}  // namespace outbox::broker::kafka
