// SPDX-License-Identifier: Apache-2.0
//
// The seam through which what is long done goes away (D9; habits: store/leases.hpp). Nothing that
// is not settled is ever touched, and no dead letter.
//
// A row is old by its `published_at`; where that is NULL, or the table has no such column, by its
// `updated_at`, and then by its `created_at`. All by the database's clock.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace outbox::store {

struct RetentionRequest {
  std::chrono::milliseconds keep{};  ///< Rows published longer ago than this are old.
  std::string archive_table;         ///< Where they go; empty: nowhere.
  std::size_t rows_max = 1'000;      ///< Removed by one call, which looks at ten times as many.
};

struct RetentionStep {
  std::int64_t rows = 0;     ///< Removed, or moved.
  bool reached_end = false;  ///< Nothing more is old enough: the next call starts from the first.
};

struct RetentionView {
  std::int64_t rows = 0;                ///< Of the outbox that would go.
  std::int64_t inbox_rows = 0;          ///< Of the inbox.
  bool exact = true;                    ///< False where counting stopped at its limit.
  std::vector<std::string> partitions;  ///< That would be dropped, their rows are not in `rows`.
  std::vector<std::string> kept;        ///< As in PartitionChanges.
};

struct PartitionChanges {
  std::vector<std::string> created;
  std::vector<std::string> dropped;
  std::vector<std::string> kept;  ///< Old enough, but not all of their rows are done with.
  /// Not made, since rows stand where the day would be split off: of that day, MariaDB: any.
  std::vector<std::string> hindered;
  bool busy = false;  ///< Somebody held a lock for longer than we wait: call again in a while.
};

class Retention {
 public:
  virtual ~Retention() = default;

  /// The next portion of published rows, in the order of the table's primary key from where the
  /// last call ended; each call is one short transaction. Throws Error(not_found) for an archive
  /// table that is not there, Error(configuration) for one that lacks a column, or for a table
  /// that says nothing of when its rows were published. Of a table in daily partitions only the
  /// days that are over as a whole.
  virtual RetentionStep clear_published(const RetentionRequest& request) = 0;

  /// The same for the inbox: claims older than `keep`. Nothing where there is no inbox.
  virtual RetentionStep clear_inbox(std::chrono::milliseconds keep, std::size_t rows_max) = 0;

  /// What the others would do; changes nothing. `inbox_keep` zero: the inbox is left out.
  virtual RetentionView preview(const RetentionRequest& request,
                                std::chrono::milliseconds inbox_keep, std::int64_t count_max) = 0;

  /// Where the table is partitioned by day: makes the partitions of today and the next
  /// `days_ahead`, and drops those whose rows are all published longer ago than `request.keep`;
  /// with an archive those that are empty. A `keep` of zero drops none. Nothing where the table is
  /// not partitioned. Waits for one lock at most, 200 ms (MariaDB: 1 s), and is `busy` then.
  virtual PartitionChanges keep_partitions(const RetentionRequest& request, int days_ahead) = 0;

  /// Makes the archive table where it is missing: the outbox's columns and `archived_at`. Returns
  /// the statement, empty where there is nothing to make; `only_show` runs nothing.
  virtual std::string make_archive(const std::string& name, bool only_show) = 0;
};

}  // namespace outbox::store
