// SPDX-License-Identifier: Apache-2.0
#include "jobs/cleanup.hpp"

#include <gmock/gmock.h>

#include <deque>
#include <optional>
#include <stop_token>

#include <outbox/error.hpp>

namespace outbox::jobs {
namespace {

using ::testing::ElementsAre;
using namespace std::chrono_literals;

constexpr std::chrono::hours month{30 * 24};

/// Says what it was asked, and answers what the test has laid out.
class FakeRetention final : public store::Retention {
 public:
  store::RetentionStep clear_published(const store::RetentionRequest& request) override {
    calls.push_back("published " + request.archive_table);
    return next(published);
  }
  store::RetentionStep clear_inbox(std::chrono::milliseconds keep, std::size_t) override {
    calls.push_back("inbox " + std::to_string(keep.count()));
    return next(inbox);
  }
  store::RetentionView preview(const store::RetentionRequest&, std::chrono::milliseconds,
                               std::int64_t) override {
    return {};
  }
  store::PartitionChanges keep_partitions(const store::RetentionRequest& request,
                                          int days_ahead) override {
    calls.push_back("days " + std::to_string(days_ahead) +
                    (request.keep.count() > 0 ? " and drop" : ""));
    if (days_failure) throw Error(*days_failure);
    if (days.empty()) return {};
    store::PartitionChanges changes = days.front();
    days.pop_front();
    return changes;
  }
  std::string make_archive(const std::string&, bool) override { return {}; }

  std::vector<std::string> calls;
  std::deque<store::RetentionStep> published;
  std::deque<store::RetentionStep> inbox;
  std::deque<store::PartitionChanges> days;
  std::optional<Error> failure;       ///< Thrown once instead of the next answer.
  std::optional<Error> days_failure;  ///< Thrown whenever days are asked for.

