// SPDX-License-Identifier: Apache-2.0
//
// The seam through which what is long done goes away (D9; habits: store/leases.hpp). Nothing that
// is not settled is ever touched, and no dead letter.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace outbox::store {

struct RetentionRequest {
  std::chrono::milliseconds keep{};  ///< Rows published longer ago than this, by the database.
  std::string archive_table;         ///< Where they go; empty: nowhere.
  std::size_t rows_max = 1'000;      ///< Removed by one call.
};

struct RetentionStep {
  std::int64_t rows = 0;     ///< Removed, or moved.
  bool reached_end = false;  ///< Nothing more is old enough: the next call starts from the first.
};

struct RetentionView {
  std::int64_t rows = 0;  ///< That would go; `exact` says whether counting stopped at its limit.
  bool exact = true;
  std::vector<std::string> partitions;  ///< That would be dropped.
};

struct PartitionChanges {
  std::vector<std::string> created;
  std::vector<std::string> dropped;
  std::vector<std::string> kept;  ///< Old enough, but not all of their rows are settled.
};

class Retention {
 public:
  virtual ~Retention() = default;

  /// The next portion of published rows, in the order of the table's primary key from where the
  /// last call ended; each call is one short transaction. An archive table is made by `migrate` or
  /// by the user: Error(not_found) names it.
  virtual RetentionStep clear_published(const RetentionRequest& request) = 0;

  /// The same for the inbox: claims older than `keep`.
  virtual RetentionStep clear_inbox(std::chrono::milliseconds keep, std::size_t rows_max) = 0;

  /// What clear_published and keep_partitions would do; changes nothing.
  virtual RetentionView preview(const RetentionRequest& request, std::int64_t count_max) = 0;

  /// Where the table is partitioned by day: makes the partitions of today and the next
  /// `days_ahead`, drops those whose rows are all published longer ago than `keep`. Nothing where
  /// it is not partitioned.
  virtual PartitionChanges keep_partitions(std::chrono::milliseconds keep, int days_ahead) = 0;
};

}  // namespace outbox::store
