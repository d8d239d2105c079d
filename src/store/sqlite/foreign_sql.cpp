// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "store/sqlite/foreign.hpp"

namespace outbox::store::sqlite {

namespace {

using Column = TableColumns::Column;

// Later than all times, and than every number, in SQLite's order of types.
constexpr std::string_view for_ever = "'9999-12-31 23:59:59'";

std::string or_null(const Column& column) {
  return column ? quoted_identifier(*column) : "NULL";
}

// The words on the table; they are literals, so that an index on the status can serve.
class Words {
 public:
  explicit Words(const TableShape& shape)
      : shape_(shape),
        columns_(shape.columns),
        table_(quoted_identifier(shape.table)),
        id_(quoted_identifier(*shape.columns.id)),
        status_(quoted_identifier(*shape.columns.status)) {}

  [[nodiscard]] const std::string& table() const { return table_; }
  [[nodiscard]] const std::string& id() const { return id_; }

  [[nodiscard]] std::string unsettled() const {
    const StatusWords& words = shape_.status;
    std::string live = quoted_text(words.pending);
    for (const auto* word : {&words.processing, &words.failed, &words.retry}) {
      if (*word && **word != words.dead) live += ", " + quoted_text(**word);
    }
    if (!shape_.dead_is_failed_for_ever()) return fmt::format("{} IN ({})", status_, live);
    return fmt::format("({0} IN ({1}, {2}) AND ({0} IN ({1}) OR {3} IS NULL OR {3} < {4}))",
                       status_, live, quoted_text(words.dead), or_null(columns_.next_attempt_at),
                       for_ever);
  }

  [[nodiscard]] std::string dead() const {
    const std::string is_dead = fmt::format("{} = {}", status_, quoted_text(shape_.status.dead));
    if (!shape_.dead_is_failed_for_ever()) return is_dead;
    return fmt::format("{} AND {} >= {}", is_dead, or_null(columns_.next_attempt_at), for_ever);
  }

  [[nodiscard]] std::string order_by() const {
    if (shape_.order == RowOrder::id || !columns_.created_at) return id_;
    return or_null(columns_.created_at) + ", " + id_;
  }

  [[nodiscard]] std::string wire_key() const {
    if (!columns_.key) return or_null(columns_.aggregate_id);
    if (!columns_.aggregate_id) return or_null(columns_.key);
    return fmt::format("coalesce({}, {})", or_null(columns_.key), or_null(columns_.aggregate_id));
  }

  /// `UPDATE … SET status = …`, and what changes with every change of ours.
  [[nodiscard]] std::string update(const std::string& word) const {
    std::string sql = fmt::format("UPDATE {} SET {} = {}", table_, status_, quoted_text(word));
    put(sql, columns_.updated_at, foreign_now);
    return sql;
  }

  static void put(std::string& sql, const Column& column, std::string_view value) {
    if (column) sql += fmt::format(", {} = {}", quoted_identifier(*column), value);
  }

  void put_failure(std::string& sql, std::string_view reason, std::string_view attempts) const {
    if (columns_.retry_count) {
      put(sql, columns_.retry_count,
          fmt::format("coalesce({}, 0) + {}", or_null(columns_.retry_count), attempts));
    }
    put(sql, columns_.error_message, reason);
    put(sql, columns_.locked_by, "NULL");
    put(sql, columns_.locked_at, "NULL");
  }

