// SPDX-License-Identifier: Apache-2.0
//
// A reader looks for what is old, and the only writers' lock there is, is held for as long as it
// takes to remove that: the relay's next settling is not to wait for a look at ten thousand rows.
#include "store/retention.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "store/sqlite/foreign.hpp"
#include "store/sqlite/seams.hpp"

namespace outbox::store::sqlite {

namespace {

constexpr std::size_t looked_at_per_row = 10;

// ?1 is milliseconds. Texts that SQLite's date functions do not take are never old.
std::string before(const std::string& when) {
  return fmt::format("coalesce(julianday({}) < julianday('now') - ?1 / 86400000.0, 0)", when);
}

// Whether a time of the table is before or, with `>=`, after then; one of a mapped table may be a
// number, too.
std::string compared(const std::string& when, std::string_view how, const TableShape& shape) {
  if (shape.native) {
    return fmt::format("coalesce(julianday({}) {} julianday('now') - ?1 / 86400000.0, 0)", when,
                       how);
  }
  return fmt::format("coalesce({} {} {} - ?1, 0)", milliseconds_sql(when), how, now_milliseconds);
}

class SqliteRetention final : public Retention {
 public:
  explicit SqliteRetention(SharedContext context) : context_(std::move(context)) {}

  RetentionStep clear_published(const RetentionRequest& request) override {
    prepare();
    check_archive(request.archive_table);
    const Found found = look(request);
    RetentionStep step{.rows = remove(request, found.ids), .reached_end = found.end};
    position_ = found.end ? 0 : found.last;
    return step;
  }

  RetentionStep clear_inbox(std::chrono::milliseconds keep, std::size_t rows_max) override {
    prepare();
    if (!has_inbox_) return {.rows = 0, .reached_end = true};
    std::vector<Claim> old;
    std::size_t looked = 0;
    Claim last = inbox_position_;
    {
      Query query =
          reader_->query(fmt::format("SELECT consumer_name, event_id, {} FROM processed_events "
                                     "WHERE (consumer_name, event_id) > (?2, ?3) "
                                     "ORDER BY consumer_name, event_id LIMIT ?4",
                                     before("processed_at")),
                         keep.count(), last.first, last.second, rows_max * looked_at_per_row);
      while (old.size() < rows_max && query.step()) {
        ++looked;
        last = {std::string(query.text(0)), std::string(query.text(1))};
        if (query.integer(2) != 0) old.push_back(last);
      }
    }
    RetentionStep step{.rows = remove_claims(keep, old)};
    step.reached_end = old.size() < rows_max && looked < rows_max * looked_at_per_row;
    inbox_position_ = step.reached_end ? Claim() : last;
    return step;
  }

  RetentionView preview(const RetentionRequest& request, std::chrono::milliseconds inbox_keep,
                        std::int64_t count_max) override {
    prepare();
    check_archive(request.archive_table);
    RetentionView view;
    view.rows =
        count(fmt::format("{} WHERE {}", table_, old_), request.keep.count(), count_max, view);
    if (has_inbox_ && inbox_keep.count() > 0) {
      view.inbox_rows = count("processed_events WHERE " + before("processed_at"),
                              inbox_keep.count(), count_max, view);
    }
    return view;
  }

  PartitionChanges keep_partitions(const RetentionRequest& /*request*/,
                                   int /*days_ahead*/) override {
    return {};  // SQLite has none.
  }

  std::string make_archive(const std::string& name, bool only_show) override {
    prepare();
    if (!column_names(name).empty()) return {};
    std::string sql = fmt::format(
        "CREATE TABLE {} AS SELECT t.*, CAST(NULL AS TEXT) AS archived_at FROM {} t WHERE 0",
        quoted_identifier(name), table_);
    if (only_show) return sql;
    if (!context_->options.table.native && !name.starts_with("outboxd_")) {
      throw Error(ErrorKind::configuration,
                  fmt::format("cleanup.archive-table: there is no table {}, and beside a table of "
                              "others migrate makes none but outboxd_*",
                              name),
                  "make it yourself: " + sql);
    }
    const Turn turn = context_->write();
    turn.connection().run_script(sql);
    return sql;
  }

 private:
  using Claim = std::pair<std::string, std::string>;

  struct Found {
    std::vector<std::int64_t> ids;
    std::int64_t last = 0;
    bool end = false;
  };

  void prepare() {
    if (reader_) return;
    reader_ = context_->database->reader(context_->options.statement_timeout);
    try {
      look_up();
    } catch (const Error&) {
      reader_.reset();
      throw;
    }
  }

  void look_up() {
    const Table& found = context_->table(*reader_);
    const TableShape& shape = found.shape;
    table_ = quoted_identifier(shape.table);
    columns_ = column_names(shape.table);
    if (columns_.empty()) {
      throw Error(ErrorKind::not_found, "SQLite: there is no table " + shape.table,
                  "run `outboxd migrate`");
    }
    id_ = id_of(found);
    const TableColumns& names = shape.columns;
    std::vector<std::string> times;
    for (const auto* column : {&names.published_at, &names.updated_at, &names.created_at}) {
      if (*column) times.push_back(quoted_identifier(**column));
    }
    if (times.empty()) {
      throw Error(ErrorKind::configuration,
                  "the table " + shape.table + " does not say when a row was published",
                  "set outbox.columns.published-at or created-at, or cleanup.enabled=false");
    }
    // coalesce() of one argument is an error in SQLite.
    times.emplace_back("NULL");
    old_ = fmt::format("{} = {} AND {}", quoted_identifier(*names.status),
                       quoted_text(shape.status.published),
                       compared(fmt::format("coalesce({})", fmt::join(times, ", ")), "<", shape));
    if (found.facts.reuses_ids) {
      // What is gone from the end is given out again, with the identity of its event.
      old_ += fmt::format(" AND {0} < (SELECT max({0}) FROM {1})", id_, table_);
    }
    young_ = "0";
    if (shape.order == RowOrder::id && names.created_at) {
      young_ = compared(quoted_identifier(*names.created_at), ">=", shape);
    }
    has_inbox_ = !column_names("processed_events").empty();
  }

