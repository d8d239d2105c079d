// SPDX-License-Identifier: Apache-2.0
#include "core/clock.hpp"
#include "store/sqlite/seams.hpp"

namespace outbox::store::sqlite {

namespace {

DatabaseTime database_time(std::int64_t microseconds) {
  return DatabaseTime(std::chrono::microseconds(microseconds));
}

class SqliteSchedules final : public Schedules {
 public:
  explicit SqliteSchedules(SharedContext context) : context_(std::move(context)) {}

  JobState state(const std::string& job) override {
    const Turn turn = context_->write();
    Transaction transaction(turn.connection());
    turn.connection()
        .query("INSERT OR IGNORE INTO outboxd_jobs (outbox_table, name) VALUES (?1, ?2)",
               context_->table_name, job)
        .run();
    JobState state{.now = database_time(wall_clock_us()), .last_due = std::nullopt};
    {
      Query query = turn.connection().query(
          "SELECT last_due FROM outboxd_jobs WHERE outbox_table = ?1 AND name = ?2",
          context_->table_name, job);
      if (query.step() && !query.is_null(0)) state.last_due = database_time(query.integer(0));
    }
    transaction.commit();
    return state;
  }

  bool begin_run(const std::string& job, std::optional<DatabaseTime> expected,
                 DatabaseTime due) override {
    const Turn turn = context_->write();
    Transaction transaction(turn.connection());
    Query query = turn.connection().query(
        "UPDATE outboxd_jobs SET last_due = ?3 WHERE outbox_table = ?1 AND name = ?2 "
        "AND last_due IS ?4",
        context_->table_name, job, due.time_since_epoch().count());
    if (expected) {
      query.bind(4, expected->time_since_epoch().count());
    } else {
      query.bind(4, nullptr);
    }
    query.run();
    const bool begun = turn.connection().changes() == 1;
    transaction.commit();
    return begun;
  }

 private:
  const SharedContext context_;
};

}  // namespace

std::unique_ptr<Schedules> make_schedules(SharedContext context) {
  return std::make_unique<SqliteSchedules>(std::move(context));
}

}  // namespace outbox::store::sqlite