 private:
  const TableShape& shape_;
  const TableColumns& columns_;
  std::string table_;
  std::string id_;
  std::string status_;
};

// The columns of TableSql::read, in their order.
std::string outputs(const TableShape& shape, const std::string& id) {
  const TableColumns& columns = shape.columns;
  std::string sql = id;
  for (const auto* column :
       {&columns.event_id, &columns.aggregate_type, &columns.aggregate_id, &columns.key,
        &columns.event_type, &columns.payload, &columns.payload_bytes, &columns.content_type,
        &columns.topic, &columns.headers, &columns.retry_count}) {
    sql += ", " + or_null(*column);
  }
  sql += fmt::format(", {} * 1000", milliseconds_sql(or_null(columns.created_at)));
  sql += ", " + replay_sql(shape.table, quoted_identifier(shape.table) + "." + id);
  return sql + ", " + or_null(columns.max_retries) + ", " + or_null(columns.version);
}

void add_reads(TableSql& sql, const Words& words, const TableShape& shape, bool counts_ids) {
  const TableColumns& columns = shape.columns;
  const std::string wanted = fmt::format(
      "NOT outboxd_in_flight({}) AND outboxd_wanted({}, {}, {}, {})", words.id(), words.wire_key(),
      or_null(columns.topic), or_null(columns.aggregate_type), or_null(columns.event_type));
  // Where the planner sorts, the limit saves it from keeping the whole backlog.
  const std::string end = fmt::format("ORDER BY {} LIMIT ?1", words.order_by());
  const std::string begin =
      fmt::format("SELECT {} FROM {}", outputs(shape, words.id()), words.table());
  sql.read = fmt::format("{} WHERE {} AND {} {}", begin, words.unsettled(), wanted, end);
  if (!counts_ids || shape.order != RowOrder::id) return;
  // From a known row on, the primary key alone: an index on the status would be sorted anew for
  // every batch of a backlog.
  sql.read_on = fmt::format("{} NOT INDEXED WHERE {} >= ?2 AND {} AND {} {}", begin, words.id(),
                            words.unsettled(), wanted, end);
}

void add_changes(TableSql& sql, const Words& words, const TableShape& shape) {
  constexpr std::string_view given = "strftime('%Y-%m-%d %H:%M:%f', ?1)";
  const TableColumns& columns = shape.columns;
  const std::string unsettled = words.unsettled();
  sql.publish_mark = words.update(shape.status.published);
  Words::put(sql.publish_mark, columns.published_at, given);
  sql.publish_mark += fmt::format(" WHERE {} = ?2 AND {}", words.id(), unsettled);
  sql.publish_remove =
      fmt::format("DELETE FROM {} WHERE {} = ?1 AND {}", words.table(), words.id(), unsettled);

  const auto& retried = shape.retried_word();
  const bool means_dead = retried && *retried == shape.status.dead;
  const bool has_word = retried && (!means_dead || shape.dead_is_failed_for_ever());
  sql.retry = words.update(has_word ? *retried : shape.status.pending);
  words.put_failure(sql.retry, "?2", "1");
  Words::put(sql.retry, columns.next_attempt_at, given);
  sql.retry += fmt::format(" WHERE {} = ?3 AND {}", words.id(), unsettled);

  sql.die = words.update(shape.status.dead);
  words.put_failure(sql.die, "?1", "?3");
  Words::put(sql.die, columns.next_attempt_at, shape.dead_is_failed_for_ever() ? for_ever : "NULL");
  // The second half is always true: SQLite takes no value for a parameter that does not occur.
  sql.die += fmt::format(" WHERE {} = ?2 AND {} AND ?3 IS NOT NULL", words.id(), unsettled);
}

void add_counts(TableSql& sql, const Words& words, const TableColumns& columns) {
  sql.count_pending = fmt::format(
      "SELECT count(*), coalesce(sum(retries > 0), 0), max({} - created) FROM (SELECT {} AS "
      "retries, {} AS created FROM {} WHERE {} ORDER BY {} LIMIT ?1)",
      now_milliseconds, or_null(columns.retry_count), milliseconds_sql(or_null(columns.created_at)),
      words.table(), words.unsettled(), words.order_by());
  if (columns.aggregate_type) {
    sql.count_types = fmt::format(
        "SELECT coalesce(type, ''), count(*) FROM (SELECT {0} AS type FROM {1} WHERE {2} AND "
        "coalesce({0}, '') NOT IN (SELECT value FROM json_each(?2)) ORDER BY {3} LIMIT ?1) "
        "GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 100",
        or_null(columns.aggregate_type), words.table(), words.unsettled(), words.order_by());
  }
  sql.count_dead = fmt::format("SELECT count(*) FROM (SELECT 1 FROM {} WHERE {} LIMIT ?1)",
                               words.table(), words.dead());
}

}  // namespace

std::string milliseconds_sql(std::string_view time) {
  return fmt::format(
      "CASE typeof({0}) WHEN 'integer' THEN {0} * CASE WHEN abs({0}) < 100000000000 THEN 1000 "
      "ELSE 1 END ELSE CAST(round((julianday({0}) - 2440587.5) * 86400000.0) AS INTEGER) END",
      time);
}

TableSql foreign_sql(const TableShape& shape, const TableFacts& facts) {
  const Words words(shape);
  TableSql sql;
  add_reads(sql, words, shape, facts.counts_ids);
  add_changes(sql, words, shape);
  add_counts(sql, words, shape.columns);
  return sql;
}

}  // namespace outbox::store::sqlite
