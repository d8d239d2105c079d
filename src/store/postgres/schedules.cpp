// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include <fmt/format.h>

#include "store/postgres/seams.hpp"

namespace outbox::store::postgres {
namespace {

std::string microseconds_of(std::string_view time) {
  return fmt::format("(extract(epoch FROM {}) * 1000000)::bigint", time);
}

// A number of microseconds as a time, exact to the last of them: NULL stays NULL.
std::string time_of(std::string_view parameter) {
  return fmt::format("(timestamptz 'epoch' + {}::bigint * interval '1 microsecond')", parameter);
}

DatabaseTime database_time(std::int64_t microseconds) {
  return DatabaseTime(std::chrono::microseconds(microseconds));
}

class PostgresSchedules final : public Schedules {
 public:
  explicit PostgresSchedules(std::shared_ptr<Shared> shared)
      : shared_(std::move(shared)), connection_(shared_->connection_options("schedules")) {}

  JobState state(const std::string& job) override {
    prepare();
    const std::string columns =
        fmt::format("{}, {}", microseconds_of("clock_timestamp()"), microseconds_of("j.last_due"));
    const std::string read = fmt::format(
        "SELECT {} FROM {} j WHERE j.outbox_table = {} AND j.name = $1", columns, table_, outbox());
    Result found =
        connection_.run("reading a job's state", read, Parameters().text(job), Effect::reads);
    if (found.rows() == 0) {
      connection_.run("entering a job",
                      fmt::format("INSERT INTO {} (outbox_table, name) VALUES ({}, $1) "
                                  "ON CONFLICT DO NOTHING",
                                  table_, outbox()),
                      Parameters().text(job));
      found = connection_.run("reading a job's state", read, Parameters().text(job), Effect::reads);
    }
    JobState state{.now = database_time(found.number(0, 0)), .last_due = std::nullopt};
    if (!found.is_null(0, 1)) state.last_due = database_time(found.number(0, 1));
    return state;
  }

  bool begin_run(const std::string& job, std::optional<DatabaseTime> expected,
                 DatabaseTime due) override {
    prepare();
    Parameters parameters;
    parameters.text(job).number(due.time_since_epoch().count());
    std::string stands = "IS NULL";
    if (expected) {
      stands = "= " + time_of("$3");
      parameters.number(expected->time_since_epoch().count());
    }
    const Result begun = connection_.run(
        "beginning a job's run",
        fmt::format("UPDATE {} j SET last_due = {} WHERE j.outbox_table = {} AND j.name = $1 "
                    "AND j.last_due {}",
                    table_, time_of("$2"), outbox(), stands),
        parameters);
    return begun.touched() == 1;
  }

 private:
  [[nodiscard]] std::string outbox() const { return quote_literal(shared_->options().table.table); }

  void prepare() {
    if (table_.empty()) table_ = find_own_table(connection_, shared_->options(), "outboxd_jobs");
  }

  std::shared_ptr<Shared> shared_;
  Connection connection_;
  std::string table_;
};

}  // namespace

std::unique_ptr<Schedules> make_schedules(std::shared_ptr<Shared> shared) {
  return std::make_unique<PostgresSchedules>(std::move(shared));
}

}  // namespace outbox::store::postgres
