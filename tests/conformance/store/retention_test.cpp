// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <fmt/format.h>

#include "conformance/store/store_under_test.hpp"

namespace outbox::testing {
namespace {

using ::testing::HasSubstr;
using namespace std::chrono_literals;

constexpr std::chrono::hours month{30 * 24};

/// Rows of the year 2001 with that status; their ids.
std::vector<std::string> old_rows(StoreUnderTest& store, const std::string& status,
                                  std::size_t count) {
  std::vector<store::NewEvent> events(count);
  for (std::size_t i = 0; i < count; ++i) {
    events[i].aggregate_type = "order";
    events[i].aggregate_id = fmt::format("{}-{}", status, i);
    events[i].event_type = "ORDER_PAID";
    events[i].payload = "{}";
  }
  std::vector<std::string> ids = store.open(store.options()).events()->insert(events);
  for (const std::string& id : ids) {
    store.execute(
        fmt::format("UPDATE outbox_events SET status = '{}', created_at = '2001-01-01 00:00:00', "
                    "published_at = '2001-01-01 00:00:00' WHERE id = {}",
                    status, id));
  }
  return ids;
}

std::size_t standing(StoreUnderTest& store, const std::vector<std::string>& ids) {
  std::size_t count = 0;
  for (const std::string& id : ids)
    count += store.row(id) ? 1 : 0;
  return count;
}

store::RetentionRequest request(std::size_t rows_max = 1000) {
  return {.keep = month, .archive_table = {}, .rows_max = rows_max};
}

/// All steps of one walk; the rows that went.
std::int64_t walk(store::Retention& retention, const store::RetentionRequest& request) {
  std::int64_t rows = 0;
  for (int calls = 0; calls < 1000; ++calls) {
    const store::RetentionStep step = retention.clear_published(request);
    rows += step.rows;
    if (step.reached_end) return rows;
  }
  ADD_FAILURE() << "the walk has no end";
  return rows;
}

TEST_P(StoreConformance, rows_that_are_not_published_stay_however_old_they_are) {
  std::vector<std::string> others;
  for (const char* status : {"PENDING", "PROCESSING", "FAILED", "DEAD"}) {
    for (std::string& id : old_rows(*store_, status, 3))
      others.push_back(std::move(id));
  }
  const std::vector<std::string> published = old_rows(*store_, "PUBLISHED", 5);
  const auto retaining = store_->open(options()).retention();
  EXPECT_EQ(walk(*retaining, request()), 5);
  EXPECT_EQ(standing(*store_, published), 0U);
  EXPECT_EQ(standing(*store_, others), 12U);
}

TEST_P(StoreConformance, rows_that_were_published_lately_stay) {
  Member relay = join(options());
  const std::vector<std::string> late = insert({"a", "b"});
  store_->execute("UPDATE outbox_events SET created_at = '2001-01-01 00:00:00'");
  relay.publish(relay.read());
  const std::vector<std::string> old = old_rows(*store_, "PUBLISHED", 1);
  EXPECT_EQ(walk(*store_->open(options()).retention(), request()), 1);
  EXPECT_EQ(standing(*store_, late), 2U);
  EXPECT_EQ(standing(*store_, old), 0U);
}

TEST_P(StoreConformance, a_published_row_without_its_time_goes_by_when_it_was_made) {
  const std::vector<std::string> ids = old_rows(*store_, "PUBLISHED", 2);
  store_->execute("UPDATE outbox_events SET published_at = NULL");
  EXPECT_EQ(walk(*store_->open(options()).retention(), request()), 2);
  EXPECT_EQ(standing(*store_, ids), 0U);
}

TEST_P(StoreConformance, each_call_removes_one_portion_and_the_next_goes_on_behind_it) {
  old_rows(*store_, "PUBLISHED", 25);
  const auto retaining = store_->open(options()).retention();
  store::RetentionStep step = retaining->clear_published(request(10));
  EXPECT_EQ(step.rows, 10);
  EXPECT_FALSE(step.reached_end);
  step = retaining->clear_published(request(10));
  EXPECT_EQ(step.rows, 10);
  EXPECT_FALSE(step.reached_end);
  step = retaining->clear_published(request(10));
  EXPECT_EQ(step.rows, 5);
  EXPECT_TRUE(step.reached_end);
}

TEST_P(StoreConformance, what_stands_in_between_is_walked_over_a_bounded_number_at_a_time) {
  const std::vector<std::string> before = old_rows(*store_, "DEAD", 35);
  const std::vector<std::string> behind = old_rows(*store_, "PUBLISHED", 1);
  const auto retaining = store_->open(options()).retention();
  for (int call = 0; call < 3; ++call) {
    const store::RetentionStep step = retaining->clear_published(request(1));
    EXPECT_EQ(step.rows, 0);
    EXPECT_FALSE(step.reached_end);
  }
  EXPECT_EQ(retaining->clear_published(request(1)).rows, 1);
  EXPECT_TRUE(retaining->clear_published(request(1)).reached_end);
  EXPECT_EQ(standing(*store_, before), 35U);
  EXPECT_EQ(standing(*store_, behind), 0U);
}

TEST_P(StoreConformance, the_walk_ends_where_nothing_old_follows) {
  std::vector<std::string> keys;
  for (int i = 0; i < 50; ++i)
    keys.push_back(std::to_string(i));
  insert(keys);
  EXPECT_TRUE(store_->open(options()).retention()->clear_published(request(1)).reached_end)
      << "ids follow the time: behind a window of young rows there are younger ones";
}

TEST_P(StoreConformance, a_new_walk_finds_what_has_become_old_behind_the_last_one) {
  const auto retaining = store_->open(options()).retention();
  const std::vector<std::string> late = insert({"late"});
  EXPECT_EQ(walk(*retaining, request()), 0);
  const std::vector<std::string> ids = old_rows(*store_, "PUBLISHED", 3);
  EXPECT_EQ(walk(*retaining, request()), 3);
  EXPECT_EQ(standing(*store_, late), 1U);
}

TEST_P(StoreConformance, archived_rows_are_whole_and_gone_from_the_outbox) {
  const auto retaining = store_->open(options()).retention();
  EXPECT_THAT(retaining->make_archive("outbox_archive", true), HasSubstr("CREATE TABLE"));
  EXPECT_THAT(retaining->make_archive("outbox_archive", false), HasSubstr("archived_at"));
  EXPECT_EQ(retaining->make_archive("outbox_archive", false), "") << "it is there";
  const std::vector<std::string> ids = old_rows(*store_, "PUBLISHED", 4);
  const std::vector<std::string> dead = old_rows(*store_, "DEAD", 1);
  store::RetentionRequest archiving = request(3);
  archiving.archive_table = "outbox_archive";
  EXPECT_EQ(walk(*retaining, archiving), 4);
  EXPECT_EQ(standing(*store_, ids), 0U);
  store_->execute(
      "INSERT INTO outbox_events (id, event_id, aggregate_type, aggregate_id, event_type, payload, "
      "status, published_at, retry_count) SELECT id, event_id, aggregate_type, aggregate_id, "
      "event_type, payload, status, published_at, 7 FROM outbox_archive "
      "WHERE archived_at IS NOT NULL AND status = 'PUBLISHED'");
  EXPECT_EQ(standing(*store_, ids), 4U);
  EXPECT_EQ(store_->row(ids.front())->retry_count, 7);
  EXPECT_EQ(standing(*store_, dead), 1U);
}

TEST_P(StoreConformance, an_archive_that_is_not_there_is_named_and_nothing_goes) {
  const std::vector<std::string> ids = old_rows(*store_, "PUBLISHED", 2);
  store::RetentionRequest archiving = request();
  archiving.archive_table = "outbox_archive";
  try {
    store_->open(options()).retention()->clear_published(archiving);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::not_found);
    EXPECT_THAT(error.what(), HasSubstr("outbox_archive"));
  }
  EXPECT_EQ(standing(*store_, ids), 2U);
}

TEST_P(StoreConformance, an_archive_that_lacks_a_column_is_refused_and_nothing_goes) {
  const std::vector<std::string> ids = old_rows(*store_, "PUBLISHED", 2);
  store_->execute("CREATE TABLE outbox_archive (id bigint, event_id char(36))");
  store::RetentionRequest archiving = request();
  archiving.archive_table = "outbox_archive";
  try {
    store_->open(options()).retention()->clear_published(archiving);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::configuration);
    EXPECT_THAT(error.what(), HasSubstr("aggregate_type"));
  }
  EXPECT_EQ(standing(*store_, ids), 2U);
}

