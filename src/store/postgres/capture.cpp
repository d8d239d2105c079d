// SPDX-License-Identifier: Apache-2.0
//
// Capture `lease`: unsettled rows are read without locking any of them; the slots' leases keep
// other instances of ours away.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "store/postgres/floor.hpp"
#include "store/postgres/read_filter.hpp"
#include "store/postgres/row_reader.hpp"
#include "store/postgres/seams.hpp"
#include "store/row_limit.hpp"

namespace outbox::store::postgres {
namespace {

constexpr std::string_view doing = "reading the outbox";

class LeaseCapture final : public Capture {
 public:
  explicit LeaseCapture(std::shared_ptr<Shared> shared)
      : shared_(std::move(shared)), connection_(shared_->connection_options("relay capture")) {}

  RowBatch read(const ReadRequest& request) override {
    if (request.leases.empty()) return {};
    prepare();
    try {
      RowBatch batch = read_rows(request);
      limit_.follow(request, batch);
      shared_->replays().add(batch);
      floor_->after_read(batch, table_->shape().order == RowOrder::id);
      return batch;
    } catch (const SqlError& error) {
      floor_->forget();
      if (error.sqlstate() == "57014") limit_.too_slow();
      if (!connection_.is_open()) table_.reset();
      throw;
    }
  }

 private:
  // Again for each new session, since much may have changed meanwhile.
  void prepare() {
    if (table_ && connection_.is_open() && !shared_->is_due(*table_)) return;
    table_ = shared_->table(connection_);
    slots_ = stored_slots(connection_, *table_);
    reader_.emplace(*table_);
    floor_.emplace(*table_);
  }

  RowBatch read_rows(const ReadRequest& request) {
    ReadFilter filter(*table_, request);
    filter.add_floor(floor_->before_read(connection_, request));
    filter.add_buckets(slots_);
    filter.add_exclusions();
    const std::size_t rows_max = limit_.of(request);
    const RowReader::Limits limits{
        .rows_max = rows_max, .bytes_max = request.bytes_max, .slots = slots_};
    const std::string found =
        fmt::format("(SELECT {}, {} AS outboxd_size FROM {} t WHERE {} ORDER BY {} LIMIT {}) t",
                    reader_->columns(), reader_->size(), table_->name(), filter.conditions(),
                    table_->order_by(), rows_max);
    const auto small = static_cast<std::int64_t>(request.bytes_max / rows_max);
    if (!large_rows_) {
      const Result result =
          connection_.run(doing, small_rows_sql(found, small), filter.parameters(), Effect::reads);
      if (largest(result, false) <= small) return reader_->decode(result, limits);
    }
    const Result result =
        connection_.run(doing, budgeted_sql(found, request), filter.parameters(), Effect::reads);
    // Once the large ones are through, back to the cheaper statement.
    large_rows_ = largest(result, true) > small;
    return reader_->decode(result, limits);
  }

  // The usual rows fit into the budget even if there are as many as asked for; then no sum over
  // them is needed, which costs as much as the read itself. A larger one comes without its large
  // values.
  [[nodiscard]] std::string small_rows_sql(const std::string& found, std::int64_t small) const {
    constexpr std::string_view placeholder = "{limit}";
    const std::string limit = std::to_string(small);
    std::string outputs = reader_->guarded_outputs();
    for (std::size_t at = outputs.find(placeholder); at != std::string::npos;
         at = outputs.find(placeholder)) {
      outputs.replace(at, placeholder.size(), limit);
    }
    return fmt::format(
        "SELECT {} FROM (SELECT t.*, t.outboxd_size::bigint AS outboxd_total FROM {}) t "
        "ORDER BY {}",
        outputs, found, table_->order_by());
  }

  // The running sum is over what the innermost part found; values are sent, and large ones fetched,
  // for the rows within the budget alone. The first row comes whatever its size.
  [[nodiscard]] std::string budgeted_sql(const std::string& found,
                                         const ReadRequest& request) const {
    return fmt::format(
        "SELECT {outputs} FROM (SELECT t.*, sum(t.outboxd_size) OVER (ORDER BY {order} "
        "ROWS UNBOUNDED PRECEDING)::bigint AS outboxd_total FROM {found}) t "
        "WHERE t.outboxd_total - t.outboxd_size < {budget} OR t.outboxd_total = t.outboxd_size "
        "ORDER BY {order}",
        fmt::arg("outputs", reader_->outputs()), fmt::arg("order", table_->order_by()),
        fmt::arg("found", found), fmt::arg("budget", request.bytes_max));
  }

  // outboxd_total is the row's own size in one statement and the sum so far in the other.
  [[nodiscard]] std::int64_t largest(const Result& result, bool running) const {
    std::int64_t largest = 0;
    std::int64_t before = 0;
    for (int row = 0; row < result.rows(); ++row) {
      const std::int64_t total = reader_->total(result, row);
      largest = std::max(largest, total - before);
      if (running) before = total;
    }
    return largest;
  }

  std::shared_ptr<Shared> shared_;
  Connection connection_;
  std::shared_ptr<const Table> table_;
  std::optional<RowReader> reader_;
  std::optional<SafeFloor> floor_;
  RowLimit limit_;
  bool large_rows_ = false;
  int slots_ = 1;
};

}  // namespace

std::unique_ptr<Capture> make_lease_capture(std::shared_ptr<Shared> shared) {
  return std::make_unique<LeaseCapture>(std::move(shared));
}

}  // namespace outbox::store::postgres
