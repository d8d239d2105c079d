// SPDX-License-Identifier: Apache-2.0
//
// There is no index on published_at, so that publishing a row costs no index entry more: the
// primary key is walked instead, a bounded number of rows a call (traps 10 and 11). Rows that
// somebody holds are passed over and found by the next walk.
#include "store/retention.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "store/postgres/partitions.hpp"
#include "store/postgres/seams.hpp"

namespace outbox::store::postgres {
namespace {

constexpr std::string_view clearing = "clearing published rows";
constexpr std::string_view clearing_inbox = "clearing the inbox";
constexpr std::size_t looked_at_per_row = 10;

// The columns of a table as they are to be named, generated ones too.
constexpr std::string_view columns_sql =
    "SELECT a.attname::pg_catalog.text, pg_catalog.format_type(a.atttypid, a.atttypmod) "
    "FROM pg_catalog.pg_attribute a WHERE a.attrelid = pg_catalog.to_regclass($1) "
    "AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum";

class PostgresRetention final : public Retention {
 public:
  explicit PostgresRetention(std::shared_ptr<Shared> shared)
      : shared_(std::move(shared)), connection_(retention_options()) {}

  RetentionStep clear_published(const RetentionRequest& request) override {
    prepare();
    const Result found = connection_.run(clearing, clear_sql(request), position_parameters());
    const std::int64_t picked = found.number(0, 1);
    const std::int64_t looked = found.number(0, 2);
    RetentionStep step{.rows = found.number(0, 0)};
    const bool rows_full = picked == static_cast<std::int64_t>(request.rows_max);
    const bool was_last = looked < static_cast<std::int64_t>(window(request.rows_max));
    step.reached_end = !rows_full && (was_last || found.boolean(0, 5));
    if (step.reached_end) {
      position_.reset();
    } else {
      position_ = found.text(0, rows_full ? 3 : 4);
    }
    return step;
  }

  RetentionStep clear_inbox(std::chrono::milliseconds keep, std::size_t rows_max) override {
    prepare();
    if (inbox_.empty()) return {.rows = 0, .reached_end = true};
    Parameters parameters;
    std::string after;
    if (inbox_position_) {
      parameters.text(inbox_position_->first).text(inbox_position_->second);
      after = fmt::format("WHERE (i.consumer_name, i.event_id) > ($1::text::{}, $2::text::{})",
                          inbox_types_.first, inbox_types_.second);
    }
    const std::string old = old_claims(keep);
    const Result found = connection_.run(
        clearing_inbox,
        fmt::format(
            "WITH looked AS MATERIALIZED (SELECT i.ctid AS place, i.consumer_name, i.event_id, "
            "{old} AS old FROM {inbox} i {after} ORDER BY i.consumer_name, i.event_id "
            "LIMIT {window}), "
            "picked AS MATERIALIZED (SELECT * FROM looked l WHERE l.old "
            "ORDER BY l.consumer_name, l.event_id LIMIT {rows}), "
            "gone AS (DELETE FROM {inbox} i WHERE i.ctid = ANY (ARRAY(SELECT p.place FROM picked "
            "p)) AND {old} RETURNING 1), "
            "last AS (SELECT l.* FROM looked l ORDER BY l.consumer_name DESC, l.event_id DESC "
            "LIMIT 1), "
            "last_picked AS (SELECT p.* FROM picked p ORDER BY p.consumer_name DESC, "
            "p.event_id DESC LIMIT 1) "
            "SELECT (SELECT count(*) FROM gone), (SELECT count(*) FROM picked), "
            "(SELECT count(*) FROM looked), (SELECT consumer_name::text FROM last_picked), "
            "(SELECT event_id::text FROM last_picked), (SELECT consumer_name::text FROM last), "
            "(SELECT event_id::text FROM last)",
            fmt::arg("old", old), fmt::arg("inbox", inbox_), fmt::arg("after", after),
            fmt::arg("window", window(rows_max)), fmt::arg("rows", rows_max)),
        parameters);
    RetentionStep step{.rows = found.number(0, 0)};
    const bool rows_full = found.number(0, 1) == static_cast<std::int64_t>(rows_max);
    step.reached_end =
        !rows_full && found.number(0, 2) < static_cast<std::int64_t>(window(rows_max));
    inbox_position_.reset();
    if (!step.reached_end) {
      const int column = rows_full ? 3 : 5;
      inbox_position_.emplace(found.text(0, column), found.text(0, column + 1));
    }
    return step;
  }

