// SPDX-License-Identifier: Apache-2.0
//
// The seam behind `outboxd doctor` and the figures of a store that are estimates (habits:
// store/leases.hpp). Nothing here scans a table.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/finding.hpp"

namespace outbox::store {

/// By the server's own statistics; none where it keeps none.
struct TableFigures {
  std::optional<std::int64_t> rows;   ///< Of the outbox, an estimate.
  std::optional<std::int64_t> bytes;  ///< With its indexes.
  std::optional<std::int64_t> inbox_rows;
  std::optional<std::int64_t> inbox_bytes;
};

/// A replication slot of the database, by which a server keeps its log.
struct ReplicationSlot {
  std::string name;
  bool active = false;
  std::int64_t retained_bytes = 0;
  std::string state;  ///< PostgreSQL's wal_status: reserved, extended, unreserved, lost.
};

class Diagnosis {
 public:
  virtual ~Diagnosis() = default;

  /// All checks of this store, each with its finding, the good ones too. What cannot be seen with
  /// this user's rights is a notice that says which right is missing.
  virtual std::vector<Finding> examine() = 0;

  virtual TableFigures figures() = 0;

  /// Empty where the store has none, or this user may not see them.
  virtual std::vector<ReplicationSlot> replication_slots() = 0;

  /// The database's clock, microseconds since 1970 UTC.
  virtual std::int64_t clock_us() = 0;
};

}  // namespace outbox::store
