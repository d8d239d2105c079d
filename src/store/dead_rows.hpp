// SPDX-License-Identifier: Apache-2.0
//
// The seam for the outbox's own dead letters, the rows that the relay gave up (habits:
// store/leases.hpp). Only rows that are dead at that moment are ever changed, so that two who
// replay the same do it once.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "store/event_lookup.hpp"

namespace outbox::store {

/// What is changed of a dead row before it is tried again. The key never is: it decides the order.
struct RowEdit {
  std::optional<std::string> payload;  ///< Text, or bytes where the row holds those.
  std::optional<std::string> topic;    ///< Error(configuration) where the table has no column.
  std::optional<std::string> headers_json;
};

struct DeadRowsView {
  std::int64_t rows = 0;
  bool exact = true;  ///< False where counting stopped at its limit.
};

class DeadRows {
 public:
  virtual ~DeadRows() = default;

  /// Dead rows in the order in which they would be delivered, after `after`: at most `rows_max`;
  /// payloads as EventQuery::payload_bytes_max says.
  virtual std::vector<EventView> page(const std::optional<RowId>& after, std::size_t rows_max,
                                      std::size_t payload_bytes_max) = 0;

  virtual DeadRowsView count(std::int64_t count_max) = 0;

  /// These are pending again, with no attempts behind them, and leave the relay as replays. In one
  /// transaction; returns the ids of those that were dead until now.
  virtual std::vector<RowId> replay(std::span<const RowId> rows) = 0;

  /// Changes a dead row, which stays dead. False: it is not, or not there.
  virtual bool edit(const RowId& row, const RowEdit& edit) = 0;

  /// Takes these out of the table into `outboxd_discarded`, whole, with who and why; returns the
  /// ids of those that were dead until now.
  virtual std::vector<RowId> discard(std::span<const RowId> rows, const std::string& who,
                                     const std::string& reason) = 0;
};

}  // namespace outbox::store