  RetentionView preview(const RetentionRequest& request, std::chrono::milliseconds inbox_keep,
                        std::int64_t count_max) override {
    prepare();
    check_archive(request.archive_table);
    RetentionView view;
    std::string left;
    if (by_day_) {
      view.partitions = Partitions(connection_, *table_).droppable(request, view.kept);
      left = fmt::format(" AND t.created_at < {}", first_day_kept(request.keep));
      for (const std::string& name : view.partitions) {
        left += fmt::format(
            " AND t.tableoid <> {}::regclass",
            quote_literal(quote_identifier(table_->schema()) + "." + quote_identifier(name)));
      }
    }
    view.rows =
        count(fmt::format("{} t WHERE {}{}", table_->name(), old_rows(*table_, request.keep), left),
              count_max, view);
    if (inbox_keep.count() > 0 && !inbox_.empty()) {
      view.inbox_rows =
          count(fmt::format("{} i WHERE {}", inbox_, old_claims(inbox_keep)), count_max, view);
    }
    return view;
  }

  PartitionChanges keep_partitions(const RetentionRequest& request, int days_ahead) override {
    prepare();
    PartitionChanges changes;
    if (!by_day_) return changes;
    Partitions partitions(connection_, *table_);
    partitions.make(days_ahead, changes);
    if (!changes.busy) partitions.drop(request, changes);
    return changes;
  }

  std::string make_archive(const std::string& name, bool only_show) override {
    prepare();
    const std::string archive = qualified(name);
    if (!column_names(archive).empty()) return {};
    std::string sql = fmt::format(
        "CREATE TABLE {} AS SELECT t.*, NULL::timestamptz AS archived_at FROM {} t WITH NO DATA",
        archive, table_->name());
    if (only_show) return sql;
    if (!may_make(name)) {
      throw Error(ErrorKind::configuration,
                  fmt::format("cleanup.archive-table: there is no table {}, and beside a table of "
                              "others migrate makes none but outboxd_*",
                              archive),
                  "make it yourself: " + sql);
    }
    connection_.run_script("making the archive", sql);
    return sql;
  }

 private:
  // A day is read as a whole before it is dropped. For a lock nobody is to stand behind us.
  [[nodiscard]] ConnectionOptions retention_options() const {
    ConnectionOptions options = shared_->connection_options("cleanup");
    options.statement_timeout = std::chrono::minutes(5);
    options.lock_timeout = std::chrono::milliseconds(200);
    return options;
  }

  // Again for each new session, since much may have changed meanwhile.
  void prepare() {
    if (table_ && connection_.is_open()) return;
    table_ = shared_->table(connection_);
    by_day_ = is_partitioned_by_day(connection_, *table_);
    columns_ = column_names(table_->name());
    archive_.clear();
    find_inbox();
  }

  void find_inbox() {
    inbox_ = quote_identifier(table_->schema()) + ".processed_events";
    const Result found = connection_.run(
        clearing_inbox,
        fmt::format("SELECT c.attname, c.type FROM ({}) AS c(attname, type) WHERE c.attname IN "
                    "('consumer_name', 'event_id', 'processed_at') ORDER BY c.attname",
                    columns_sql),
        Parameters().text(inbox_), Effect::reads);
    if (found.rows() != 3) {
      inbox_.clear();
      return;
    }
    inbox_types_ = {found.text(0, 1), found.text(1, 1)};
    inbox_time_has_zone_ = found.text(2, 1).find("with time zone") != std::string::npos;
  }