TEST_P(StoreConformance, a_preview_counts_what_would_go_and_changes_nothing) {
  const std::vector<std::string> ids = old_rows(*store_, "PUBLISHED", 5);
  old_rows(*store_, "PENDING", 2);
  const auto retaining = store_->open(options()).retention();
  store::RetentionView view = retaining->preview(request(), month, 100);
  EXPECT_EQ(view.rows, 5);
  EXPECT_EQ(view.inbox_rows, 0);
  EXPECT_TRUE(view.exact);
  view = retaining->preview(request(), 0ms, 3);
  EXPECT_EQ(view.rows, 3);
  EXPECT_FALSE(view.exact);
  EXPECT_EQ(standing(*store_, ids), 5U);
}

TEST_P(StoreConformance, old_claims_leave_the_inbox_in_portions) {
  for (int i = 10; i < 35; ++i) {
    store_->execute(
        fmt::format("INSERT INTO processed_events (consumer_name, event_id, processed_at) VALUES "
                    "('stock', '00000000-0000-4000-8000-0000000000{}', '2001-01-01 00:00:00')",
                    i));
  }
  store_->execute(
      "INSERT INTO processed_events (consumer_name, event_id) VALUES "
      "('analytics', '00000000-0000-4000-8000-000000000010')");
  const auto retaining = store_->open(options()).retention();
  EXPECT_EQ(retaining->preview(request(), month, 100).inbox_rows, 25);
  std::int64_t rows = 0;
  int calls = 0;
  for (bool end = false; !end && calls < 100; ++calls) {
    const store::RetentionStep step = retaining->clear_inbox(month, 10);
    EXPECT_LE(step.rows, 10);
    rows += step.rows;
    end = step.reached_end;
  }
  EXPECT_EQ(rows, 25);
  EXPECT_EQ(calls, 3);
  EXPECT_EQ(retaining->clear_inbox(1ms, 10).rows, 1) << "the young one was left";
}

TEST_P(StoreConformance, the_relay_goes_on_reading_and_settling_behind_what_was_removed) {
  Member relay = join(options());
  old_rows(*store_, "PUBLISHED", 30);
  const std::vector<std::string> ids = insert({"a", "b", "c"});
  const auto retaining = store_->open(options()).retention();
  retaining->clear_published(request(10));
  const RowBatch batch = relay.read();
  EXPECT_EQ(StoreConformance::ids(batch), ids);
  walk(*retaining, request(10));
  EXPECT_EQ(relay.publish(batch).rows_settled, 3);
  EXPECT_EQ(standing(*store_, ids), 3U);
}

}  // namespace
}  // namespace outbox::testing
