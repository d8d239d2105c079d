// SPDX-License-Identifier: Apache-2.0
//
// The days of a table that is partitioned by created_at. Only partitions that bear our names are
// made and dropped; a person's own are left alone.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "store/mariadb/connection.hpp"
#include "store/mariadb/table.hpp"
#include "store/retention.hpp"

namespace outbox::store::mariadb {

/// True where the table is partitioned by RANGE COLUMNS (created_at) and has p_rest.
[[nodiscard]] bool is_partitioned_by_day(Connection& connection, const Table& table);

/// The start of the day that a time which is `keep` ago falls into; what was created before it is
/// in days that are over as a whole.
[[nodiscard]] std::string first_day_kept(std::chrono::milliseconds keep);

/// The literal of the time from which on rows stand in p_rest, having no day of their own; empty:
/// all of them do.
[[nodiscard]] std::string rest_from(Connection& connection, const Table& table);

class Partitions {
 public:
  /// Borrows both.
  Partitions(Connection& connection, const Table& table) : connection_(connection), table_(table) {}

  /// Only while p_rest is empty: else the days are told of as hindered.
  void make(int days_ahead, PartitionChanges& changes);
  void drop(const RetentionRequest& request, PartitionChanges& changes);

  /// Those that drop() would drop, and in `kept` those that it would not.
  [[nodiscard]] std::vector<std::string> droppable(const RetentionRequest& request,
                                                   std::vector<std::string>& kept);

 private:
  struct Day {
    std::string name;  ///< Of the partition.
    std::string end;   ///< The day after, as YYYY-MM-DD.
  };

  [[nodiscard]] std::vector<Day> days_to_make(int days_ahead);
  [[nodiscard]] std::vector<std::string> old_days(std::chrono::milliseconds keep);
  [[nodiscard]] bool is_done(const std::string& day, const RetentionRequest& request);
  [[nodiscard]] bool drop_one(const std::string& day, const RetentionRequest& request);

  Connection& connection_;
  const Table& table_;
};

/// The condition for rows that are old; `t` is the table.
[[nodiscard]] std::string old_rows(const Table& table, std::chrono::milliseconds keep);

}  // namespace outbox::store::mariadb
