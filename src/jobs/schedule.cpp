// SPDX-License-Identifier: Apache-2.0
#include "jobs/schedule.hpp"

#include <algorithm>

namespace outbox::jobs {

namespace {

using std::chrono::microseconds;

// The latest due time up to `now`, of which there is one after `last_due`. Looked for backwards in
// growing steps: after a year there may be half a million of them.
DatabaseTime latest_due(const Schedule& schedule, DatabaseTime last_due, DatabaseTime now) {
  microseconds reach = std::chrono::seconds(1);
  DatabaseTime from = last_due;
  while (now - reach > last_due) {
    if (schedule.next_after(now - reach) <= now) {
      from = now - reach;
      break;
    }
    reach *= 2;
  }
  DatabaseTime latest = schedule.next_after(from);
  for (DatabaseTime next = schedule.next_after(latest); next <= now;
       next = schedule.next_after(latest)) {
    latest = next;
  }
  return latest;
}

}  // namespace

DatabaseTime next_multiple(DatabaseTime moment, std::chrono::milliseconds interval) {
  const microseconds step = interval;
  return DatabaseTime((moment.time_since_epoch() / step + 1) * step);
}

Decision decide(const Schedule& schedule, DatabaseTime last_due, DatabaseTime now) {
  Decision decision;
  const DatabaseTime first = schedule.next_after(last_due);
  if (first > now) {
    decision.next = first;
    return decision;
  }
  decision.next = now;
  if (schedule.missed == Missed::run_all) {
    const DatabaseTime oldest = now - schedule.catch_up;
    decision.run = true;
    decision.due = first;
    if (first >= oldest) return decision;
    // Too far back: on from the oldest that still counts, or past all of them.
    const DatabaseTime next = schedule.next_after(oldest - microseconds(1));
    decision.run = next <= now;
    decision.due = decision.run ? next : latest_due(schedule, last_due, now);
    return decision;
  }
  decision.due = latest_due(schedule, last_due, now);
  decision.run = schedule.missed == Missed::run_once || now - *decision.due <= schedule.grace;
  return decision;
}

}  // namespace outbox::jobs
