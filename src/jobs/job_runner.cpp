// SPDX-License-Identifier: Apache-2.0
#include "jobs/job_runner.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <utility>

#include <outbox/error.hpp>
#include <outbox/uuid.hpp>

#include "jobs/kept_lock.hpp"
#include "jobs/limits.hpp"
#include "jobs/work_queue.hpp"

namespace outbox::jobs {

namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

// The database's clock may be set, and another instance may have run what we wait for.
constexpr microseconds look_again{std::chrono::seconds(30)};
// While another instance runs it.
constexpr microseconds look_at_holder{std::chrono::milliseconds(500)};

}  // namespace

bool wait_or_stop(const std::stop_token& stop, microseconds pause) {
  std::mutex mutex;
  std::condition_variable_any changed;
  std::unique_lock lock(mutex);
  return changed.wait_for(lock, stop, std::min<microseconds>(pause, longest_time),
                          [&] { return stop.stop_requested(); });
}

JobRunner::JobRunner(JobTerms terms, MakeSchedules schedules, MakeLocks locks, Logger& logger)
    : terms_(std::move(terms)),
      make_schedules_(std::move(schedules)),
      make_locks_(std::move(locks)),
      logger_(logger) {}

void JobRunner::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    microseconds pause = terms_.pause_after_error;
    try {
      pause = step(stop);
    } catch (const std::exception& error) {
      ++counts_.errors;
      logger_.error("a job's schedule could not be worked, pausing",
                    {{"job", terms_.name}, {"error", error.what()}, {"pause_us", pause.count()}});
    }
    if (pause.count() > 0) wait_or_stop(stop, pause);
  }
}

microseconds JobRunner::step(const std::stop_token& stop) {
  if (schedules_ == nullptr) schedules_ = make_schedules_();
  const store::JobState state = schedules_->state(terms_.name);
  if (!state.last_due) {
    // From here on what is missed is known to be missed.
    schedules_->begin_run(terms_.name, std::nullopt, state.now);
    return microseconds(0);
  }
  const Decision decision = decide(terms_.schedule, *state.last_due, state.now);
  if (!decision.due) return std::min(decision.next - state.now, look_again);
  if (!decision.run) {
    if (schedules_->begin_run(terms_.name, state.last_due, *decision.due)) {
      ++counts_.passed;
      logger_.warn("missed runs of a job are passed over", {{"job", terms_.name}});
    }
    return microseconds(0);
  }
  return begin(state, *decision.due, stop);
}

microseconds JobRunner::begin(const store::JobState& seen, DatabaseTime due,
                              const std::stop_token& stop) {
  if (terms_.jitter.count() > 0 && wait_or_stop(stop, random_delay())) return microseconds(0);
  const auto lock = KeptLock::acquire(
      make_locks_(),
      {.name = "outbox_job:" + terms_.name, .ttl = terms_.lock_ttl, .timeout = milliseconds(0)},
      logger_, stop);
  if (lock == nullptr) return look_at_holder;
  // Others may have run it while we waited; and where this is true, they begin it no more.
  if (!schedules_->begin_run(terms_.name, seen.last_due, due)) return microseconds(0);
  std::stop_source ending;
  const auto request = [&] { ending.request_stop(); };
  const std::stop_callback at_the_end(stop, request);
  const std::stop_callback when_lost(lock->lost_token(), request);
  work({.due = due, .fencing = lock->fencing(), .stop = ending.get_token()});
  return microseconds(0);
}

void JobRunner::work(const Run& run) {
  ++counts_.runs;
  counts_.running = true;
  std::string reason;
  bool failed = false;
  try {
    terms_.work(run);
  } catch (...) {  // thread entry: somebody else's code ends here
    failed = true;
    reason = reason_of(std::current_exception());
  }
  counts_.running = false;
  if (!failed) return;
  ++counts_.failures;
  logger_.error("a job failed; its next run is the next one due",
                {{"job", terms_.name}, {"error", reason}});
}

milliseconds JobRunner::random_delay() const {
  const Uuid random = random_uuid();
  const unsigned value = static_cast<unsigned>(random.bytes[0]) << 16U |
                         static_cast<unsigned>(random.bytes[1]) << 8U | random.bytes[2];
  return milliseconds(terms_.jitter.count() * value / (1U << 24U));
}

}  // namespace outbox::jobs
