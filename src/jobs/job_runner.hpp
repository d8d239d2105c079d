// SPDX-License-Identifier: Apache-2.0
//
// One recurring job on one of many instances: begins each due run where no other instance has.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include "core/log.hpp"
#include "jobs/schedule.hpp"
#include "store/locks.hpp"

namespace outbox::jobs {

struct Run {
  DatabaseTime due;
  std::int64_t fencing = 0;
  std::stop_token stop;  ///< At the end, and when the lock is lost.
};

struct JobTerms {
  std::string name;
  Schedule schedule;
  std::chrono::milliseconds jitter{0};
  std::chrono::milliseconds lock_ttl{30000};
  std::chrono::milliseconds pause_after_error{10000};
  std::function<void(const Run&)> work;
};

struct JobCounts {
  std::atomic<std::int64_t> runs{0};      ///< Begun here.
  std::atomic<std::int64_t> failures{0};  ///< Of these, threw.
  std::atomic<std::int64_t> passed{0};    ///< Missed times that were passed over.
  std::atomic<std::int64_t> errors{0};    ///< Of the database or the lock's place.
  std::atomic<bool> running{false};
};

class JobRunner {
 public:
  using MakeSchedules = std::function<std::unique_ptr<store::Schedules>()>;
  using MakeLocks = std::function<std::unique_ptr<store::Locks>()>;

  JobRunner(JobTerms terms, MakeSchedules schedules, MakeLocks locks, Logger& logger);

  /// Until a stop is requested and what runs has ended. No outage ends it.
  void run(const std::stop_token& stop);

  /// One look: what is due is run. Returns how long nothing is due. For run().
  std::chrono::microseconds step(const std::stop_token& stop);

  [[nodiscard]] const std::string& name() const noexcept { return terms_.name; }
  [[nodiscard]] const JobCounts& counts() const noexcept { return counts_; }

 private:
  std::chrono::microseconds begin(const store::JobState& seen, DatabaseTime due,
                                  const std::stop_token& stop);
  void work(const Run& run);
  [[nodiscard]] std::chrono::milliseconds random_delay() const;

  const JobTerms terms_;
  const MakeSchedules make_schedules_;
  const MakeLocks make_locks_;
  Logger& logger_;
  std::unique_ptr<store::Schedules> schedules_;
  JobCounts counts_;
};

/// True where `stop` came first.
bool wait_or_stop(const std::stop_token& stop, std::chrono::microseconds pause);

}  // namespace outbox::jobs
