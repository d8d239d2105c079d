// SPDX-License-Identifier: Apache-2.0
//
// Both, making a day and dropping one, need the whole table for a moment, and whoever comes
// meanwhile stands behind us: hence the short lock_timeout of the session that calls this, and
// hence an end at the first lock that was not got.
#include "store/postgres/partitions.hpp"

#include <fmt/format.h>

#include "store/postgres/error.hpp"

namespace outbox::store::postgres {
namespace {

constexpr std::string_view making = "making a partition";
constexpr std::string_view dropping = "dropping a partition";
constexpr std::size_t identifier_max = 63;
constexpr std::string_view lock_not_available = "55P03";
constexpr std::string_view default_partition_has_rows = "23514";

constexpr std::string_view took_too_long = "57014";

// A pooler may have refused the session's own. The second is for what PostgreSQL does behind the
// lock: before it makes a day it reads through the default partition.
constexpr const char* wait_shortly =
    "SET LOCAL lock_timeout = '200ms'; SET LOCAL statement_timeout = '2s'";

// As migration 0002 sets them for the whole table; a partitioned one takes none itself.
constexpr std::string_view storage =
    "autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000, "
    "autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 100000, "
    "autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 50000, "
    "autovacuum_vacuum_cost_delay = 0";

}  // namespace

bool is_partitioned_by_day(Connection& connection, const Table& table) {
  if (!table.shape().native) return false;
  const Result found =
      connection.run("looking at partitions",
                     "SELECT count(*) FROM pg_catalog.pg_class c WHERE c.oid = to_regclass($1) "
                     "AND c.relkind = 'p' AND pg_catalog.pg_get_partkeydef(c.oid) = "
                     "'RANGE (created_at)'",
                     Parameters().text(table.name()), Effect::reads);
  return found.number(0, 0) == 1;
}

std::string first_day_kept(std::chrono::milliseconds keep) {
  return fmt::format(
      "(date_trunc('day', (now() - interval '{} milliseconds') AT TIME ZONE 'UTC') "
      "AT TIME ZONE 'UTC')",
      keep.count());
}

std::string Partitions::Day::quoted() const {
  return quote_identifier(schema) + "." + quote_identifier(name);
}

std::string Partitions::name_of(const std::string& day) const {
  return table_.shape().table + "_p" + day;
}

void Partitions::make(int days_ahead, PartitionChanges& changes) {
  if (name_of("20000101").size() > identifier_max) {
    throw Error(ErrorKind::configuration,
                "PostgreSQL: the name of " + table_.name() + " leaves no room for a day",
                "outbox.partitions=daily takes a table whose name has at most 53 letters");
  }
  const Result days = connection_.run(
      making,
      "SELECT to_char(d, 'YYYYMMDD'), to_char(d, 'YYYY-MM-DD'), to_char(d + interval '1 day', "
      "'YYYY-MM-DD') FROM generate_series(0, $1) n, LATERAL (SELECT (now() AT TIME ZONE 'UTC')"
      "::date + n * interval '1 day' AS d) l ORDER BY d",
      Parameters().integer(days_ahead), Effect::reads);
  for (int row = 0; row < days.rows(); ++row) {
    const std::string name = name_of(days.text(row, 0));
    const std::string partition = quote_identifier(table_.schema()) + "." + quote_identifier(name);
    const Result there = connection_.run(making, "SELECT to_regclass($1) IS NOT NULL",
                                         Parameters().text(partition), Effect::reads);
    if (there.boolean(0, 0)) continue;
    try {
      Transaction transaction(connection_);
      connection_.run_script(making, wait_shortly);
      connection_.run_script(
          making,
          fmt::format("CREATE TABLE {} PARTITION OF {} FOR VALUES FROM ('{} 00:00:00+00') "
                      "TO ('{} 00:00:00+00') WITH ({})",
                      partition, table_.name(), days.text(row, 1), days.text(row, 2), storage));
      transaction.commit();
      changes.created.push_back(name);
    } catch (const SqlError& error) {
      if (error.sqlstate() == lock_not_available) {
        changes.busy = true;
        return;
      }
      const bool too_long = error.sqlstate() == took_too_long;
      if (!too_long && error.sqlstate() != default_partition_has_rows) throw;
      changes.hindered.push_back(name);
      if (too_long) return;  // The next day would take as long.
    }
  }
}

std::vector<Partitions::Day> Partitions::old_days(std::chrono::milliseconds keep) {
  if (keep.count() <= 0) return {};
  const std::string prefix = name_of("");
  const Result found = connection_.run(
      dropping,
      fmt::format("SELECT c.relname::text, n.nspname::text FROM pg_catalog.pg_inherits i "
                  "JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid "
                  "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
                  "WHERE i.inhparent = to_regclass($1) AND NOT i.inhdetachpending "
                  "AND left(c.relname, length($2)) = $2 "
                  "AND substr(c.relname, length($2) + 1) ~ '^[0-9]{{8}}$' "
                  "AND substr(c.relname, length($2) + 1) < "
                  "to_char({} AT TIME ZONE 'UTC', 'YYYYMMDD') ORDER BY 1",
                  first_day_kept(keep)),
      Parameters().text(table_.name()).text(prefix), Effect::reads);
  std::vector<Day> days;
  for (int row = 0; row < found.rows(); ++row)
    days.push_back({.name = found.text(row, 0), .schema = found.text(row, 1)});
  return days;
}

// Reads the whole day, without any lock that others would notice.
bool Partitions::is_done(const Day& day, const RetentionRequest& request) {
  const std::string undone =
      request.archive_table.empty()
          ? fmt::format(" WHERE ({}) IS NOT TRUE", old_rows(table_, request.keep))
          : std::string();
  const Result found = connection_.run(
      dropping, fmt::format("SELECT EXISTS (SELECT FROM {} t{})", day.quoted(), undone),
      Parameters(), Effect::reads);
  return !found.boolean(0, 0);
}

// What was looked at may have changed since: a row that somebody sent again is unsettled now. Under
// the lock the two partial indexes tell that at once.
bool Partitions::drop_one(const Day& day, const RetentionRequest& request) {
  Transaction transaction(connection_);
  // Alone, without the other days: each of them could be waited for while the table is locked.
  connection_.run_script(dropping, wait_shortly);
  connection_.run_script(
      dropping, fmt::format("LOCK TABLE ONLY {}, ONLY {} IN ACCESS EXCLUSIVE MODE", table_.name(),
                            day.quoted()));
  const std::string undone = request.archive_table.empty()
                                 ? fmt::format(" WHERE {} UNION ALL SELECT FROM {} t WHERE {}",
                                               table_.unsettled(), day.quoted(), table_.dead())
                                 : std::string();
  const Result found = connection_.run(
      dropping, fmt::format("SELECT EXISTS (SELECT FROM {} t{})", day.quoted(), undone),
      Parameters(), Effect::reads);
  if (found.boolean(0, 0)) return false;
  connection_.run_script(dropping, "DROP TABLE " + day.quoted());
  transaction.commit();
  return true;
}

// Whoever holds the table against one day holds it against the next one too, and each try keeps
// everybody else waiting.
void Partitions::drop(const RetentionRequest& request, PartitionChanges& changes) {
  for (const Day& day : old_days(request.keep)) {
    try {
      const bool dropped = is_done(day, request) && drop_one(day, request);
      (dropped ? changes.dropped : changes.kept).push_back(day.name);
    } catch (const SqlError& error) {
      if (error.sqlstate() != lock_not_available && error.sqlstate() != took_too_long) throw;
      changes.busy = true;
      return;
    }
  }
}

std::vector<std::string> Partitions::droppable(const RetentionRequest& request,
                                               std::vector<std::string>& kept) {
  std::vector<std::string> names;
  for (const Day& day : old_days(request.keep)) {
    if (is_done(day, request)) {
      names.push_back(day.name);
    } else {
      kept.push_back(day.name);
    }
  }
  return names;
}

}  // namespace outbox::store::postgres
