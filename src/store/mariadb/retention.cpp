// SPDX-License-Identifier: Apache-2.0
//
// The primary key is walked, a bounded number of rows a call: there is no index on published_at.
// The walk itself locks nothing; what is old is then locked by its ids, those that somebody holds
// left out, and goes in the same transaction.
#include "store/retention.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "store/mariadb/partitions.hpp"
#include "store/mariadb/seams.hpp"

namespace outbox::store::mariadb {
namespace {

constexpr std::string_view clearing = "clearing published rows";
constexpr std::string_view clearing_inbox = "clearing the inbox";
constexpr std::size_t looked_at_per_row = 10;

class MariadbRetention final : public Retention {
 public:
  explicit MariadbRetention(std::shared_ptr<Shared> shared)
      : shared_(std::move(shared)), connection_(retention_options()) {}

  RetentionStep clear_published(const RetentionRequest& request) override {
    prepare();
    check_archive(request.archive_table);
    const Found found = look(request);
    RetentionStep step{.rows = 0, .reached_end = found.end};
    if (!found.ids.empty()) {
      step.rows = transact(connection_, [&] { return remove(request, found.ids); });
    }
    position_ = found.end ? std::nullopt : found.last;
    return step;
  }

  RetentionStep clear_inbox(std::chrono::milliseconds keep, std::size_t rows_max) override {
    prepare();
    if (inbox_.empty()) return {.rows = 0, .reached_end = true};
    const std::size_t window = rows_max * looked_at_per_row;
    std::string after;
    if (inbox_position_) {
      // Written out, because a comparison of rows reads the whole index.
      after = fmt::format(
          "WHERE i.consumer_name >= {0} AND (i.consumer_name > {0} OR i.event_id > "
          "{1}) ",
          quote_text(inbox_position_->first), quote_text(inbox_position_->second));
    }
    Result rows = connection_.run(
        clearing_inbox,
        fmt::format("SELECT i.consumer_name, i.event_id, {} FROM {} i {}ORDER BY i.consumer_name, "
                    "i.event_id LIMIT {}",
                    old_claims(keep), inbox_, after, window),
        Effect::reads);
    std::string claims;
    std::size_t old = 0;
    while (old < rows_max && rows.next()) {
      inbox_position_.emplace(rows.text(0), rows.text(1));
      if (rows.integer(2) == 0) continue;
      claims += fmt::format("{}({}, {})", old++ == 0 ? "" : ", ", quote_text(rows.bytes(0)),
                            quote_text(rows.bytes(1)));
    }
    RetentionStep step{.rows = 0, .reached_end = old < rows_max && rows.rows() < window};
    if (old > 0) {
      step.rows = connection_
                      .run(clearing_inbox,
                           fmt::format("DELETE i FROM {} i WHERE (i.consumer_name, i.event_id) IN "
                                       "({}) AND {}",
                                       inbox_, claims, old_claims(keep)))
                      .touched();
    }
    if (step.reached_end) inbox_position_.reset();
    return step;
  }

  RetentionView preview(const RetentionRequest& request, std::chrono::milliseconds inbox_keep,
                        std::int64_t count_max) override {
    prepare();
    check_archive(request.archive_table);
    RetentionView view;
    const std::string old = old_rows(*table_, request.keep);
    view.rows = count(fmt::format("{} t WHERE {}{}", table_->name(), old, in_days(request.keep)),
                      count_max, view);
    if (by_day_) {
      view.partitions = Partitions(connection_, *table_).droppable(request, view.kept);
      for (const std::string& day : view.partitions) {
        view.rows -= count(fmt::format("{} PARTITION ({}) t WHERE {}", table_->name(), day, old),
                           count_max, view);
      }
      view.rows = std::max<std::int64_t>(view.rows, 0);
    }
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
    if (!changes.created.empty()) rest_from_ = rest_from(connection_, *table_);
    if (!changes.busy) partitions.drop(request, changes);
    return changes;
  }

  std::string make_archive(const std::string& name, bool only_show) override {
    prepare();
    const Name archive = split(name);
    if (!column_names(archive).empty()) return {};
    // The columns alone: neither keys nor AUTO_INCREMENT, and plain values for generated columns.
    std::string sql = fmt::format(
        "CREATE TABLE {} ENGINE = InnoDB AS SELECT {}, CAST(NULL AS DATETIME(6)) AS archived_at "
        "FROM {} LIMIT 0",
        archive.quoted(), fmt::join(columns_, ", "), table_->name());
    if (only_show) return sql;
    if (!table_->shape().native && !archive.table.starts_with("outboxd_")) {
      throw Error(ErrorKind::configuration,
                  fmt::format("cleanup.archive-table: there is no table {}, and beside a table of "
                              "others migrate makes none but outboxd_*",
                              archive.quoted()),
                  "make it yourself: " + sql);
    }
    connection_.run("making the archive", sql);
    return sql;
  }

