// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "store/mariadb/seams.hpp"

namespace outbox::store::mariadb {
namespace {

constexpr std::string_view doing = "looking at the backlog";

class MariadbBacklog final : public Backlog {
 public:
  explicit MariadbBacklog(std::shared_ptr<Shared> shared)
      : shared_(std::move(shared)), connection_(backlog_options()) {}

  BacklogView view(std::int64_t count_max) override {
    if (!table_) table_ = shared_->table(connection_);
    BacklogView view;
    read_pending(view, count_max);
    read_types(view, count_max, {});
    read_dead(view, count_max);
    read_keys(view);
    return view;
  }

  std::vector<TypeCount> pending_types(std::int64_t count_max,
                                       const std::vector<std::string>& known) override {
    if (!table_) table_ = shared_->table(connection_);
    BacklogView view;
    read_types(view, count_max, known);
    return std::move(view.pending_by_type);
  }

 private:
  // Looking must not hurt: a table without an index for this is given up on soon.
  [[nodiscard]] ConnectionOptions backlog_options() const {
    ConnectionOptions options = shared_->connection_options("status");
    options.statement_timeout = std::chrono::milliseconds(3000);
    return options;
  }

  void read_pending(BacklogView& view, std::int64_t count_max) {
    const TableColumns& columns = table_->shape().columns;
    Result found = connection_.run(
        doing,
        fmt::format(
            "SELECT count(*), coalesce(sum(p.retries > 0), 0), greatest({age}, 0) FROM "
            "(SELECT {retries} AS retries, {created} AS created FROM {table} WHERE "
            "{unsettled}{share} ORDER BY {order} LIMIT {limit}) p",
            fmt::arg("age", milliseconds_sql("min(p.created)", now_sql)),
            fmt::arg("retries",
                     table_->has(columns.retry_count) ? Table::column(columns.retry_count) : "0"),
            fmt::arg("created", table_->has(columns.created_at) ? Table::column(columns.created_at)
                                                                : "CAST(NULL AS DATETIME)"),
            fmt::arg("table", table_->in_order()), fmt::arg("unsettled", table_->unsettled()),
            fmt::arg("share", table_->share()), fmt::arg("order", table_->order_by()),
            fmt::arg("limit", count_max + 1)),
        Effect::reads);
    if (!found.next()) return;
    view.pending = std::min(found.number(0), count_max);
    view.exact = found.number(0) <= count_max;
    view.retrying = std::min(found.number(1), count_max);
    if (!found.is_null(2)) view.oldest_pending_age = std::chrono::milliseconds(found.number(2));
  }

  void read_types(BacklogView& view, std::int64_t count_max,
                  const std::vector<std::string>& known) {
    const auto& type = table_->shape().columns.aggregate_type;
    if (!table_->has(type)) return;
    // By their bytes, for a collation takes spellings for one that are two types to us; and so they
    // are told apart below.
    const std::string bytes = Table::as_bytes(table_->as_text(type));
    const std::string unknown = known.empty() ? std::string()
                                              : fmt::format(" AND coalesce({}, '') NOT IN {}",
                                                            bytes, quote_bytes_list(known));
    Result found = connection_.run(
        doing,
        fmt::format("SELECT coalesce(p.type, ''), count(*) FROM (SELECT {} AS type FROM {} WHERE "
                    "{}{}{} ORDER BY {} LIMIT {}) p GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 100",
                    bytes, table_->in_order(), table_->unsettled(), table_->share(), unknown,
                    table_->order_by(), count_max),
        Effect::reads);
    while (found.next()) {
      view.pending_by_type.push_back({.aggregate_type = found.text(0), .rows = found.number(1)});
    }
  }

  void read_dead(BacklogView& view, std::int64_t count_max) {
    try {
      Result found = connection_.run(
          doing,
          fmt::format("SELECT count(*) FROM (SELECT 1 FROM {} WHERE {}{} LIMIT {}) d",
                      table_->in_order(), table_->dead(), table_->share(), count_max + 1),
          Effect::reads);
      if (!found.next()) return;
      view.dead = std::min(found.number(0), count_max);
      view.exact = view.exact && found.number(0) <= count_max;
    } catch (const SqlError& error) {
      if (!error.is_too_slow()) throw;
      view.exact = false;
    }
  }

  void read_keys(BacklogView& view) {
    try {
      read_keys(view, milliseconds_sql("k.since", now_sql));
    } catch (const SqlError& error) {
      constexpr unsigned no_such_column = 1054;  // A schema before migration 0011.
      if (error.number() != no_such_column) throw;
      read_keys(view, "NULL");
    }
  }

  void read_keys(BacklogView& view, const std::string& refused_for) {
    Result found = connection_.run(
        doing,
        fmt::format(
            "SELECT k.wire_key, k.topic, k.slot, k.attempts, {}, k.head, k.reason, {} FROM {} k "
            "WHERE {} ORDER BY k.attempts DESC, k.blocked_until, k.wire_key LIMIT 100",
            milliseconds_sql(now_sql, "k.blocked_until"), refused_for, table_->own("keys"),
            table_->mine("k")),
        Effect::reads);
    while (found.next()) {
      KeyState& key = view.blocked_keys.emplace_back(key_state(*table_, found));
      if (!found.is_null(7)) {
        key.refused_for = std::chrono::milliseconds(std::max<std::int64_t>(0, found.number(7)));
      }
    }
  }

  std::shared_ptr<Shared> shared_;
  Connection connection_;
  std::shared_ptr<const Table> table_;
};

}  // namespace

std::unique_ptr<Backlog> make_backlog(std::shared_ptr<Shared> shared) {
  return std::make_unique<MariadbBacklog>(std::move(shared));
}

}  // namespace outbox::store::mariadb
