// SPDX-License-Identifier: Apache-2.0
#include "store/mariadb/diagnosis.hpp"

#include <utility>

#include <fmt/format.h>

namespace outbox::store::mariadb {
namespace {

using namespace std::chrono_literals;

ConnectionOptions doctor_options(const Shared& shared) {
  ConnectionOptions options = shared.connection_options("doctor");
  options.statement_timeout = 5s;
  options.lock_timeout = 1s;
  return options;
}

class MariadbDiagnosis final : public Diagnosis {
 public:
  MariadbDiagnosis(std::shared_ptr<Shared> shared, const DiagnosisLimits& limits)
      : shared_(std::move(shared)), limits_(limits), connection_(doctor_options(*shared_)) {}

  std::vector<Finding> examine() override {
    Examination examination(limits_.budget);
    Patient patient{*shared_, connection_, limits_};
    // Where the server is away that is the answer, and not so many notices.
    connection_.ensure_open();
    examine_server(examination, patient);
    examination.check("clock", [&] {
      examine_clock(
          examination, [this] { return clock_us(); }, limits_.clock_difference);
    });
    examination.check("schema-version",
                      [&] { examine_schema(examination, *make_migrations(shared_)); });
    std::shared_ptr<const Table> table;
    examination.check("outbox-table", [&] {
      examine_outbox(examination, [&] { return (table = shared_->table(connection_))->name(); });
    });
    if (table) examine_table(examination, patient, *table);
    return examination.take();
  }

  TableFigures figures() override {
    return read_figures(connection_, *shared_->table(connection_));
  }

  std::vector<ReplicationSlot> replication_slots() override { return {}; }

  std::int64_t clock_us() override {
    Result found = connection_.run(
        "reading the clock",
        fmt::format("SELECT timestampdiff(MICROSECOND, '1970-01-01', {})", now_sql), Effect::reads);
    return found.next() ? found.number(0) : 0;
  }

 private:
  std::shared_ptr<Shared> shared_;
  const DiagnosisLimits limits_;
  Connection connection_;
};

}  // namespace

std::unique_ptr<Diagnosis> make_diagnosis(std::shared_ptr<Shared> shared,
                                          const DiagnosisLimits& limits) {
  return std::make_unique<MariadbDiagnosis>(std::move(shared), limits);
}

std::unique_ptr<Diagnosis> make_diagnosis(std::shared_ptr<Shared> shared) {
  return make_diagnosis(std::move(shared), DiagnosisLimits{});
}

}  // namespace outbox::store::mariadb
