// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <latch>
#include <set>
#include <thread>

#include <outbox/scheduler.hpp>

#include "integration/jobs/on_store.hpp"
#include "store/schedules.hpp"
#include "support/services.hpp"

namespace outbox::testing {
namespace {

using ::testing::HasSubstr;
using std::chrono_literals::operator""h;
using std::chrono_literals::operator""min;
using Due = std::chrono::sys_time<std::chrono::microseconds>;

class Schedulers : public OnStore {
 protected:
  [[nodiscard]] SchedulerOptions options() const {
    return {.database_url = own_->url(), .pause_after_error = 100ms, .log_level = "error"};
  }

  // As if the job had been seen, and run, that long ago.
  void last_ran(const std::string& job, std::chrono::microseconds ago) const {
    const auto schedules = own_->home().schedules();
    schedules->begin_run(job, std::nullopt, schedules->state(job).now - ago);
  }
};

TEST_P(Schedulers, two_instances_run_each_due_time_once_and_never_two_at_a_time) {
  std::mutex mutex;
  std::vector<Due> dues;
  std::vector<std::int64_t> numbers;
  std::atomic<int> running = 0;
  Tally runs;
  const auto job = [&](const JobRun& run) {
    EXPECT_EQ(++running, 1);
    EXPECT_EQ(run.job, "tick");
    {
      const std::lock_guard lock(mutex);
      dues.push_back(run.due);
      numbers.push_back(run.fencing_number);
    }
    --running;
    runs.add();
  };
  Scheduler first(options());
  Scheduler second(options());
  first.every("tick", 200ms, job);
  second.every("tick", 200ms, job);
  {
    std::jthread one([&](std::stop_token stop) { first.run(stop); });
    std::jthread two([&](std::stop_token stop) { second.run(stop); });
    EXPECT_TRUE(runs.reaches(10));
  }
  EXPECT_EQ(std::set(dues.begin(), dues.end()).size(), dues.size());
  EXPECT_TRUE(std::is_sorted(dues.begin(), dues.end()));
  EXPECT_TRUE(std::is_sorted(numbers.begin(), numbers.end()));
  for (const Due due : dues)
    EXPECT_EQ(due.time_since_epoch() % 200ms, 0ms);
  EXPECT_EQ(first.counters("tick").runs + second.counters("tick").runs,
            static_cast<std::int64_t>(dues.size()));
}

TEST_P(Schedulers, a_job_that_throws_is_counted_and_goes_on) {
  Tally runs;
  Scheduler scheduler(options());
  scheduler.every("broken", 100ms, [&](const JobRun&) {
    runs.add();
    throw std::runtime_error("broken");
  });
  {
    std::jthread running([&](std::stop_token stop) { scheduler.run(stop); });
    EXPECT_TRUE(runs.reaches(3));
  }
  const JobCounters counters = scheduler.counters("broken");
  EXPECT_EQ(counters.failures, counters.runs);
  EXPECT_EQ(counters.errors, 0);
  EXPECT_FALSE(counters.running);
}

TEST_P(Schedulers, a_job_that_blocks_delays_itself_alone_and_is_told_of_the_end) {
  Tally others;
  std::latch begun(1);
  bool told = false;
  Scheduler scheduler(options());
  scheduler.every("blocking", 100ms, [&](const JobRun& run) {
    begun.count_down();
    told = eventually([&] { return run.stop.stop_requested(); });
  });
  scheduler.every("other", 100ms, [&](const JobRun&) { others.add(); });
  {
    std::jthread running([&](std::stop_token stop) { scheduler.run(stop); });
    begun.wait();
    EXPECT_TRUE(others.reaches(others.count() + 3));
    EXPECT_TRUE(scheduler.counters("blocking").running);
  }
  EXPECT_TRUE(told);
  EXPECT_EQ(scheduler.counters("blocking").runs, 1);
}

TEST_P(Schedulers, missed_runs_are_skipped_run_once_or_run_all) {
  for (const char* const job : {"skip", "once", "all"})
    last_ran(job, 3h + 30min);
  Tally runs;
  std::mutex mutex;
  std::vector<Due> all;
  Scheduler scheduler(options());
  const auto count = [&](const JobRun&) { runs.add(); };
  scheduler.every("skip", 1h, count, {.missed = MissedRuns::skip, .grace = 0ms});
  scheduler.every("once", 1h, count, {.missed = MissedRuns::run_once});
  scheduler.every("all", 1h,
                  [&](const JobRun& run) {
                    const std::lock_guard lock(mutex);
                    all.push_back(run.due);
                    runs.add();
                  },
                  {.missed = MissedRuns::run_all});
  {
    std::jthread running([&](std::stop_token stop) { scheduler.run(stop); });
    EXPECT_TRUE(eventually([&] {
      return scheduler.counters("skip").passed == 1 && scheduler.counters("once").runs == 1 &&
             scheduler.counters("all").runs >= 3;
    }));
  }
  EXPECT_EQ(scheduler.counters("skip").runs, 0);
  EXPECT_TRUE(std::is_sorted(all.begin(), all.end()));
  // Three or four hours began since then.
  EXPECT_THAT(all.size(), ::testing::AnyOf(3U, 4U));
}

TEST_P(Schedulers, a_job_that_was_never_seen_has_missed_nothing) {
  Scheduler scheduler(options());
  scheduler.cron("monthly", "@monthly", [&](const JobRun&) { ADD_FAILURE() << "it ran"; });
  std::jthread running([&](std::stop_token stop) { scheduler.run(stop); });
  EXPECT_TRUE(eventually([&] { return own_->home().schedules()->state("monthly").last_due; }));
}

TEST_P(Schedulers, locks_may_be_in_a_redis) {
  SchedulerOptions with_redis = options();
  with_redis.lock_url = services().redis_url;
  const std::string name = "test-" + to_string(random_uuid());
  Tally runs;
  Scheduler scheduler(with_redis);
  scheduler.every(name, 100ms, [&](const JobRun&) { runs.add(); });
  std::jthread running([&](std::stop_token stop) { scheduler.run(stop); });
  EXPECT_TRUE(runs.reaches(3));
  EXPECT_EQ(value("SELECT count(*) FROM outboxd_locks"), "0");
}

TEST_P(Schedulers, nonsense_is_refused_when_it_is_registered) {
  Scheduler scheduler(options());
  const auto job = [](const JobRun&) {};
  scheduler.every("taken", 1h, job);
  const auto refused = [&](ErrorKind kind, const std::string& word, const auto& call) {
    const Error error = error_of(call);
    EXPECT_EQ(error.kind(), kind) << word;
    EXPECT_THAT(error.what(), HasSubstr(word));
  };
  refused(ErrorKind::usage, "taken", [&] { scheduler.every("taken", 1h, job); });
  refused(ErrorKind::usage, "0x20", [&] { scheduler.every("two words", 1h, job); });
  refused(ErrorKind::usage, "interval", [&] { scheduler.every("zero", 0ms, job); });
  refused(ErrorKind::usage, "empty", [&] { scheduler.every("empty", 1h, {}); });
  refused(ErrorKind::configuration, "minute", [&] { scheduler.cron("c", "99 * * * *", job); });
  refused(ErrorKind::configuration, "no date", [&] { scheduler.cron("c", "0 0 31 2 *", job); });
  refused(ErrorKind::configuration, "jitter",
          [&] { scheduler.every("j", 1h, job, {.jitter = -1ms}); });
  std::stop_source stopped;
  stopped.request_stop();
  scheduler.run(stopped.get_token());
  refused(ErrorKind::usage, "after run", [&] { scheduler.every("late", 1h, job); });
  refused(ErrorKind::usage, "before", [&] { scheduler.run(stopped.get_token()); });
}

TEST_P(Schedulers, without_the_tables_the_remedy_is_named_at_once) {
  const OwnDatabase empty(GetParam());
  Database made({.url = empty.url()});
  made.script("CREATE TABLE something (id integer)");
  Scheduler scheduler({.database_url = empty.url(), .log_level = "error"});
  scheduler.every("tick", 1h, [](const JobRun&) {});
  const Error error = error_of([&] { scheduler.run({}); });
  EXPECT_EQ(error.kind(), ErrorKind::not_found);
  EXPECT_THAT(error.what(), HasSubstr("outboxd migrate"));
}

TEST_P(Schedulers, a_run_that_threw_at_the_start_can_be_called_again) {
  const OwnDatabase empty(GetParam());
  // Makes SQLite's file.
  Database made({.url = empty.url()});
  made.script("CREATE TABLE something (id integer)");
  Scheduler scheduler({.database_url = empty.url(), .log_level = "error"});
  Tally runs;
  scheduler.every("tick", 100ms, [&](const JobRun&) { runs.add(); });
  EXPECT_EQ(error_of([&] { scheduler.run({}); }).kind(), ErrorKind::not_found);
  EXPECT_EQ(error_of([&] { scheduler.run({}); }).kind(), ErrorKind::not_found);
  outbox::migrate(empty.url());
  std::jthread running([&](std::stop_token stop) { scheduler.run(stop); });
  EXPECT_TRUE(runs.reaches(1));
}

INSTANTIATE_TEST_SUITE_P(each, Schedulers, all_stores(), store_name);

}  // namespace
}  // namespace outbox::testing
