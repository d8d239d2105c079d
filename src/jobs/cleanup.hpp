// SPDX-License-Identifier: Apache-2.0
//
// One clean-up of one database, portion by portion: what has been published long ago goes, days
// are made ahead and dropped, and the inbox forgets (D9, C2). The steps are a state machine without
// clock or thread; clean_up() takes them.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "core/log.hpp"
#include "store/retention.hpp"

namespace outbox::jobs {

/// The name of the job, and after `outbox_job:` of its lock: one owner at a time.
inline constexpr const char* cleanup_job = "outboxd_cleanup";

struct CleanupTerms {
  bool clears_published = true;  ///< False: rows stay, and days are made but not dropped.
  store::RetentionRequest request;
  std::chrono::milliseconds inbox_keep{0};  ///< Zero: the inbox stays as it is.
  int days_ahead = 3;
};

struct CleanupSummary {
  std::int64_t rows = 0;        ///< Removed from the outbox, or moved to the archive.
  std::int64_t inbox_rows = 0;  ///< Removed from the inbox.
  std::vector<std::string> created;
  std::vector<std::string> dropped;
  std::vector<std::string> kept;
  std::vector<std::string> hindered;
  bool days_busy = false;  ///< Given up for this time: somebody held the table.
};

class Cleanup {
 public:
  /// Borrows `retention`.
  Cleanup(store::Retention& retention, CleanupTerms terms);

  /// The next portion; false: that was the last one. What it throws leaves it where it was: the
  /// same step may be taken again.
  bool step();

  /// True: the last step found the table in use, and the next tries it once more, in a while.
  [[nodiscard]] bool found_busy() const noexcept { return found_busy_; }

  /// Goes on behind the partitions, which are left as they are; false: it is not at them.
  bool leave_days();

  [[nodiscard]] const CleanupSummary& summary() const noexcept { return summary_; }

 private:
  enum class Phase : std::uint8_t { days, published, emptied_days, inbox, done };

  void keep_days(Phase next);
  void add(const store::PartitionChanges& changes);

  store::Retention& retention_;
  const CleanupTerms terms_;
  Phase phase_ = Phase::days;
  int busy_times_ = 0;
  bool found_busy_ = false;
  CleanupSummary summary_;
};

/// Waits between the portions, and what to do meanwhile.
struct CleanupPace {
  std::chrono::milliseconds pause{20};            ///< After each portion.
  std::chrono::milliseconds after_busy{5'000};    ///< Before a table in use is tried again.
  std::chrono::milliseconds after_error{10'000};  ///< Before the portion is tried again.
  int errors_max = 10;                            ///< In a row; then the error is thrown.
  std::function<void(const CleanupSummary&)> progress;
};

/// All steps; true where it came to its end, false where `stop` came first. Throws what does not
/// pass by waiting, such as Error(configuration), at once; what keeps partitions from being made or
/// dropped is thrown when all the rest is done.
bool clean_up(Cleanup& cleanup, const CleanupPace& pace, Logger& logger,
              const std::stop_token& stop);

}  // namespace outbox::jobs
