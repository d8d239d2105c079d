// SPDX-License-Identifier: Apache-2.0
//
// The seam through which the relay writes down what became of rows (habits: store/leases.hpp).
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/row.hpp"
#include "store/leases.hpp"

namespace outbox::store {

/// A published row. Acknowledged by all in-sync replicas: nothing else may come here.
struct PublishedRow {
  RowId id;
  int slot = 0;
};

enum class RowOutcome : std::uint8_t {
  retry,  ///< retry_count + 1, error_message, next_attempt_at; the status that the table has for
          ///< it.
  dead,  ///< A dead letter: DEAD, or the foreign table's FAILED (A, B: next_attempt_at 'infinity').
  released,  ///< Capture `row` only: PENDING again, lock columns cleared, nothing counted.
};

struct RowChange {
  RowId id;
  int slot = 0;
  RowOutcome outcome = RowOutcome::retry;
  std::string reason;  ///< error_message; cut to 2,000 characters by the home (B4).
  std::chrono::milliseconds retry_after{};  ///< From the database's now; for `retry`.
  /// What retry_count grows by: 1 where the broker was asked, 0 for a defect that was never sent.
  int attempts_made = 1;
};

/// What becomes of a key's state in the same statement. attempts 0 removes it.
using KeyChange = KeyState;

struct SettleRequest {
  std::span<const SlotLease> leases;  ///< Of every slot named below.
  std::span<const PublishedRow> published;
  std::span<const RowChange> changes;
  std::span<const KeyChange> keys;
};

struct SettleResult {
  std::vector<int>
      lost_slots;  ///< Slots whose lease no longer stood; nothing of theirs was written.
  std::int64_t rows_settled = 0;  ///< Fewer than asked for: rows were changed or deleted by others.
};

class Settlement {
 public:
  virtual ~Settlement() = default;

  /// One transaction, fenced: the lease rows are locked for share and only rows of slots whose
  /// epoch and token still stand are touched. Published rows become PUBLISHED with published_at
  /// under settle `mark` and go under `delete`; only rows that are still unsettled are touched
  /// (under capture `row`: still locked by this member). A commit in doubt throws; settling the
  /// same rows again does no harm.
  virtual SettleResult settle(const SettleRequest& request) = 0;
};

}  // namespace outbox::store