  // What rows are found and removed by: where ids are texts, SQLite's own number of the row.
  static std::string id_of(const Table& table) {
    if (table.number_ids()) return quoted_identifier(*table.shape.columns.id);
    if (table.facts.has_rowid) return "rowid";
    throw Error(ErrorKind::configuration,
                "cleanup: the table " + table.shape.table + " is WITHOUT ROWID and has no numbers",
                "set cleanup.enabled=false and delete its old rows yourself");
  }

  // Ids follow the time, so that behind a whole window of young rows there is nothing old.
  Found look(const RetentionRequest& request) {
    const std::size_t window = request.rows_max * looked_at_per_row;
    Found found{.ids = {}, .last = position_, .end = false};
    std::size_t looked = 0;
    bool all_young = true;
    Query query =
        reader_->query(fmt::format("SELECT {0}, {1}, {2} FROM {3} WHERE {0} > ?2 ORDER BY {0} "
                                   "LIMIT ?3",
                                   id_, old_, young_, table_),
                       request.keep.count(), position_, window);
    while (found.ids.size() < request.rows_max && query.step()) {
      ++looked;
      found.last = query.integer(0);
      if (query.integer(1) != 0) found.ids.push_back(found.last);
      all_young = all_young && query.integer(2) != 0;
    }
    found.end = found.ids.size() < request.rows_max && (looked < window || all_young);
    return found;
  }

  std::int64_t remove(const RetentionRequest& request, const std::vector<std::int64_t>& ids) {
    if (ids.empty()) return 0;
    const std::string delete_sql =
        fmt::format("DELETE FROM {} WHERE {} = ?2 AND {}", table_, id_, old_);
    std::vector<std::string> names;
    for (const std::string& column : columns_)
      names.push_back(quoted_identifier(column));
    const std::string archive_sql = fmt::format(
        "INSERT INTO {0} ({1}, archived_at) SELECT {1}, strftime('%Y-%m-%dT%H:%M:%fZ', 'now') "
        "FROM {2} WHERE {3} = ?2 AND {4}",
        quoted_identifier(request.archive_table), fmt::join(names, ", "), table_, id_, old_);
    const Turn turn = context_->write();
    Transaction transaction(turn.connection());
    std::int64_t removed = 0;
    for (const std::int64_t id : ids) {
      if (!request.archive_table.empty())
        turn.connection().query(archive_sql, request.keep.count(), id).run();
      turn.connection().query(delete_sql, request.keep.count(), id).run();
      removed += turn.connection().changes();
    }
    transaction.commit();
    return removed;
  }

  std::int64_t remove_claims(std::chrono::milliseconds keep, const std::vector<Claim>& claims) {
    if (claims.empty()) return 0;
    const std::string sql =
        "DELETE FROM processed_events WHERE consumer_name = ?2 AND event_id = ?3 AND " +
        before("processed_at");
    const Turn turn = context_->write();
    Transaction transaction(turn.connection());
    std::int64_t removed = 0;
    for (const Claim& claim : claims) {
      turn.connection().query(sql, keep.count(), claim.first, claim.second).run();
      removed += turn.connection().changes();
    }
    transaction.commit();
    return removed;
  }

  std::int64_t count(const std::string& what, std::int64_t keep_ms, std::int64_t count_max,
                     RetentionView& view) {
    Query query =
        reader_->query(fmt::format("SELECT count(*) FROM (SELECT 1 FROM {} LIMIT ?2)", what),
                       keep_ms, count_max + 1);
    const std::int64_t rows = query.step() ? query.integer(0) : 0;
    view.exact = view.exact && rows <= count_max;
    return std::min(rows, count_max);
  }

  std::vector<std::string> column_names(const std::string& table) {
    Query query = reader_->query("SELECT name FROM pragma_table_info(?1)", table);
    std::vector<std::string> names;
    while (query.step())
      names.emplace_back(query.text(0));
    return names;
  }

  void check_archive(const std::string& name) {
    if (name.empty() || name == archive_) return;
    const std::vector<std::string> there = column_names(name);
    if (there.empty()) {
      throw Error(ErrorKind::not_found, "cleanup.archive-table: SQLite has no table " + name,
                  "run `outboxd migrate` with this setting, or make it yourself");
    }
    std::vector<std::string> wanted = columns_;
    wanted.emplace_back("archived_at");
    for (const std::string& column : wanted) {
      if (std::find(there.begin(), there.end(), column) != there.end()) continue;
      throw Error(ErrorKind::configuration,
                  fmt::format("cleanup.archive-table: {} has no column {}", name, column),
                  fmt::format("it needs those of {} and archived_at", table_));
    }
    archive_ = name;
  }

  const SharedContext context_;
  std::unique_ptr<Connection> reader_;
  std::string table_;
  std::string id_;
  std::string old_;
  std::string young_;
  std::vector<std::string> columns_;
  std::string archive_;  ///< The one that was looked at and fits.
  std::int64_t position_ = 0;
  bool has_inbox_ = false;
  Claim inbox_position_;
};

}  // namespace

std::unique_ptr<Retention> make_retention(SharedContext context) {
  return std::make_unique<SqliteRetention>(std::move(context));
}

}  // namespace outbox::store::sqlite
