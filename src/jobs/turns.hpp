// SPDX-License-Identifier: Apache-2.0
//
// Domains that take turns at a limited number of places, for each that is worked costs connections
// and threads.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <list>
#include <mutex>
#include <set>
#include <stop_token>
#include <thread>
#include <vector>

#include "jobs/domain_worker.hpp"

namespace outbox::jobs {

/// Thread-safety: any thread.
class Turns {
 public:
  /// At most `places` domains are worked at the same time. The workers outlive this.
  Turns(std::size_t places, std::stop_token stop);
  /// Waits for those at work, who were asked to stop.
  ~Turns();
  Turns(const Turns&) = delete;
  Turns& operator=(const Turns&) = delete;

  /// To the end of the line, unless it stands there or has a place.
  void want(DomainWorker& worker);

  /// The workers that have a place or stand in line for one.
  [[nodiscard]] std::set<DomainWorker*> served() const;
  [[nodiscard]] bool somebody_waits() const;

 private:
  void serve(const std::stop_token& stop);
  [[nodiscard]] DomainWorker* next(const std::stop_token& stop);

  const std::size_t places_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<DomainWorker*> line_;
  std::set<DomainWorker*> placed_;
  std::size_t free_ = 0;  ///< Threads without a worker, those that only begin included.
  std::stop_source ending_;
  const std::stop_callback<std::function<void()>> with_stop_;
  std::list<std::jthread> threads_;  ///< Last: they use what stands above.
};

}  // namespace outbox::jobs
