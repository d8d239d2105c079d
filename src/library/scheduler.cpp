// SPDX-License-Identifier: Apache-2.0
#include <outbox/scheduler.hpp>

#include <algorithm>
#include <atomic>
#include <thread>
#include <utility>
#include <vector>

#include <outbox/error.hpp>

#include "core/log.hpp"
#include "jobs/job_runner.hpp"
#include "jobs/kept_lock.hpp"
#include "jobs/limits.hpp"
#include "library/connections.hpp"
#include "library/lock_places.hpp"

namespace outbox {

namespace {

using std::chrono::milliseconds;

constexpr std::size_t name_bytes_max = 180;  // A prefix for the lock goes before it.
constexpr milliseconds interval_min{100};
constexpr milliseconds statement_timeout{10000};

void check(const std::string& name, const JobOptions& options) {
  if (name.size() > name_bytes_max) {
    throw Error(ErrorKind::usage, "a job's name has " + std::to_string(name.size()) + " bytes",
                "give it 1 to 180");
  }
  jobs::check_terms({.name = name, .ttl = options.lock_ttl, .timeout = milliseconds(0)});
  for (const auto& [time, what] :
       {std::pair(options.jitter, "jitter"), std::pair(options.grace, "grace"),
        std::pair(options.catch_up, "catch_up")}) {
    if (time.count() < 0) {
      throw Error(ErrorKind::configuration,
                  "JobOptions::" + std::string(what) + " of job " + name + " is below zero");
    }
  }
}

jobs::Missed missed_of(MissedRuns missed) {
  switch (missed) {
    case MissedRuns::skip:
      return jobs::Missed::skip;
    case MissedRuns::run_all:
      return jobs::Missed::run_all;
    case MissedRuns::run_once:
      break;
  }
  return jobs::Missed::run_once;
}

}  // namespace

class Scheduler::Parts {
 public:
  explicit Parts(SchedulerOptions given)
      : options(std::move(given)),
        log(library::log_level_of(options.log_level, "SchedulerOptions::log_level")) {
    store::HomeOptions home;
    home.member_name = "scheduler";
    home.statement_timeout = statement_timeout;
    store = library::make_store(
        library::find_database(options.database_url, "SchedulerOptions::database_url"), home);
    locks = options.lock_url.empty() ? store.locks
                                     : library::find_locks(options.lock_url, statement_timeout,
                                                           "SchedulerOptions::lock_url");
    if (options.pause_after_error.count() < 0) {
      throw Error(ErrorKind::configuration, "SchedulerOptions::pause_after_error is below zero");
    }
  }

  void add(const std::string& name, std::function<store::DatabaseTime(store::DatabaseTime)> next,
           Job job, const JobOptions& job_options) {
    if (begun) throw Error(ErrorKind::usage, "job " + name + " came after run()");
    if (!job) throw Error(ErrorKind::usage, "job " + name + " is an empty function");
    check(name, job_options);
    if (find(name) != nullptr) throw Error(ErrorKind::usage, "there is a job " + name + " already");
    jobs::JobTerms terms;
    terms.name = name;
    terms.schedule = {std::move(next), missed_of(job_options.missed),
                      jobs::bounded(job_options.grace), jobs::bounded(job_options.catch_up)};
    terms.jitter = jobs::bounded(job_options.jitter);
    terms.lock_ttl = job_options.lock_ttl;
    terms.pause_after_error = jobs::bounded(options.pause_after_error);
    terms.work = [name, job = std::move(job)](const jobs::Run& run) {
      job({name, run.due, run.fencing, run.stop});
    };
    runners.push_back(
        std::make_unique<jobs::JobRunner>(std::move(terms), store.schedules, locks, log));
  }

  [[nodiscard]] const jobs::JobRunner* find(const std::string& name) const {
    const auto found = std::find_if(runners.begin(), runners.end(),
                                    [&](const auto& runner) { return runner->name() == name; });
    return found == runners.end() ? nullptr : found->get();
  }

  // What no waiting mends is told at once, instead of once a pause for ever.
  void check_database(const std::stop_token& stop) {
    const auto schedules = store.schedules();
    while (!stop.stop_requested()) {
      try {
        if (!runners.empty()) (void)schedules->state(runners.front()->name());
        return;
      } catch (const Error& error) {
        if (error.kind() != ErrorKind::unreachable) throw;
        log.warn("the database is not there yet, trying again", {{"error", error.what()}});
      }
      jobs::wait_or_stop(stop, jobs::bounded(options.pause_after_error));
    }
  }

  const SchedulerOptions options;
  Logger log;
  store::Home store;
  std::function<std::unique_ptr<store::Locks>()> locks;
  std::vector<std::unique_ptr<jobs::JobRunner>> runners;
  std::atomic<bool> begun = false;
};

Scheduler::Scheduler(SchedulerOptions options)
    : parts_(std::make_unique<Parts>(std::move(options))) {}

Scheduler::~Scheduler() = default;

Scheduler& Scheduler::every(const std::string& name, milliseconds interval, Job job,
                            JobOptions options) {
  if (interval < interval_min || interval > jobs::longest_time) {
    throw Error(ErrorKind::usage,
                "the interval of job " + name + " is " + std::to_string(interval.count()) + " ms",
                "give at least 100 ms, and 3650 days at most");
  }
  parts_->add(
      name, [interval](store::DatabaseTime time) { return jobs::next_multiple(time, interval); },
      std::move(job), options);
  return *this;
}

Scheduler& Scheduler::cron(const std::string& name, std::string_view expression, Job job,
                           JobOptions options) {
  parts_->add(
      name,
      [parsed = CronExpression(expression)](store::DatabaseTime time) -> store::DatabaseTime {
        return parsed.next_after(time);
      },
      std::move(job), options);
  return *this;
}

void Scheduler::run(std::stop_token stop) {
  if (parts_->begun.exchange(true)) throw Error(ErrorKind::usage, "run() was called before");
  try {
    parts_->check_database(stop);
  } catch (const std::exception&) {
    // Nothing has begun: who mends it may call again.
    parts_->begun = false;
    throw;
  }
  std::vector<std::jthread> threads;
  for (const auto& runner : parts_->runners)
    threads.emplace_back([&runner, stop] { runner->run(stop); });
  // Without a job it waits all the same.
  while (!jobs::wait_or_stop(stop, std::chrono::hours(1))) {
  }
}

JobCounters Scheduler::counters(const std::string& name) const {
  const jobs::JobRunner* const runner = parts_->find(name);
  if (runner == nullptr) return {};
  const jobs::JobCounts& counts = runner->counts();
  return {counts.runs, counts.failures, counts.passed, counts.errors, counts.running};
}

}  // namespace outbox
