// SPDX-License-Identifier: Apache-2.0
//
// When recurring jobs ran last, in outboxd_jobs, so that one of all instances runs each (C9;
// habits: store/leases.hpp). Times are the database's, in microseconds since 1970 UTC.
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace outbox::store {

using DatabaseTime = std::chrono::sys_time<std::chrono::microseconds>;

struct JobState {
  DatabaseTime now;
  std::optional<DatabaseTime> last_due;  ///< The due time whose run was begun last; none yet.
};

class Schedules {
 public:
  virtual ~Schedules() = default;

  /// Reads the job's state; one that is not known is made, with no run.
  virtual JobState state(const std::string& job) = 0;

  /// Claims the run that is due at `due`: true for one caller alone, where last_due still is
  /// `expected`.
  virtual bool begin_run(const std::string& job, std::optional<DatabaseTime> expected,
                         DatabaseTime due) = 0;
};

}  // namespace outbox::store