 private:
  struct Name {
    std::string schema;
    std::string table;
    [[nodiscard]] std::string quoted() const {
      return quote_identifier(schema) + "." + quote_identifier(table);
    }
  };

  struct Found {
    std::vector<RowId> ids;
    std::optional<std::string> last;
    bool end = false;
  };

  // A day is read as a whole before it is dropped. For a lock nobody is to stand behind us.
  [[nodiscard]] ConnectionOptions retention_options() const {
    ConnectionOptions options = shared_->connection_options("cleanup");
    options.statement_timeout = std::chrono::minutes(5);
    options.lock_timeout = std::chrono::seconds(1);
    return options;
  }

  // Again for each new session, since much may have changed meanwhile.
  void prepare() {
    if (table_ && connection_.is_open()) return;
    connection_.ensure_open();
    table_ = shared_->table(connection_);
    by_day_ = is_partitioned_by_day(connection_, *table_);
    if (by_day_) rest_from_ = rest_from(connection_, *table_);
    columns_ = column_names({table_->schema(), table_->shape().table});
    archive_.clear();
    const Name inbox{table_->schema(), "processed_events"};
    const std::vector<std::string> names = column_names(inbox);
    const auto has = [&](std::string_view name) {
      return std::find(names.begin(), names.end(), quote_identifier(name)) != names.end();
    };
    const bool usable = has("consumer_name") && has("event_id") && has("processed_at");
    inbox_ = usable ? inbox.quoted() : std::string();
  }

  [[nodiscard]] static std::string old_claims(std::chrono::milliseconds keep) {
    return fmt::format("i.processed_at < {} - INTERVAL {} MICROSECOND", now_sql,
                       std::chrono::microseconds(keep).count());
  }

  // Those of p_rest too, whatever their day is: no other day is made before it is empty.
  [[nodiscard]] std::string in_days(std::chrono::milliseconds keep) const {
    if (!by_day_ || rest_from_.empty()) return {};
    return fmt::format(" AND (t.created_at < {} OR t.created_at >= {})", first_day_kept(keep),
                       rest_from_);
  }

  // Of ids that follow the time the rest is younger still; what a long transaction commits behind
  // the walk is found by the next one.
  [[nodiscard]] std::string young(std::chrono::milliseconds keep) const {
    const TableShape& shape = table_->shape();
    const auto& created = shape.columns.created_at;
    if (!table_->number_ids() || shape.order != RowOrder::id || !table_->has(created)) return "0";
    return fmt::format("coalesce({} >= {} - INTERVAL {} MICROSECOND, 0)", Table::column(created),
                       now_sql, std::chrono::microseconds(keep).count());
  }

  Found look(const RetentionRequest& request) {
    const std::size_t window = request.rows_max * looked_at_per_row;
    const std::string id = Table::column(table_->shape().columns.id);
    std::string after;
    if (position_) {
      after = fmt::format(" AND {} > {}", id,
                          table_->number_ids() ? *position_ : quote_text(*position_));
    }
    Result rows = connection_.run(
        clearing,
        fmt::format("SELECT {id}, ({old}) IS TRUE, {young} FROM {table} WHERE 1{after}{in_days} "
                    "ORDER BY {id} LIMIT {window}",
                    fmt::arg("id", id), fmt::arg("old", old_rows(*table_, request.keep)),
                    fmt::arg("young", young(request.keep)), fmt::arg("table", table_->by_id()),
                    fmt::arg("after", after), fmt::arg("in_days", in_days(request.keep)),
                    fmt::arg("window", window)),
        Effect::reads);
    Found found{.ids = {}, .last = position_, .end = false};
    bool all_young = true;
    while (found.ids.size() < request.rows_max && rows.next()) {
      found.last = rows.text(0);
      all_young = all_young && rows.integer(2) != 0;
      if (rows.integer(1) == 0) continue;
      RowId row;
      if (table_->number_ids()) {
        row.number = rows.number(0);
      } else {
        row.text = rows.text(0);
      }
      found.ids.push_back(std::move(row));
    }
    found.end = found.ids.size() < request.rows_max && (rows.rows() < window || all_young);
    return found;
  }

