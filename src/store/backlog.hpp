// SPDX-License-Identifier: Apache-2.0
//
// The seam behind `outboxd status` (habits: store/leases.hpp).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "store/leases.hpp"

namespace outbox::store {

struct TypeCount {
  std::string aggregate_type;
  std::int64_t rows = 0;
};

/// Counts stop at a limit so that looking never hurts a large table; `exact` says whether they did.
struct BacklogView {
  std::int64_t pending = 0;  ///< Not yet settled, those being worked on included.
  bool exact = true;
  std::int64_t dead = 0;
  std::int64_t retrying = 0;  ///< Unsettled with at least one failed attempt.
  std::optional<std::chrono::milliseconds> oldest_pending_age;
  std::vector<TypeCount> pending_by_type;  ///< At most 100, the largest first.
  std::vector<KeyState> blocked_keys;      ///< At most 100, the longest blocked first.
};

class Backlog {
 public:
  virtual ~Backlog() = default;
  virtual BacklogView view(std::int64_t count_max) = 0;

  /// BacklogView::pending_by_type alone, of the first `count_max` unsettled rows whose type is none
  /// of `known`: at most 100 types a call, so that who asks until nothing new comes finds all.
  virtual std::vector<TypeCount> pending_types(std::int64_t count_max,
                                               const std::vector<std::string>& known) = 0;
};

}  // namespace outbox::store
