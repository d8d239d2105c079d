// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "store/postgres/seams.hpp"

namespace outbox::store::postgres {
namespace {

constexpr std::string_view doing = "looking at the backlog";

class PostgresBacklog final : public Backlog {
 public:
  explicit PostgresBacklog(std::shared_ptr<Shared> shared)
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
    const bool has_retries = table_->has(columns.retry_count);
    const bool has_time = table_->has(columns.created_at);
    const Result found = connection_.run(
        doing,
        fmt::format(
            "SELECT count(*), count(*) FILTER (WHERE p.retries > 0), "
            "CASE WHEN min(p.created) IS NOT NULL THEN "
            "greatest((extract(epoch FROM {now} - min(p.created)) * 1000)::bigint, 0) END "
            "FROM (SELECT {retries} AS retries, {created} AS created FROM {table} t "
            "WHERE {unsettled}{share} ORDER BY {order} LIMIT $1) p",
            fmt::arg("now", has_time ? table_->clock(columns.created_at) : "clock_timestamp()"),
            fmt::arg("retries", has_retries ? Table::column(columns.retry_count) : "0"),
            fmt::arg("created", has_time ? Table::column(columns.created_at) : "NULL::timestamptz"),
            fmt::arg("table", table_->name()), fmt::arg("unsettled", table_->unsettled()),
            fmt::arg("share", table_->share()), fmt::arg("order", table_->order_by())),
        Parameters().number(count_max + 1), Effect::reads);
    view.pending = std::min(found.number(0, 0), count_max);
    view.exact = found.number(0, 0) <= count_max;
    view.retrying = std::min(found.number(0, 1), count_max);
    if (!found.is_null(0, 2))
      view.oldest_pending_age = std::chrono::milliseconds(found.number(0, 2));
  }

  void read_types(BacklogView& view, std::int64_t count_max,
                  const std::vector<std::string>& known) {
    const auto& type = table_->shape().columns.aggregate_type;
    if (!table_->has(type)) return;
    const Result found = connection_.run(
        doing,
        fmt::format("SELECT coalesce(p.type, ''), count(*) FROM (SELECT {0}::text AS type FROM {1} "
                    "t WHERE {2}{3} AND coalesce({0}::text, '') <> ALL ($2) ORDER BY {4} LIMIT $1) "
                    "p GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 100",
                    Table::column(type), table_->name(), table_->unsettled(), table_->share(),
                    table_->order_by()),
        Parameters().number(count_max).texts(known), Effect::reads);
    for (int row = 0; row < found.rows(); ++row) {
      view.pending_by_type.push_back(
          {.aggregate_type = found.text(row, 0), .rows = found.number(row, 1)});
    }
  }

  void read_dead(BacklogView& view, std::int64_t count_max) {
    try {
      const Result found = connection_.run(
          doing,
          fmt::format("SELECT count(*) FROM (SELECT FROM {} t WHERE {}{} LIMIT $1) d",
                      table_->name(), table_->dead(), table_->share()),
          Parameters().number(count_max + 1), Effect::reads);
      view.dead = std::min(found.number(0, 0), count_max);
      view.exact = view.exact && found.number(0, 0) <= count_max;
    } catch (const SqlError& error) {
      if (error.sqlstate() != "57014") throw;
      view.exact = false;
    }
  }

  void read_keys(BacklogView& view) {
    const Result found = connection_.run(
        doing,
        fmt::format(
            "SELECT k.wire_key, k.topic, k.slot, k.attempts, "
            "(extract(epoch FROM k.blocked_until - clock_timestamp()) * 1000)::bigint, "
            "k.head, k.reason, "
            // By its name in JSON: a schema before migration 0011 has no such column.
            "(extract(epoch FROM clock_timestamp() - (to_jsonb(k) ->> 'since')::timestamptz) "
            "* 1000)::bigint FROM {} k WHERE {} ORDER BY k.attempts DESC, k.blocked_until, "
            "k.wire_key LIMIT 100",
            table_->own("keys"), table_->mine("k")),
        Parameters(), Effect::reads);
    for (int row = 0; row < found.rows(); ++row) {
      KeyState key{.key = found.text(row, 0),
                   .topic = found.text(row, 1),
                   .slot = found.integer(row, 2),
                   .attempts = found.integer(row, 3),
                   .blocked_for = std::chrono::milliseconds(found.number(row, 4)),
                   .head = {},
                   .reason = found.text(row, 6)};
      if (!found.is_null(row, 7)) {
        key.refused_for =
            std::chrono::milliseconds(std::max<std::int64_t>(0, found.number(row, 7)));
      }
      if (table_->number_ids())
        key.head.number = std::strtoll(found.text(row, 5).c_str(), nullptr, 10);
      else
        key.head.text = found.text(row, 5);
      view.blocked_keys.push_back(std::move(key));
    }
  }

  std::shared_ptr<Shared> shared_;
  Connection connection_;
  std::shared_ptr<const Table> table_;
};

}  // namespace

std::unique_ptr<Backlog> make_backlog(std::shared_ptr<Shared> shared) {
  return std::make_unique<PostgresBacklog>(std::move(shared));
}

}  // namespace outbox::store::postgres
