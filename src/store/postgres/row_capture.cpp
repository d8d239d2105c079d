// SPDX-License-Identifier: Apache-2.0
//
// Capture `row`: the rows themselves say who works on them, for tables on which other publishers
// work too (A4, A5, B2). A claim is one transaction: leases locked for share, rows locked and
// marked.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "store/postgres/fence.hpp"
#include "store/postgres/read_filter.hpp"
#include "store/postgres/row_reader.hpp"
#include "store/postgres/seams.hpp"

namespace outbox::store::postgres {
namespace {

constexpr std::string_view doing = "claiming rows of the outbox";

class RowCapture final : public Capture {
 public:
  explicit RowCapture(std::shared_ptr<Shared> shared)
      : shared_(std::move(shared)), connection_(shared_->connection_options("relay capture")) {}

  RowBatch read(const ReadRequest& request) override {
    if (request.leases.empty()) return {};
    prepare();
    release_doubtful();
    for (int attempt = 1;; ++attempt) {
      try {
        return claim(request);
      } catch (const SqlError& error) {
        if (!connection_.is_open()) table_.reset();
        if (attempt == 2 || !connection_.is_open() || !error.may_run_again()) throw;
      }
    }
  }

 private:
  void prepare() {
    if (table_ && connection_.is_open() && !shared_->is_due(*table_)) return;
    table_ = shared_->table(connection_);
    slots_ = stored_slots(connection_, *table_);
    reader_.emplace(*table_);
    eligible_ = eligible();
  }

  RowBatch claim(const ReadRequest& request) {
    ReadFilter filter(*table_, request);
    const std::size_t rows_max = std::max<std::size_t>(request.rows_max, 1);
    const std::string sql = claim_sql(filter, request, rows_max);
    Transaction transaction(connection_);
    const Result result = connection_.run(doing, sql, filter.parameters());
    RowBatch batch = reader_->decode(
        result, {.rows_max = rows_max, .bytes_max = request.bytes_max, .slots = slots_});
    shared_->replays().add(batch);
    // Were the outcome of the commit unknown, rows could stay marked with nobody at work on them.
    for (const OutboxRow& row : batch.rows)
      doubtful_.push_back(row.id);
    transaction.commit();
    doubtful_.clear();
    return batch;
  }

  std::string claim_sql(ReadFilter& filter, const ReadRequest& request, std::size_t rows_max) {
    const std::string lease = lease_sql(*table_, filter.parameters(), request.leases);
    filter.add_exclusions();
    const std::string limit = filter.next();
    filter.parameters().number(static_cast<std::int64_t>(rows_max));
    const std::string budget = filter.next();
    filter.parameters().number(static_cast<std::int64_t>(request.bytes_max));
    const std::string member = filter.next();
    filter.parameters().text(shared_->options().member_name);
    const TableColumns& columns = table_->shape().columns;
    return fmt::format(
        "WITH lease AS MATERIALIZED ({lease}), found AS MATERIALIZED (SELECT {columns}, {size} AS "
        "outboxd_size FROM {table} t WHERE {conditions} AND {eligible} "
        "AND {bucket} % {slots} IN (SELECT slot FROM lease) "
        "ORDER BY {order} LIMIT {limit} FOR NO KEY UPDATE OF t SKIP LOCKED), "
        "sized AS (SELECT t.*, sum(t.outboxd_size) OVER (ORDER BY {order} ROWS UNBOUNDED "
        "PRECEDING)::bigint AS outboxd_total FROM found t), "
        "picked AS MATERIALIZED (SELECT t.* FROM sized t "
        "WHERE t.outboxd_total - t.outboxd_size < {budget} OR t.outboxd_total = t.outboxd_size), "
        "claimed AS (UPDATE {table} t SET {status} = {processing}, {locked_by} = {member}, "
        "{locked_at} = {now}{touch} FROM picked p WHERE t.{id} = p.{id} RETURNING t.{id}) "
        "SELECT {outputs} FROM picked t WHERE t.{id} IN (SELECT {id} FROM claimed) "
        "ORDER BY {order}",
        fmt::arg("lease", lease), fmt::arg("columns", reader_->columns()),
        fmt::arg("size", reader_->size()), fmt::arg("table", table_->name()),
        fmt::arg("conditions", filter.conditions()), fmt::arg("eligible", eligible_),
        fmt::arg("bucket", table_->bucket()), fmt::arg("slots", slots_),
        fmt::arg("order", table_->order_by()), fmt::arg("limit", limit), fmt::arg("budget", budget),
        fmt::arg("status", quote_identifier(*columns.status)),
        fmt::arg("processing", table_->word(*table_->shape().status.processing)),
        fmt::arg("locked_by", quote_identifier(*columns.locked_by)), fmt::arg("member", member),
        fmt::arg("locked_at", quote_identifier(*columns.locked_at)),
        fmt::arg("now", table_->clock(columns.locked_at)), fmt::arg("touch", table_->touch()),
        fmt::arg("id", quote_identifier(*columns.id)), fmt::arg("outputs", reader_->outputs()));
  }