  [[nodiscard]] std::string old_claims(std::chrono::milliseconds keep) const {
    return fmt::format(
        "{} < now() - interval '{} milliseconds'",
        inbox_time_has_zone_ ? "i.processed_at" : "(i.processed_at AT TIME ZONE 'UTC')",
        keep.count());
  }

  static std::size_t window(std::size_t rows_max) { return rows_max * looked_at_per_row; }

  [[nodiscard]] Parameters position_parameters() const {
    Parameters parameters;
    if (position_) parameters.text(*position_);
    return parameters;
  }

  // Of ids that follow the time the rest is younger still; what a long transaction commits behind
  // the walk is found by the next one.
  [[nodiscard]] std::string all_young(std::chrono::milliseconds keep) const {
    const TableShape& shape = table_->shape();
    const auto& created = shape.columns.created_at;
    if (!table_->number_ids() || shape.order != RowOrder::id || !table_->has(created)) {
      return "false";
    }
    return fmt::format(
        "{} >= {}", Table::column(created),
        table_->clock(created, fmt::format("now() - interval '{} milliseconds'", keep.count())));
  }

  // What was picked is looked at again by the statement that locks it and by the one that deletes.
  std::string clear_sql(const RetentionRequest& request) {
    check_archive(request.archive_table);
    const std::string old = old_rows(*table_, request.keep);
    const std::string id = Table::column(table_->shape().columns.id);
    const std::string in_days =
        by_day_ ? fmt::format(" AND t.created_at < {}", first_day_kept(request.keep)) : "";
    const std::string after = position_ ? fmt::format(" AND {} > $1::text::{}", id,
                                                      table_->type(table_->shape().columns.id).name)
                                        : "";
    std::string moved;
    if (!request.archive_table.empty()) {
      moved =
          fmt::format(", moved AS (INSERT INTO {} ({}, archived_at) SELECT {}, now() FROM gone)",
                      archive_, fmt::join(columns_, ", "), fmt::join(columns_, ", "));
    }
    return fmt::format(
        "WITH looked AS MATERIALIZED (SELECT {id} AS id, {old} AS old, {young} AS young "
        "FROM {table} t WHERE true{after}{in_days} ORDER BY {id} LIMIT {window}), "
        "picked AS MATERIALIZED (SELECT l.id FROM looked l WHERE l.old ORDER BY l.id "
        "LIMIT {rows}), "
        "free AS MATERIALIZED (SELECT {id} AS id FROM {table} t WHERE {id} = ANY (ARRAY(SELECT "
        "p.id FROM picked p)) AND {old}{in_days} FOR UPDATE SKIP LOCKED), "
        "gone AS (DELETE FROM {table} t WHERE {id} = ANY (ARRAY(SELECT f.id FROM free f)) "
        "AND {old}{in_days} RETURNING t.*){moved} "
        "SELECT (SELECT count(*) FROM gone), (SELECT count(*) FROM picked), "
        "(SELECT count(*) FROM looked), "
        "(SELECT p.id::text FROM picked p ORDER BY p.id DESC LIMIT 1), "
        "(SELECT l.id::text FROM looked l ORDER BY l.id DESC LIMIT 1), "
        "(SELECT coalesce(bool_and(l.young), false) FROM looked l)",
        fmt::arg("id", id), fmt::arg("old", old), fmt::arg("young", all_young(request.keep)),
        fmt::arg("table", table_->name()), fmt::arg("after", after), fmt::arg("in_days", in_days),
        fmt::arg("window", window(request.rows_max)), fmt::arg("rows", request.rows_max),
        fmt::arg("moved", moved));
  }

