// SPDX-License-Identifier: Apache-2.0
//
// Which run of a recurring job is due: a decision without clock or database.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>

#include "store/schedules.hpp"

namespace outbox::jobs {

using store::DatabaseTime;

/// What becomes of runs that were due while nobody could begin them.
enum class Missed : std::uint8_t {
  skip,      ///< Nothing; one that is late by `grace` at most is not missed.
  run_once,  ///< One run for all of them.
  run_all,   ///< Each, the oldest first, as far back as `catch_up`.
};

struct Schedule {
  /// The first due time after the given one.
  std::function<DatabaseTime(DatabaseTime)> next_after;
  Missed missed = Missed::run_once;
  std::chrono::milliseconds grace{60000};
  std::chrono::milliseconds catch_up{24 * 60 * 60 * 1000};
};

struct Decision {
  /// The due time to write down as begun; none: nothing is due.
  std::optional<DatabaseTime> due;
  bool run = false;   ///< False: it is only passed over.
  DatabaseTime next;  ///< When to look again at the latest.
};

/// Due times of a fixed interval are its multiples since 1970 UTC, so that all instances agree.
[[nodiscard]] DatabaseTime next_multiple(DatabaseTime moment, std::chrono::milliseconds interval);

[[nodiscard]] Decision decide(const Schedule& schedule, DatabaseTime last_due, DatabaseTime now);

}  // namespace outbox::jobs
