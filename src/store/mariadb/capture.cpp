// SPDX-License-Identifier: Apache-2.0
//
// Capture `lease`: unsettled rows are read without locking any of them; the slots' leases keep
// other instances of ours away. Each read begins with the first unsettled row, which the index
// finds: an id may be drawn early and committed late, and MariaDB tells nobody without special
// rights which transactions still live, so that no id may be skipped (trap 44).
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "store/mariadb/read_filter.hpp"
#include "store/mariadb/row_reader.hpp"
#include "store/mariadb/seams.hpp"
#include "store/row_limit.hpp"

namespace outbox::store::mariadb {
namespace {

class LeaseCapture final : public Capture {
 public:
  explicit LeaseCapture(std::shared_ptr<Shared> shared)
      : shared_(std::move(shared)), connection_(shared_->connection_options("relay capture")) {}

  RowBatch read(const ReadRequest& request) override {
    if (request.leases.empty()) return {};
    prepare();
    try {
      const std::size_t rows_max = limit_.of(request);
      const RowReader::Limits limits{.rows_max = rows_max,
                                     .bytes_max = request.bytes_max,
                                     .small_max = request.bytes_max / rows_max,
                                     .slots = slots_};
      RowBatch batch = reader_->decode(
          connection_,
          connection_.run(
              "reading the outbox",
              fmt::format("SELECT {} FROM {} WHERE {} ORDER BY {} LIMIT {}",
                          reader_->outputs(limits.small_max), table_->in_order(),
                          read_conditions(*table_, request, slots_), table_->order_by(), rows_max),
              Effect::reads),
          limits);
      limit_.follow(request, batch);
      shared_->replays().add(batch);
      return batch;
    } catch (const SqlError& error) {
      if (error.is_too_slow()) limit_.too_slow();
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
  }

  std::shared_ptr<Shared> shared_;
  Connection connection_;
  std::shared_ptr<const Table> table_;
  std::optional<RowReader> reader_;
  RowLimit limit_;
  int slots_ = 1;
};

}  // namespace

std::unique_ptr<Capture> make_lease_capture(std::shared_ptr<Shared> shared) {
  return std::make_unique<LeaseCapture>(std::move(shared));
}

}  // namespace outbox::store::mariadb
