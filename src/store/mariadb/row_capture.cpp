// SPDX-License-Identifier: Apache-2.0
//
// Capture `row`: the rows themselves say who works on them, for tables on which other publishers
// work too. A claim is one transaction: leases locked for share, rows locked and marked. Which rows
// is found out without a lock, in order, and only those are locked, by their ids: a locking read
// that sorts, or that passes over rows of others, would lock all that it looks at.
#include <algorithm>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "store/mariadb/fence.hpp"
#include "store/mariadb/read_filter.hpp"
#include "store/mariadb/row_reader.hpp"
#include "store/mariadb/seams.hpp"

namespace outbox::store::mariadb {
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
    RowBatch batch = transact(connection_, [&] { return claim(request); });
    doubtful_.clear();
    return batch;
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
    const std::vector<SlotLease> standing = standing_leases(request);
    if (standing.empty()) return {};
    ReadRequest held = request;
    held.leases = standing;
    const std::size_t rows_max = std::max<std::size_t>(request.rows_max, 1);
    const std::vector<RowId> wanted = find(held, rows_max);
    if (wanted.empty()) return {};
    RowBatch batch = lock(wanted, request, rows_max);
    batch.more = batch.more || wanted.size() >= rows_max;
    if (!batch.rows.empty()) mark(batch);
    return batch;
  }

  std::vector<SlotLease> standing_leases(const ReadRequest& request) {
    const std::vector<int> slots =
        standing_slots(connection_, *table_, request.leases, Lock::share);
    std::vector<SlotLease> leases;
    for (const SlotLease& lease : request.leases) {
      if (std::binary_search(slots.begin(), slots.end(), lease.slot)) leases.push_back(lease);
    }
    return leases;
  }

  std::vector<RowId> find(const ReadRequest& request, std::size_t rows_max) {
    Result found =
        connection_.run(doing,
                        fmt::format("SELECT {} FROM {} WHERE {} AND {} ORDER BY {} LIMIT {}",
                                    Table::column(table_->shape().columns.id), table_->in_order(),
                                    read_conditions(*table_, request, slots_), eligible_,
                                    table_->order_by(), rows_max),
                        Effect::reads);
    std::vector<RowId> ids;
    while (found.next()) {
      RowId& id = ids.emplace_back();
      if (table_->number_ids())
        id.number = found.number(0);
      else
        id.text = found.text(0);
    }
    return ids;
  }

  // Asked for again under the lock: whoever was faster has changed the row.
  RowBatch lock(const std::vector<RowId>& wanted, const ReadRequest& request,
                std::size_t rows_max) {
    const std::size_t small_max = request.bytes_max / rows_max;
    Result found = connection_.run(
        doing, fmt::format("SELECT {} FROM {} WHERE {} AND {} AND {} ORDER BY {} FOR UPDATE SKIP "
                           "LOCKED",
                           reader_->outputs(small_max), table_->by_id(),
                           id_condition(Table::column(table_->shape().columns.id), wanted,
                                        table_->number_ids()),
                           table_->unsettled_by_status(), eligible_, table_->order_by()));
    return reader_->decode(connection_, std::move(found),
                           {.rows_max = rows_max,
                            .bytes_max = request.bytes_max,
                            .small_max = small_max,
                            .slots = slots_});
  }

  void mark(const RowBatch& batch) {
    shared_->replays().add(batch);
    const TableColumns& columns = table_->shape().columns;
    // Were the outcome of the commit unknown, rows could stay marked with nobody at work on them.
    doubtful_.clear();
    for (const OutboxRow& row : batch.rows)
      doubtful_.push_back(row.id);
    connection_.run(
        doing,
        fmt::format("UPDATE {} SET {} = {}, {} = {}, {} = {}{} WHERE {}", table_->by_id(),
                    Table::column(columns.status), quote_text(*table_->shape().status.processing),
                    Table::column(columns.locked_by), quote_text(shared_->options().member_name),
                    Table::column(columns.locked_at), now_sql, table_->touch(),
                    id_condition(Table::column(columns.id), doubtful_, table_->number_ids())));
  }

  // Due rows, and those whose holder is gone: too long at it, or a member of ours. The slot is
  // mine, so whoever of us holds the row gave it up or can no longer settle it; what I hold myself
  // is left out by its id.
  [[nodiscard]] std::string eligible() const {
    const TableColumns& columns = table_->shape().columns;
    const std::string status = Table::column(columns.status);
    const std::string processing = quote_text(*table_->shape().status.processing);
    std::string due = fmt::format("{} <> {}", status, processing);
    if (table_->has(columns.next_attempt_at)) {
      due += fmt::format(" AND ({0} IS NULL OR {0} <= {1})", Table::column(columns.next_attempt_at),
                         now_sql);
    }
    std::string since = Table::column(columns.locked_at);
    if (table_->has(columns.created_at)) {
      since = fmt::format("coalesce({}, {})", since, Table::column(columns.created_at));
    }
    return fmt::format(
        "(({due}) OR ({status} = {processing} AND ({since} < {now} - INTERVAL {patience} "
        "MICROSECOND OR {holder} IN (SELECT m.member_name FROM {members} m WHERE {mine}))))",
        fmt::arg("due", due), fmt::arg("status", status), fmt::arg("processing", processing),
        fmt::arg("since", since), fmt::arg("now", now_sql),
        fmt::arg("patience", std::chrono::microseconds(shared_->options().lock_timeout).count()),
        fmt::arg("holder", table_->as_text(columns.locked_by)),
        fmt::arg("members", table_->own("members")), fmt::arg("mine", table_->mine("m")));
  }

  // Gives back what a commit of unknown outcome may have left marked as ours.
  void release_doubtful() {
    if (doubtful_.empty()) return;
    const TableColumns& columns = table_->shape().columns;
    connection_.run(
        doing,
        fmt::format("UPDATE {} SET {} = {}, {} = NULL, {} = NULL{} WHERE {} AND {} = {} AND {} = "
                    "{}",
                    table_->by_id(), Table::column(columns.status),
                    quote_text(table_->shape().status.pending), Table::column(columns.locked_by),
                    Table::column(columns.locked_at), table_->touch(),
                    id_condition(Table::column(columns.id), doubtful_, table_->number_ids()),
                    Table::column(columns.status), quote_text(*table_->shape().status.processing),
                    Table::column(columns.locked_by), quote_text(shared_->options().member_name)));
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

}  // namespace outbox::store::mariadb