  std::int64_t remove(const RetentionRequest& request, const std::vector<RowId>& ids) {
    const std::string id = Table::column(table_->shape().columns.id);
    const std::string old = old_rows(*table_, request.keep) + in_days(request.keep);
    Result free = connection_.run(
        clearing, fmt::format("SELECT {} FROM {} WHERE {} AND {} FOR UPDATE SKIP LOCKED", id,
                              table_->by_id(), id_condition(id, ids, table_->number_ids()), old));
    std::vector<RowId> locked;
    while (free.next()) {
      RowId row;
      if (table_->number_ids()) {
        row.number = free.number(0);
      } else {
        row.text = free.text(0);
      }
      locked.push_back(std::move(row));
    }
    if (locked.empty()) return 0;
    const std::string those = id_condition(id, locked, table_->number_ids());
    if (!request.archive_table.empty()) {
      connection_.run(clearing,
                      fmt::format("INSERT INTO {} ({}, archived_at) SELECT {}, {} FROM {} WHERE {} "
                                  "AND {}",
                                  archive_, fmt::join(columns_, ", "), fmt::join(columns_, ", "),
                                  now_sql, table_->by_id(), those, old));
    }
    return connection_
        .run(clearing, fmt::format("DELETE t FROM {} WHERE {} AND {}", table_->by_id(), those, old))
        .touched();
  }

  [[nodiscard]] std::int64_t count(const std::string& what, std::int64_t count_max,
                                   RetentionView& view) {
    Result found = connection_.run(
        "counting what would go",
        fmt::format("SELECT count(*) FROM (SELECT 1 FROM {} LIMIT {}) c", what, count_max + 1),
        Effect::reads);
    const std::int64_t rows = found.next() ? found.number(0) : 0;
    view.exact = view.exact && rows <= count_max;
    return std::min(rows, count_max);
  }

  std::vector<std::string> column_names(const Name& table) {
    Result found = connection_.run(
        "looking at a table's columns",
        fmt::format("SELECT column_name FROM information_schema.columns WHERE table_schema = {} "
                    "AND table_name = {} ORDER BY ordinal_position",
                    quote_text(table.schema), quote_text(table.table)),
        Effect::reads);
    std::vector<std::string> names;
    while (found.next())
      names.push_back(quote_identifier(found.bytes(0)));
    return names;
  }

  [[nodiscard]] Name split(const std::string& name) const {
    const std::size_t dot = name.find('.');
    if (dot == std::string::npos) return {table_->schema(), name};
    return {name.substr(0, dot), name.substr(dot + 1)};
  }

  void check_archive(const std::string& name) {
    if (name.empty() || archive_ == split(name).quoted()) return;
    const std::string archive = split(name).quoted();
    const std::vector<std::string> there = column_names(split(name));
    if (there.empty()) {
      throw Error(ErrorKind::not_found, "cleanup.archive-table: MariaDB has no table " + archive,
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
  std::string rest_from_;             ///< As rest_from() found it.
  std::vector<std::string> columns_;  ///< All that the table has, quoted.
  std::string archive_;               ///< The one that was looked at and fits, quoted.
  std::optional<std::string> position_;
  std::string inbox_;  ///< Quoted; empty: there is none.
  std::optional<std::pair<std::string, std::string>> inbox_position_;
};

}  // namespace

std::string old_rows(const Table& table, std::chrono::milliseconds keep) {
  const TableColumns& columns = table.shape().columns;
  std::string when;
  for (const auto* column : {&columns.published_at, &columns.updated_at, &columns.created_at}) {
    if (!table.has(*column)) continue;
    when += (when.empty() ? "" : ", ") + Table::column(*column);
  }
  if (when.empty()) {
    throw Error(ErrorKind::configuration,
                "the table " + table.name() + " does not say when a row was published",
                "set outbox.columns.published-at or created-at, or cleanup.enabled=false");
  }
  return fmt::format("({} = {} AND coalesce({}) < {} - INTERVAL {} MICROSECOND)",
                     Table::column(columns.status), quote_text(table.shape().status.published),
                     when, now_sql, std::chrono::microseconds(keep).count());
}

std::unique_ptr<Retention> make_retention(std::shared_ptr<Shared> shared) {
  return std::make_unique<MariadbRetention>(std::move(shared));
}

}  // namespace outbox::store::mariadb