  // Due rows, and those whose holder is gone: too long at it, or a member of ours. The slot is
  // mine, so whoever of us holds the row gave it up or can no longer settle it; what I hold myself
  // is left out by its id.
  [[nodiscard]] std::string eligible() const {
    const TableColumns& columns = table_->shape().columns;
    const std::string status = Table::column(columns.status);
    const std::string processing = quote_literal(*table_->shape().status.processing);
    std::string due = fmt::format("{} <> {}", status, processing);
    if (table_->has(columns.next_attempt_at)) {
      due += fmt::format(" AND ({0} IS NULL OR {0} <= {1})", Table::column(columns.next_attempt_at),
                         table_->clock(columns.next_attempt_at));
    }
    std::string since = Table::column(columns.locked_at);
    if (table_->has(columns.created_at) &&
        table_->type(columns.created_at).oid == table_->type(columns.locked_at).oid) {
      since = fmt::format("coalesce({}, {})", since, Table::column(columns.created_at));
    }
    return fmt::format(
        "(({due}) OR ({status} = {processing} AND ({since} < {now} - interval '{patience} "
        "milliseconds' OR {holder} IN (SELECT m.member_name FROM {members} m WHERE {mine}))))",
        fmt::arg("due", due), fmt::arg("status", status), fmt::arg("processing", processing),
        fmt::arg("since", since), fmt::arg("now", table_->clock(columns.locked_at)),
        fmt::arg("patience", shared_->options().lock_timeout.count()),
        fmt::arg("holder", Table::column(columns.locked_by)),
        fmt::arg("members", table_->own("members")), fmt::arg("mine", table_->mine("m")));
  }

  // Gives back what a commit of unknown outcome may have left marked as ours.
  void release_doubtful() {
    if (doubtful_.empty()) return;
    const TableColumns& columns = table_->shape().columns;
    Parameters parameters;
    bind_ids(parameters, *table_, doubtful_, [](const RowId& id) -> const RowId& { return id; });
    parameters.text(shared_->options().member_name);
    connection_.run(
        doing,
        fmt::format(
            "UPDATE {} t SET {} = {}, {} = NULL, {} = NULL{} WHERE {} = ANY ({}) "
            "AND {} = {} AND {} = $2",
            table_->name(), quote_identifier(*columns.status),
            table_->word(table_->shape().status.pending), quote_identifier(*columns.locked_by),
            quote_identifier(*columns.locked_at), table_->touch(), Table::column(columns.id),
            table_->id_array("$1"), Table::column(columns.status),
            quote_literal(*table_->shape().status.processing), Table::column(columns.locked_by)),
        parameters);
    doubtful_.clear();
  }

  std::shared_ptr<Shared> shared_;
  Connection connection_;
  std::shared_ptr<const Table> table_;
  std::optional<RowReader> reader_;
  std::string eligible_;
  std::vector<RowId> doubtful_;
  int slots_ = 1;
};

}  // namespace

std::unique_ptr<Capture> make_row_capture(std::shared_ptr<Shared> shared) {
  return std::make_unique<RowCapture>(std::move(shared));
}

}  // namespace outbox::store::postgres
