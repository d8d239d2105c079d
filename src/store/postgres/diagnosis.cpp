// SPDX-License-Identifier: Apache-2.0
#include "store/postgres/diagnosis.hpp"

#include <utility>

namespace outbox::store::postgres {
namespace {

using namespace std::chrono_literals;

ConnectionOptions doctor_options(const Shared& shared) {
  ConnectionOptions options = shared.connection_options("doctor");
  options.statement_timeout = 5s;
  options.lock_timeout = 1s;
  return options;
}

class PostgresDiagnosis final : public Diagnosis {
 public:
  PostgresDiagnosis(std::shared_ptr<Shared> shared, const DiagnosisLimits& limits)
      : shared_(std::move(shared)), limits_(limits), connection_(doctor_options(*shared_)) {}

  std::vector<Finding> examine() override {
    Examination examination(limits_.budget);
    Patient patient{*shared_, connection_, limits_};
    // Where the server is away that is the answer, and not so many notices.
    connection_.run("asking for a sign of life", "SELECT 1", Parameters(), Effect::reads);
    examine_connection(examination, patient);
    examine_settings(examination, patient);
    examination.check("clock", [&] {
      examine_clock(
          examination, [this] { return clock_us(); }, limits_.clock_difference);
    });
    examination.check("schema-version",
                      [&] { examine_schema(examination, *make_migrations(shared_)); });
    examine_activity(examination, patient);
    std::shared_ptr<const Table> table;
    examination.check("outbox-table", [&] {
      examine_outbox(examination, [&] { return (table = shared_->table(connection_))->name(); });
    });
    if (table) {
      examine_rights(examination, patient, *table);
      examine_table(examination, patient, *table);
    }
    return examination.take();
  }

  TableFigures figures() override {
    return read_figures(connection_, *shared_->table(connection_));
  }

  std::vector<ReplicationSlot> replication_slots() override {
    try {
      return read_slots(connection_);
    } catch (const SqlError& error) {
      if (error.sqlstate() != "42501") throw;
      return {};
    }
  }

  std::int64_t clock_us() override {
    return connection_
        .run("reading the clock",
             "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint", Parameters(),
             Effect::reads)
        .number(0, 0);
  }

 private:
  std::shared_ptr<Shared> shared_;
  const DiagnosisLimits limits_;
  Connection connection_;
};

}  // namespace

std::unique_ptr<Diagnosis> make_diagnosis(std::shared_ptr<Shared> shared,
                                          const DiagnosisLimits& limits) {
  return std::make_unique<PostgresDiagnosis>(std::move(shared), limits);
}

std::unique_ptr<Diagnosis> make_diagnosis(std::shared_ptr<Shared> shared) {
  return make_diagnosis(std::move(shared), DiagnosisLimits{});
}

}  // namespace outbox::store::postgres
