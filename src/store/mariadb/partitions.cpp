// SPDX-License-Identifier: Apache-2.0
//
// Both, making a day and dropping one, need the whole table for a moment, and whoever comes
// meanwhile stands behind us: hence the short lock_timeout of the session that calls this. MariaDB
// counts it in seconds, so that one is the least.
#include "store/mariadb/partitions.hpp"

#include <fmt/format.h>

#include "store/mariadb/error.hpp"

namespace outbox::store::mariadb {
namespace {

constexpr std::string_view making = "making a partition";
constexpr std::string_view dropping = "dropping a partition";
constexpr std::string_view rest = "p_rest";

/// What stands between LOCK TABLES and here.
class LockedTable {
 public:
  LockedTable(Connection& connection, const Table& table) : connection_(connection) {
    connection_.run(dropping, fmt::format("LOCK TABLES {0} WRITE, {0} AS t WRITE", table.name()));
  }
  ~LockedTable() {
    try {
      connection_.run(dropping, "UNLOCK TABLES");
    } catch (const Error&) {
      connection_.close();  // Which unlocks them too.
    }
  }
  LockedTable(const LockedTable&) = delete;
  LockedTable& operator=(const LockedTable&) = delete;

 private:
  Connection& connection_;
};

}  // namespace

bool is_partitioned_by_day(Connection& connection, const Table& table) {
  if (!table.shape().native) return false;
  const Result found = connection.run(
      "looking at partitions",
      fmt::format("SELECT 1 FROM information_schema.partitions WHERE table_schema = {} AND "
                  "table_name = {} AND partition_method = 'RANGE COLUMNS' AND "
                  "partition_expression = '`created_at`' AND partition_name = '{}'",
                  quote_text(table.schema()), table.outbox_literal(), rest),
      Effect::reads);
  return found.rows() == 1;
}

std::string first_day_kept(std::chrono::milliseconds keep) {
  return fmt::format("CAST(DATE({} - INTERVAL {} MICROSECOND) AS DATETIME(6))", now_sql,
                     std::chrono::microseconds(keep).count());
}

// In order; none before the last one there is, since a day can only be split off p_rest.
std::vector<Partitions::Day> Partitions::days_to_make(int days_ahead) {
  Result last = connection_.run(
      making,
      fmt::format("SELECT coalesce(max(partition_name), '') FROM information_schema.partitions "
                  "WHERE table_schema = {} AND table_name = {} AND partition_name REGEXP "
                  "'^p[0-9]{{8}}$'",
                  quote_text(table_.schema()), table_.outbox_literal()),
      Effect::reads);
  const std::string newest = last.next() ? last.text(0) : std::string();
  std::vector<Day> days;
  for (int day = 0; day <= days_ahead; ++day) {
    Result found =
        connection_.run(making,
                        fmt::format("SELECT date_format({0} + INTERVAL {1} DAY, 'p%Y%m%d'), "
                                    "date_format({0} + INTERVAL {2} DAY, '%Y-%m-%d')",
                                    now_sql, day, day + 1),
                        Effect::reads);
    if (found.next() && found.text(0) > newest)
      days.push_back({.name = found.text(0), .end = found.text(1)});
  }
  return days;
}

void Partitions::make(int days_ahead, PartitionChanges& changes) {
  const std::vector<Day> days = days_to_make(days_ahead);
  if (days.empty()) return;
  std::string parts;
  for (const Day& day : days)
    parts += fmt::format("PARTITION {} VALUES LESS THAN ('{}'), ", day.name, day.end);
  try {
    connection_.run(making,
                    fmt::format("ALTER TABLE {} REORGANIZE PARTITION {} INTO ({}PARTITION {} "
                                "VALUES LESS THAN (MAXVALUE))",
                                table_.name(), rest, parts, rest));
  } catch (const SqlError& error) {
    if (!error.may_run_again()) throw;
    changes.busy = true;
    return;
  }
  for (const Day& day : days)
    changes.created.push_back(day.name);
}

std::vector<std::string> Partitions::old_days(std::chrono::milliseconds keep) {
  std::vector<std::string> days;
  if (keep.count() <= 0) return days;
  Result found = connection_.run(
      dropping,
      fmt::format("SELECT partition_name FROM information_schema.partitions WHERE table_schema = "
                  "{} AND table_name = {} AND partition_name REGEXP '^p[0-9]{{8}}$' AND "
                  "partition_name < date_format({}, 'p%Y%m%d') ORDER BY 1",
                  quote_text(table_.schema()), table_.outbox_literal(), first_day_kept(keep)),
      Effect::reads);
  while (found.next())
    days.push_back(found.text(0));
  return days;
}

// Reads the whole day, without any lock that others would notice.
bool Partitions::is_done(const std::string& day, const RetentionRequest& request) {
  const std::string undone =
      request.archive_table.empty()
          ? fmt::format(" WHERE ({}) IS NOT TRUE", old_rows(table_, request.keep))
          : std::string();
  const Result found = connection_.run(
      dropping,
      fmt::format("SELECT 1 FROM {} PARTITION ({}) t{} LIMIT 1", table_.name(), day, undone),
      Effect::reads);
  return found.rows() == 0;
}

// What was looked at may have changed since: a row that somebody sent again is unsettled now. Under
// the lock the index of open rows tells that at once.
bool Partitions::drop_one(const std::string& day, const RetentionRequest& request) {
  const LockedTable locked(connection_, table_);
  const std::string undone = request.archive_table.empty()
                                 ? fmt::format(" WHERE {} OR {}", table_.unsettled(), table_.dead())
                                 : std::string();
  const Result found = connection_.run(
      dropping,
      fmt::format("SELECT 1 FROM {} PARTITION ({}) t{} LIMIT 1", table_.name(), day, undone),
      Effect::reads);
  if (found.rows() > 0) return false;
  connection_.run(dropping, fmt::format("ALTER TABLE {} DROP PARTITION {}", table_.name(), day));
  return true;
}

void Partitions::drop(const RetentionRequest& request, PartitionChanges& changes) {
  for (const std::string& day : old_days(request.keep)) {
    try {
      const bool dropped = is_done(day, request) && drop_one(day, request);
      (dropped ? changes.dropped : changes.kept).push_back(day);
    } catch (const SqlError& error) {
      if (!error.may_run_again()) throw;
      changes.busy = true;
    }
  }
}

std::vector<std::string> Partitions::droppable(const RetentionRequest& request,
                                               std::vector<std::string>& kept) {
  std::vector<std::string> names;
  for (const std::string& day : old_days(request.keep))
    (is_done(day, request) ? names : kept).push_back(day);
  return names;
}

}  // namespace outbox::store::mariadb
