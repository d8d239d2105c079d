// SPDX-License-Identifier: Apache-2.0
//
// How the homes gather findings: check by check, so that one that cannot be made, or takes too
// long, costs itself alone and is told too.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <outbox/error.hpp>

#include "core/clock.hpp"
#include "core/finding.hpp"
#include "store/migrations.hpp"
#include "store/standing.hpp"

namespace outbox::store {

/// From where on something is worth a warning. Tests make them small.
struct DiagnosisLimits {
  std::chrono::milliseconds long_transaction{60'000};
  std::chrono::milliseconds old_horizon{300'000};
  std::int64_t dead_rows = 200'000;       ///< Where they also outnumber a fifth of the rows.
  std::int64_t slot_bytes = 1LL << 30U;   ///< Kept for a slot that nobody reads.
  std::int64_t rows_for_a_plan = 50'000;  ///< Below it any plan will do.
  std::int64_t log_bytes = 64LL << 20U;   ///< SQLite's write-ahead log.
  std::int64_t quick_check_bytes = 64LL << 20U;
  std::chrono::milliseconds clock_difference{2'000};
  std::chrono::milliseconds budget{8'000};  ///< Of all checks together.
};

class Examination {
 public:
  explicit Examination(std::chrono::milliseconds budget);

  /// Runs one check, which says what it found. Where it throws, or the time is over, the finding is
  /// a notice; `right` says what this user would need to make it.
  void check(const std::string& name, const std::function<void()>& look,
             const std::string& right = {});

  // Within a check.
  void well(std::string found);
  void notice(std::string found, std::string why, std::string remedy);
  void warning(std::string found, std::string why, std::string remedy);
  void problem(std::string found, std::string why, std::string remedy);

  [[nodiscard]] std::vector<Finding> take() { return std::move(findings_); }

 private:
  void add(Severity severity, std::string found, std::string why, std::string remedy);

  const Moment deadline_;
  std::string check_;
  std::vector<Finding> findings_;
};

/// Within a check: whether those who relay go by what this configuration says. `slots_stored` is 0
/// where it is not known.
void examine_terms(Examination& examination, Terms terms, const std::vector<Standing>& all,
                   int slots_stored);

/// Within a check: the database's clock, in microseconds since 1970, against this machine's.
void examine_clock(Examination& examination, const std::function<std::int64_t()>& clock_us,
                   std::chrono::milliseconds difference_max);

/// Within a check: whether all migrations of this program, and no others, are applied.
void examine_schema(Examination& examination, Migrations& migrations);

/// Within a check: `look_up` gives the outbox table's name, or throws.
void examine_outbox(Examination& examination, const std::function<std::string()>& look_up);

/// What an error says without its hint, which is a finding's remedy.
[[nodiscard]] std::string message_of(const Error& error);

/// `3 minutes`, `1.5 GiB`, for people.
[[nodiscard]] std::string duration_words(std::chrono::milliseconds time);
[[nodiscard]] std::string bytes_words(std::int64_t bytes);

/// True for addresses that stay within the machine.
[[nodiscard]] bool is_loopback(std::string_view host);

}  // namespace outbox::store
