// SPDX-License-Identifier: Apache-2.0
//
// Recurring work, each run of it once in a whole cluster (row C9). Any number of instances have the
// same jobs; the database knows when each was begun last, and a lock is held while it runs, so that
// two runs of one job never overlap.
//
//     outbox::Scheduler scheduler({.database_url = "postgresql://localhost/shop"});
//     scheduler.every("refresh-prices", 10s, [&](const outbox::JobRun&) { refresh_prices(); });
//     scheduler.cron("nightly-report", "30 2 * * MON-FRI", [&](const outbox::JobRun& run) {
//       write_report(run.due, run.stop);
//     });
//     scheduler.run(stop_token);
//
// A run is begun at most once: one whose process dies in the middle is not begun again, the next
// one due is. Work that must be finished looks at its own books, not at its due time. What a job
// throws is logged and counted; the schedule goes on. A job that takes long delays itself alone.
// Times are the database's, in UTC.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include <outbox/cron.hpp>

namespace outbox {

/// Where the state of jobs is kept. A value.
struct SchedulerOptions {
  /// As DatabaseOptions::url; `outboxd migrate` or outbox::migrate() made the tables.
  std::string database_url = {};
  /// Where the locks are, as LockServiceOptions::url; empty: in the same database.
  std::string lock_url = {};
  /// After an error of the database or of the lock's place; a job's own failure pauses nothing.
  std::chrono::milliseconds pause_after_error{10000};
  /// What is written to standard error: `debug`, `info`, `warn` or `error`, and what is worse.
  std::string log_level = "warn";
};

/// What becomes of runs that came due while no instance could begin them: none ran, or the run
/// before took too long. Counted from when the job was first seen in the database.
enum class MissedRuns : std::uint8_t {
  skip,      ///< They are left out; one that is late by JobOptions::grace at most is not missed.
  run_once,  ///< One run stands for all of them; its `due` is the latest.
  run_all,   ///< Each is run, the oldest first, as far back as JobOptions::catch_up.
};

/// How one job is run.
struct JobOptions {
  /// What becomes of runs that nobody could begin in time.
  MissedRuns missed = MissedRuns::run_once;
  /// For MissedRuns::skip.
  std::chrono::milliseconds grace{60000};
  /// For MissedRuns::run_all.
  std::chrono::milliseconds catch_up{std::chrono::hours(24)};
  /// Each instance begins up to this much later, at random, so that not all of a cluster's jobs
  /// begin in one second.
  std::chrono::milliseconds jitter{0};
  /// How long a run's lock outlives an instance that died (LockTimes::ttl).
  std::chrono::milliseconds lock_ttl{30000};
};

/// One run. Valid during the call.
struct JobRun {
  /// Its name.
  const std::string& job;
  /// When it was due, not when it began.
  std::chrono::sys_time<std::chrono::microseconds> due;
  /// Greater than that of every run of this job before, for what must not be done by a run that was
  /// paused and overtaken (<outbox/lock.hpp>).
  std::int64_t fencing_number;
  /// At the end of run(), and where the lock was lost: another instance may begin the next run.
  std::stop_token stop;
};

/// Of one job, since the start of this instance.
struct JobCounters {
  std::int64_t runs = 0;      ///< Begun by this instance.
  std::int64_t failures = 0;  ///< Of these, threw.
  std::int64_t passed = 0;    ///< Times that missed runs were passed over by this instance.
  std::int64_t errors = 0;    ///< Of the database or of the lock's place.
  bool running = false;       ///< Now, here.
};

/// Runs recurring jobs, each on one instance of all at a time.
/// Thread-safety: jobs are added before run(); run() once at a time; counters from any thread.
class Scheduler {
 public:
  /// What a job does; what it throws is logged and counted, and the job goes on.
  using Job = std::function<void(const JobRun&)>;

  /// Connects to nothing yet. Throws Error(configuration), naming the option, where one is missing
  /// or makes no sense.
  explicit Scheduler(SchedulerOptions options);
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  /// Due at the multiples of `interval` since 1970 UTC, so that all instances agree: `every(10min)`
  /// at :00, :10, :20 … Throws Error(usage) for a name that is taken already or is none for a lock
  /// (letters, digits and _ - . : /, up to 180 bytes), for an interval below 100 ms or
  /// above 3650 days, and once run() was called; Error(configuration) for options that make no
  /// sense.
  Scheduler& every(const std::string& name, std::chrono::milliseconds interval, Job job,
                   JobOptions options = {});

  /// Due as the expression says. Errors as above, and those of CronExpression.
  Scheduler& cron(const std::string& name, std::string_view expression, Job job,
                  JobOptions options = {});

  /// Runs the jobs, each on a thread of its own, until a stop is requested; then waits for those
  /// that run, whose `stop` says so. No outage ends it once it runs. At the start it throws
  /// Error(not_found) without the tables and Error(configuration) where the login is refused; a
  /// database that is away is waited for. One connection a job, one more while it runs. Call it
  /// once; where it threw at the start it may be called again.
  void run(std::stop_token stop);

  /// From any thread; nothing but zeros for a name that is not known.
  [[nodiscard]] JobCounters counters(const std::string& name) const;

 private:
  class Parts;
  const std::unique_ptr<Parts> parts_;
};

}  // namespace outbox
