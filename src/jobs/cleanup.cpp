// SPDX-License-Identifier: Apache-2.0
#include "jobs/cleanup.hpp"

#include <optional>
#include <utility>

#include <outbox/error.hpp>

#include "jobs/job_runner.hpp"

namespace outbox::jobs {

namespace {

// Each try keeps all writers waiting for as long as ours waits: one more, then the next run's.
constexpr int busy_times_max = 2;

bool may_pass(ErrorKind kind) {
  return kind == ErrorKind::unreachable || kind == ErrorKind::failed || kind == ErrorKind::conflict;
}

}  // namespace

Cleanup::Cleanup(store::Retention& retention, CleanupTerms terms)
    : retention_(retention), terms_(std::move(terms)) {}

// Whole days go before rows are looked for, so that none is removed row by row that can go at once;
// with an archive the rows have to be moved first.
bool Cleanup::step() {
  switch (phase_) {
    case Phase::days:
      keep_days(Phase::published);
      break;
    case Phase::published: {
      if (!terms_.clears_published) {
        phase_ = Phase::inbox;
        break;
      }
      const store::RetentionStep step = retention_.clear_published(terms_.request);
      summary_.rows += step.rows;
      if (!step.reached_end) break;
      phase_ = terms_.request.archive_table.empty() ? Phase::inbox : Phase::emptied_days;
      break;
    }
    case Phase::emptied_days:
      keep_days(Phase::inbox);
      break;
    case Phase::inbox: {
      if (terms_.inbox_keep.count() <= 0) {
        phase_ = Phase::done;
        break;
      }
      const store::RetentionStep step =
          retention_.clear_inbox(terms_.inbox_keep, terms_.request.rows_max);
      summary_.inbox_rows += step.rows;
      if (step.reached_end) phase_ = Phase::done;
      break;
    }
    case Phase::done:
      break;
  }
  return phase_ != Phase::done;
}

void Cleanup::keep_days(Phase next) {
  store::RetentionRequest request = terms_.request;
  if (!terms_.clears_published) request.keep = std::chrono::milliseconds(0);
  found_busy_ = false;
  const store::PartitionChanges changes = retention_.keep_partitions(request, terms_.days_ahead);
  add(changes);
  summary_.days_busy = changes.busy;
  found_busy_ = changes.busy && ++busy_times_ < busy_times_max;
  if (!found_busy_) phase_ = next;
}

bool Cleanup::leave_days() {
  if (phase_ != Phase::days && phase_ != Phase::emptied_days) return false;
  phase_ = phase_ == Phase::days ? Phase::published : Phase::inbox;
  found_busy_ = false;
  return true;
}

// What was made or dropped stays so; what is kept is as the last look found it.
void Cleanup::add(const store::PartitionChanges& changes) {
  summary_.created.insert(summary_.created.end(), changes.created.begin(), changes.created.end());
  summary_.dropped.insert(summary_.dropped.end(), changes.dropped.begin(), changes.dropped.end());
  summary_.kept = changes.kept;
  summary_.hindered = changes.hindered;
}

namespace {

// Both mend themselves often, but not always: a person is to know.
void tell_of_days(const CleanupSummary& summary, Logger& logger) {
  if (!summary.hindered.empty()) {
    logger.warn("partitions were not made, the last one has rows: see docs/retention.md",
                {{"partitions", summary.hindered.size()}, {"first", summary.hindered.front()}});
  }
  if (summary.days_busy) {
    logger.warn("the table was in use, partitions are left to the next clean-up", {});
  }
}

}  // namespace

bool clean_up(Cleanup& cleanup, const CleanupPace& pace, Logger& logger,
              const std::stop_token& stop) {
  int errors = 0;
  bool more = true;
  std::optional<Error> of_days;
  while (more && !stop.stop_requested()) {
    try {
      more = cleanup.step();
      errors = 0;
    } catch (const Error& error) {
      if (may_pass(error.kind()) && ++errors <= pace.errors_max) {
        logger.warn("a portion could not be cleaned up, trying again",
                    {{"error", error.what()}, {"pause_ms", pace.after_error.count()}});
        wait_or_stop(stop, pace.after_error);
        continue;
      }
      // A right that is missing for partitions keeps nothing else from being removed.
      if (!cleanup.leave_days()) throw;
      logger.error("partitions are neither made nor dropped, cleaning up the rest",
                   {{"error", error.what()}});
      errors = 0;
      if (!of_days) of_days = error;
      continue;
    }
    if (pace.progress) pace.progress(cleanup.summary());
    const auto pause = cleanup.found_busy() ? pace.after_busy : pace.pause;
    if (more && pause.count() > 0) wait_or_stop(stop, pause);
  }
  if (more) return false;
  tell_of_days(cleanup.summary(), logger);
  if (of_days) throw Error(*of_days);
  return true;
}

}  // namespace outbox::jobs