 private:
  store::RetentionStep next(std::deque<store::RetentionStep>& steps) {
    if (failure) {
      const Error error = *failure;
      failure.reset();
      throw error;
    }
    if (steps.empty()) return {.rows = 0, .reached_end = true};
    const store::RetentionStep step = steps.front();
    steps.pop_front();
    return step;
  }
};

CleanupTerms terms() {
  CleanupTerms terms;
  terms.request.keep = month;
  return terms;
}

const CleanupPace at_once{
    .pause = 0ms, .after_busy = 0ms, .after_error = 0ms, .errors_max = 2, .progress = {}};

bool run(FakeRetention& retention, const CleanupTerms& terms, CleanupSummary& summary) {
  Logger logger(LogLevel::error);
  Cleanup cleanup(retention, terms);
  const bool whole = clean_up(cleanup, at_once, logger, std::stop_token());
  summary = cleanup.summary();
  return whole;
}

TEST(Cleanup, drops_days_before_it_looks_for_rows_and_ends_with_the_last_portion) {
  FakeRetention retention;
  retention.published = {{10, false}, {0, false}, {3, true}};
  CleanupSummary summary;
  EXPECT_TRUE(run(retention, terms(), summary));
  EXPECT_THAT(retention.calls,
              ElementsAre("days 3 and drop", "published ", "published ", "published "));
  EXPECT_EQ(summary.rows, 13);
}

TEST(Cleanup, moves_rows_to_the_archive_before_it_drops_the_days_they_stood_in) {
  FakeRetention retention;
  retention.days = {{.created = {"p4"}, .dropped = {}, .kept = {"p1"}, .hindered = {}},
                    {.created = {}, .dropped = {"p1"}, .kept = {}, .hindered = {}}};
  CleanupTerms archiving = terms();
  archiving.request.archive_table = "a";
  CleanupSummary summary;
  EXPECT_TRUE(run(retention, archiving, summary));
  EXPECT_THAT(retention.calls, ElementsAre("days 3 and drop", "published a", "days 3 and drop"));
  EXPECT_THAT(summary.created, ElementsAre("p4"));
  EXPECT_THAT(summary.dropped, ElementsAre("p1"));
  EXPECT_TRUE(summary.kept.empty()) << "as the last look found it";
}

TEST(Cleanup, only_makes_days_where_published_rows_are_to_stay) {
  FakeRetention retention;
  CleanupTerms keeping = terms();
  keeping.clears_published = false;
  CleanupSummary summary;
  EXPECT_TRUE(run(retention, keeping, summary));
  EXPECT_THAT(retention.calls, ElementsAre("days 3"));
}

TEST(Cleanup, lets_the_inbox_forget_only_where_a_time_is_given) {
  FakeRetention retention;
  retention.inbox = {{7, false}, {1, true}};
  CleanupTerms forgetting = terms();
  forgetting.inbox_keep = 5ms;
  CleanupSummary summary;
  EXPECT_TRUE(run(retention, forgetting, summary));
  EXPECT_THAT(retention.calls, ElementsAre("days 3 and drop", "published ", "inbox 5", "inbox 5"));
  EXPECT_EQ(summary.inbox_rows, 8);
}

TEST(Cleanup, tries_a_table_in_use_once_more_and_goes_on) {
  FakeRetention retention;
  store::PartitionChanges busy;
  busy.busy = true;
  retention.days = {busy, busy, busy, busy, busy, busy};
  CleanupSummary summary;
  EXPECT_TRUE(run(retention, terms(), summary));
  EXPECT_TRUE(summary.days_busy);
  EXPECT_THAT(retention.calls, ElementsAre("days 3 and drop", "days 3 and drop", "published "));
}

TEST(Cleanup, waits_longer_for_a_table_in_use_than_between_two_portions) {
  FakeRetention retention;
  store::PartitionChanges busy;
  busy.busy = true;
  retention.days = {busy};
  Cleanup cleanup(retention, terms());
  EXPECT_TRUE(cleanup.step());
  EXPECT_TRUE(cleanup.found_busy());
  EXPECT_TRUE(cleanup.step());
  EXPECT_FALSE(cleanup.found_busy());
  EXPECT_FALSE(cleanup.summary().days_busy) << "the second time it had the table";
  EXPECT_GE(CleanupPace{}.after_busy, 100 * CleanupPace{}.pause);
}

TEST(Cleanup, removes_rows_and_claims_though_days_may_not_be_touched_and_then_says_so) {
  FakeRetention retention;
  retention.days_failure = Error(ErrorKind::configuration, "DROP command denied");
  retention.published = {{5, true}};
  retention.inbox = {{7, true}};
  CleanupTerms both = terms();
  both.inbox_keep = 5ms;
  both.request.archive_table = "a";
  Logger logger(LogLevel::error);
  Cleanup cleanup(retention, both);
  try {
    clean_up(cleanup, at_once, logger, std::stop_token());
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::configuration);
    EXPECT_STREQ(error.what(), "DROP command denied");
  }
  EXPECT_EQ(cleanup.summary().rows, 5);
  EXPECT_EQ(cleanup.summary().inbox_rows, 7);
}

TEST(Cleanup, leaves_days_that_fail_again_and_again_and_cleans_up_the_rest) {
  FakeRetention retention;
  retention.days_failure = Error(ErrorKind::failed, "no");
  retention.published = {{5, true}};
  CleanupSummary summary;
  EXPECT_THROW(run(retention, terms(), summary), Error);
  EXPECT_THAT(retention.calls,
              ElementsAre("days 3 and drop", "days 3 and drop", "days 3 and drop", "published "));
}

TEST(Cleanup, tries_a_portion_again_after_an_error_that_passes) {
  FakeRetention retention;
  retention.failure = Error(ErrorKind::unreachable, "away");
  retention.published = {{5, true}};
  CleanupSummary summary;
  EXPECT_TRUE(run(retention, terms(), summary));
  EXPECT_EQ(summary.rows, 5);
}

TEST(Cleanup, ends_at_once_with_an_error_that_a_person_has_to_mend) {
  FakeRetention retention;
  retention.failure = Error(ErrorKind::not_found, "no archive");
  CleanupSummary summary;
  EXPECT_THROW(run(retention, terms(), summary), Error);
  EXPECT_EQ(retention.calls.size(), 2U);
}

TEST(Cleanup, ends_between_two_portions_when_it_is_asked_to_stop) {
  FakeRetention retention;
  retention.published = {{5, false}, {5, false}, {5, true}};
  std::stop_source stop;
  Logger logger(LogLevel::error);
  Cleanup cleanup(retention, terms());
  CleanupPace pace = at_once;
  pace.progress = [&](const CleanupSummary& so_far) {
    if (so_far.rows == 5) stop.request_stop();
  };
  EXPECT_FALSE(clean_up(cleanup, pace, logger, stop.get_token()));
  EXPECT_EQ(cleanup.summary().rows, 5);
}

}  // namespace
}  // namespace outbox::jobs