  [[nodiscard]] std::int64_t count(const std::string& what, std::int64_t count_max,
                                   RetentionView& view) {
    const Result found =
        connection_.run("counting what would go",
                        fmt::format("SELECT count(*) FROM (SELECT FROM {} LIMIT $1) c", what),
                        Parameters().number(count_max + 1), Effect::reads);
    view.exact = view.exact && found.number(0, 0) <= count_max;
    return std::min(found.number(0, 0), count_max);
  }

  std::vector<std::string> column_names(const std::string& table) {
    const Result found = connection_.run("looking at a table's columns", columns_sql,
                                         Parameters().text(table), Effect::reads);
    std::vector<std::string> names;
    for (int row = 0; row < found.rows(); ++row)
      names.push_back(quote_identifier(found.text(row, 0)));
    return names;
  }

  [[nodiscard]] bool may_make(const std::string& name) const {
    const std::size_t dot = name.find('.');
    const std::string table = dot == std::string::npos ? name : name.substr(dot + 1);
    return table_->shape().native || table.starts_with("outboxd_");
  }

  [[nodiscard]] std::string qualified(const std::string& name) const {
    const std::size_t dot = name.find('.');
    if (dot == std::string::npos)
      return quote_identifier(table_->schema()) + "." + quote_identifier(name);
    return quote_identifier(name.substr(0, dot)) + "." + quote_identifier(name.substr(dot + 1));
  }

  void check_archive(const std::string& name) {
    if (name.empty() || archive_ == qualified(name)) return;
    const std::string archive = qualified(name);
    std::vector<std::string> there = column_names(archive);
    if (there.empty()) {
      throw Error(ErrorKind::not_found, "cleanup.archive-table: PostgreSQL has no table " + archive,
                  "run `outboxd migrate` with this setting, or make it yourself");
    }
    std::vector<std::string> wanted = columns_;
    wanted.push_back(quote_identifier("archived_at"));
    for (const std::string& column : wanted) {
      if (std::find(there.begin(), there.end(), column) != there.end()) continue;
      throw Error(ErrorKind::configuration,
                  fmt::format("cleanup.archive-table: {} has no column {}", archive, column),
                  fmt::format("it needs those of {} and archived_at", table_->name()));
    }
    archive_ = archive;
  }

  std::shared_ptr<Shared> shared_;
  Connection connection_;
  std::shared_ptr<const Table> table_;
  bool by_day_ = false;
  std::vector<std::string> columns_;  ///< All that the table has, quoted.
  std::string archive_;               ///< The one that was looked at and fits, quoted.
  std::optional<std::string> position_;
  std::string inbox_;  ///< Quoted; empty: there is none.
  std::pair<std::string, std::string> inbox_types_;
  bool inbox_time_has_zone_ = true;
  std::optional<std::pair<std::string, std::string>> inbox_position_;
};

}  // namespace

std::string old_rows(const Table& table, std::chrono::milliseconds keep) {
  const TableColumns& columns = table.shape().columns;
  std::string when;
  for (const auto* column : {&columns.published_at, &columns.updated_at, &columns.created_at}) {
    if (!table.has(*column)) continue;
    const bool has_zone = table.type(*column).oid == oid_timestamptz;
    when += when.empty() ? "" : ", ";
    when += has_zone ? Table::column(*column)
                     : fmt::format("{} AT TIME ZONE 'UTC'", Table::column(*column));
  }
  if (when.empty()) {
    throw Error(ErrorKind::configuration,
                "the table " + table.name() + " does not say when a row was published",
                "set outbox.columns.published-at or created-at, or cleanup.enabled=false");
  }
  return fmt::format("({} = {} AND coalesce({}) < now() - interval '{} milliseconds')",
                     Table::column(columns.status), table.word(table.shape().status.published),
                     when, keep.count());
}

std::unique_ptr<Retention> make_retention(std::shared_ptr<Shared> shared) {
  return std::make_unique<PostgresRetention>(std::move(shared));
}

}  // namespace outbox::store::postgres
