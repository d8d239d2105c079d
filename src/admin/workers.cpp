// SPDX-License-Identifier: Apache-2.0
#include "admin/workers.hpp"

#include <algorithm>
#include <utility>

namespace outbox::admin {

Workers::Workers(int threads, std::size_t waiting_max)
    : waiting_max_(waiting_max), slow_max_(static_cast<std::size_t>(std::max(1, threads - 1))) {
  for (std::size_t i = 0; i < static_cast<std::size_t>(threads) + 1; ++i)
    threads_.emplace_back([this, i](const std::stop_token& stop) { run(stop, i, i == 0); });
}

Workers::~Workers() {
  for (std::jthread& thread : threads_)
    thread.request_stop();
}

bool Workers::try_add(Lane lane, std::function<void()> work) {
  {
    const std::lock_guard lock(mutex_);
    auto& queue = lane == Lane::memory ? memory_ : lane == Lane::quick ? quick_ : slow_;
    if (queue.size() >= waiting_max_) return false;
    queue.push_back(std::move(work));
  }
  // All: who takes the one lane is of no use to the other.
  changed_.notify_all();
  return true;
}

Duration Workers::longest(Moment now) const {
  const std::lock_guard lock(mutex_);
  Duration longest{};
  for (const auto& [number, since] : running_)
    longest = std::max(longest, now - since);
  return longest;
}

std::deque<std::function<void()>>* Workers::next_queue(bool is_memory) {
  if (is_memory) return memory_.empty() ? nullptr : &memory_;
  if (!quick_.empty()) return &quick_;
  return !slow_.empty() && slow_running_ < slow_max_ ? &slow_ : nullptr;
}

void Workers::run(const std::stop_token& stop, std::size_t number, bool is_memory) {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, stop, [&] { return next_queue(is_memory) != nullptr; });
    if (stop.stop_requested()) return;
    auto* queue = next_queue(is_memory);
    const bool is_slow = queue == &slow_;
    {
      const std::function<void()> work = std::move(queue->front());
      queue->pop_front();
      slow_running_ += is_slow ? 1 : 0;
      running_[number] = BootClock::now();
      lock.unlock();
      work();
    }
    lock.lock();
    running_.erase(number);
    slow_running_ -= is_slow ? 1 : 0;
    if (is_slow) changed_.notify_all();
  }
}

}  // namespace outbox::admin
