// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include <fmt/format.h>

#include "store/mariadb/seams.hpp"

namespace outbox::store::mariadb {
namespace {

std::string microseconds_of(std::string_view time) {
  return fmt::format("timestampdiff(MICROSECOND, '1970-01-01', {})", time);
}

std::string time_of(DatabaseTime time) {
  return fmt::format("(CAST('1970-01-01' AS DATETIME(6)) + INTERVAL {} MICROSECOND)",
                     time.time_since_epoch().count());
}

DatabaseTime database_time(std::int64_t microseconds) {
  return DatabaseTime(std::chrono::microseconds(microseconds));
}

class MariadbSchedules final : public Schedules {
 public:
  explicit MariadbSchedules(std::shared_ptr<Shared> shared)
      : shared_(std::move(shared)), connection_(shared_->connection_options("schedules")) {}

  JobState state(const std::string& job) override {
    prepare();
    const std::string read =
        fmt::format("SELECT {}, {} FROM {} j WHERE {}", microseconds_of(now_sql),
                    microseconds_of("j.last_due"), table_, named(job));
    Result found = connection_.run("reading a job's state", read, Effect::reads);
    if (found.rows() == 0) {
      connection_.run("entering a job",
                      fmt::format("INSERT IGNORE INTO {} (outbox_table, name) VALUES ({}, {})",
                                  table_, outbox(), quote_text(job)));
      found = connection_.run("reading a job's state", read, Effect::reads);
    }
    if (!found.next()) throw Error(ErrorKind::failed, "MariaDB: the job " + job + " has no row");
    JobState state{.now = database_time(found.number(0)), .last_due = std::nullopt};
    if (!found.is_null(1)) state.last_due = database_time(found.number(1));
    return state;
  }

  bool begin_run(const std::string& job, std::optional<DatabaseTime> expected,
                 DatabaseTime due) override {
    prepare();
    const std::string stands = expected ? "= " + time_of(*expected) : "IS NULL";
    return connection_
               .run("beginning a job's run",
                    fmt::format("UPDATE {} j SET j.last_due = {} WHERE {} AND j.last_due {}",
                                table_, time_of(due), named(job), stands))
               .touched() == 1;
  }

 private:
  [[nodiscard]] std::string outbox() const { return quote_text(shared_->options().table.table); }
  [[nodiscard]] std::string named(const std::string& job) const {
    return fmt::format("j.outbox_table = {} AND j.name = {}", outbox(), quote_text(job));
  }

  void prepare() {
    if (table_.empty()) table_ = own_table(connection_, shared_->options(), "outboxd_jobs");
  }

  std::shared_ptr<Shared> shared_;
  Connection connection_;
  std::string table_;
};

}  // namespace

std::unique_ptr<Schedules> make_schedules(std::shared_ptr<Shared> shared) {
  return std::make_unique<MariadbSchedules>(std::move(shared));
}

}  // namespace outbox::store::mariadb
