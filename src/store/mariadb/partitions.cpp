// SPDX-License-Identifier: Apache-2.0
//
// Both, making a day and dropping one, need the whole table for a moment, and whoever comes
// meanwhile stands behind us: hence the short lock_timeout of the session that calls this, hence no
// statement here that is run a second time by itself, and hence an end at the first lock that was
// not got. MariaDB counts that time in seconds, so that one is the least.
//
// Rows are never moved from one partition to another: a REORGANIZE of one with rows copies them
// behind the lock, and one that is cut off in its last part takes them away for good.
#include "store/mariadb/partitions.hpp"

#include <fmt/format.h>

#include "store/mariadb/error.hpp"

namespace outbox::store::mariadb {
namespace {

constexpr std::string_view making = "making a partition";
constexpr std::string_view dropping = "dropping a partition";
constexpr std::string_view rest = "p_rest";

// For a look into a partition while everybody waits.
constexpr int look_max_s = 1;

/// What stands between LOCK TABLES and here.
class LockedTable {
 public:
  LockedTable(Connection& connection, const Table& table, std::string_view doing)
      : connection_(connection), table_(table), doing_(doing) {
    // A table whose own name is that of the alias has both by one.
    const std::string alias =
        table.shape().table == "t" ? "" : fmt::format(", {} AS t WRITE", table.name());
    connection_.run_once(doing_, fmt::format("LOCK TABLES {} WRITE{}", table.name(), alias),
                         Effect::reads);
  }
  ~LockedTable() {
    try {
      connection_.run_once(doing_, "UNLOCK TABLES", Effect::reads);
    } catch (const Error&) {
      connection_.close();  // Which unlocks them too.
    }
  }
  LockedTable(const LockedTable&) = delete;
  LockedTable& operator=(const LockedTable&) = delete;

  [[nodiscard]] bool has_rows(const std::string& partition, const std::string& where) {
    const Result found = connection_.run_once(
        doing_,
        within(look_max_s, fmt::format("SELECT 1 FROM {} PARTITION ({}) t{} LIMIT 1", table_.name(),
                                       partition, where)),
        Effect::reads);
    return found.rows() > 0;
  }

  /// Of all partitions the greatest: each one counts ids by itself, and the table goes on from what
  /// is left. It is given to all of them first, so that nobody who is killed in between leaves ids
  /// that come twice.
  void alter(const std::string& change) {
    const std::string next = table_.counts_ids() ? next_id() : std::string();
    keep_next_id(next);
    connection_.run_once(doing_, within(0, fmt::format("ALTER TABLE {} {}", table_.name(), change)),
                         Effect::writes);
    if (next != next_id()) keep_next_id(next);
  }

 private:
  [[nodiscard]] std::string next_id() {
    Result found = connection_.run_once(
        doing_,
        fmt::format("SELECT coalesce(auto_increment, '') FROM information_schema.tables WHERE "
                    "table_schema = {} AND table_name = {}",
                    quote_text(table_.schema()), table_.outbox_literal()),
        Effect::reads);
    return found.next() ? found.text(0) : std::string();
  }

  void keep_next_id(const std::string& next) {
    if (next.empty()) return;
    connection_.run_once(doing_,
                         within(0, fmt::format("ALTER TABLE {} AUTO_INCREMENT = {}, ALGORITHM = "
                                               "INPLACE",
                                               table_.name(), next)),
                         Effect::writes);
  }

  // MySQL has no such limit for one statement, and none at all for those that change something.
  [[nodiscard]] std::string within(int limit_s, const std::string& sql) const {
    if (!connection_.is_mariadb()) return sql;
    return fmt::format("SET STATEMENT max_statement_time = {} FOR {}", limit_s, sql);
  }

  Connection& connection_;
  const Table& table_;
  const std::string_view doing_;
};

bool in_the_way(const SqlError& error) {
  return error.may_run_again() || error.is_too_slow();
}

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

std::string rest_from(Connection& connection, const Table& table) {
  Result found = connection.run(
      "looking at partitions",
      fmt::format("SELECT partition_description FROM information_schema.partitions WHERE "
                  "table_schema = {} AND table_name = {} AND partition_name <> '{}' ORDER BY "
                  "partition_ordinal_position DESC LIMIT 1",
                  quote_text(table.schema()), table.outbox_literal(), rest),
      Effect::reads);
  return found.next() ? found.text(0) : std::string();
}

void Partitions::make(int days_ahead, PartitionChanges& changes) {
  const std::vector<Day> days = days_to_make(days_ahead);
  if (days.empty()) return;
  std::string parts;
  std::vector<std::string> names;
  for (const Day& day : days) {
    parts += fmt::format("PARTITION {} VALUES LESS THAN ('{}'), ", day.name, day.end);
    names.push_back(day.name);
  }
  const auto add_to = [&names](std::vector<std::string>& list) {
    list.insert(list.end(), names.begin(), names.end());
  };
  try {
    // Without the lock first: nobody is to wait where nothing can be done.
    const Result found = connection_.run_once(
        making, fmt::format("SELECT 1 FROM {} PARTITION ({}) t LIMIT 1", table_.name(), rest),
        Effect::reads);
    if (found.rows() > 0) return add_to(changes.hindered);
    LockedTable locked(connection_, table_, making);
    if (locked.has_rows(std::string(rest), "")) return add_to(changes.hindered);
    locked.alter(
        fmt::format("REORGANIZE PARTITION {0} INTO ({1}PARTITION {0} VALUES LESS THAN (MAXVALUE))",
                    rest, parts));
    add_to(changes.created);
  } catch (const SqlError& error) {
    if (!in_the_way(error)) throw;
    changes.busy = true;
  }
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
  LockedTable locked(connection_, table_, dropping);
  const std::string undone = request.archive_table.empty()
                                 ? fmt::format(" WHERE {} OR {}", table_.unsettled(), table_.dead())
                                 : std::string();
  if (locked.has_rows(day, undone)) return false;
  locked.alter("DROP PARTITION " + day);
  return true;
}

// Whoever holds the table against one day holds it against the next one too, and each try keeps
// everybody else waiting.
void Partitions::drop(const RetentionRequest& request, PartitionChanges& changes) {
  for (const std::string& day : old_days(request.keep)) {
    try {
      const bool dropped = is_done(day, request) && drop_one(day, request);
      (dropped ? changes.dropped : changes.kept).push_back(day);
    } catch (const SqlError& error) {
      if (!in_the_way(error)) throw;
      changes.busy = true;
      return;
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
