// SPDX-License-Identifier: Apache-2.0
#include "jobs/turns.hpp"

#include <algorithm>
#include <utility>

namespace outbox::jobs {

Turns::Turns(std::size_t places, std::stop_token stop)
    : places_(places), with_stop_(std::move(stop), [this] { ending_.request_stop(); }) {}

Turns::~Turns() {
  ending_.request_stop();
}

void Turns::want(DomainWorker& worker) {
  {
    const std::lock_guard lock(mutex_);
    if (placed_.contains(&worker) || std::count(line_.begin(), line_.end(), &worker) > 0) return;
    line_.push_back(&worker);
    // Threads are made when they are needed: most programs have few domains.
    if (free_ < line_.size() && threads_.size() < places_) {
      ++free_;
      threads_.emplace_back([this] { serve(ending_.get_token()); });
    }
  }
  changed_.notify_all();
}

std::set<DomainWorker*> Turns::served() const {
  const std::lock_guard lock(mutex_);
  std::set<DomainWorker*> all = placed_;
  all.insert(line_.begin(), line_.end());
  return all;
}

bool Turns::somebody_waits() const {
  const std::lock_guard lock(mutex_);
  return line_.size() > free_;
}

DomainWorker* Turns::next(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  const bool came = changed_.wait(lock, stop, [&] { return !line_.empty(); });
  if (!came || stop.stop_requested()) return nullptr;
  --free_;
  DomainWorker* const worker = line_.front();
  line_.pop_front();
  placed_.insert(worker);
  return worker;
}

void Turns::serve(const std::stop_token& stop) {
  while (DomainWorker* const worker = next(stop)) {
    const bool has_more = worker->turn(stop, [this] { return somebody_waits(); });
    const std::lock_guard lock(mutex_);
    placed_.erase(worker);
    ++free_;
    if (has_more) line_.push_back(worker);
  }
}

}  // namespace outbox::jobs
