// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include "conformance/store/store_under_test.hpp"

namespace outbox::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::vector<Uuid> uuids(int count) {
  std::vector<Uuid> uuids;
  for (int i = 0; i < count; ++i)
    uuids.push_back(random_uuid());
  return uuids;
}

TEST_P(StoreConformance, an_event_is_claimed_once_for_each_consumer) {
  store::HomeOptions stock = options();
  stock.consumer_name = "stock";
  store::HomeOptions sales = options();
  sales.consumer_name = "sales";
  const std::vector<Uuid> events = uuids(2);
  const auto claim = [&](const store::HomeOptions& of) {
    const auto inbox = store_->open(of).inbox();
    const auto transaction = inbox->begin();
    std::vector<bool> is_new = transaction->claim(events);
    transaction->commit();
    return is_new;
  };
  EXPECT_THAT(claim(stock), ElementsAre(true, true));
  EXPECT_THAT(claim(stock), ElementsAre(false, false));
  EXPECT_THAT(claim(sales), ElementsAre(true, true));
}

TEST_P(StoreConformance, an_id_that_stands_twice_in_a_batch_is_new_once) {
  store::HomeOptions stock = options();
  stock.consumer_name = "stock";
  const std::vector<Uuid> two = uuids(2);
  const std::vector<Uuid> batch = {two[0], two[1], two[0]};
  const auto inbox = store_->open(stock).inbox();
  EXPECT_THAT(inbox->begin()->claim(batch), ElementsAre(true, true, false));
}

TEST_P(StoreConformance, a_claim_that_is_rolled_back_can_be_made_again) {
  store::HomeOptions stock = options();
  stock.consumer_name = "stock";
  const std::vector<Uuid> events = uuids(1);
  const auto inbox = store_->open(stock).inbox();
  EXPECT_THAT(inbox->begin()->claim(events), ElementsAre(true));
  EXPECT_THAT(inbox->begin()->claim(events), ElementsAre(true));
}

TEST_P(StoreConformance, a_handlers_changes_are_undone_to_the_savepoint_and_the_rest_commits) {
  store::HomeOptions stock = options();
  stock.consumer_name = "stock";
  const auto inbox = store_->open(stock).inbox();
  store_->execute("CREATE TABLE effects (name text)");
  {
    const auto transaction = inbox->begin();
    const std::vector<std::optional<std::string>> kept = {"kept"};
    const std::vector<std::optional<std::string>> undone = {"undone"};
    transaction->execute("INSERT INTO effects VALUES ($1)", kept);
    transaction->savepoint();
    transaction->execute("INSERT INTO effects VALUES ($1)", undone);
    transaction->rollback_to_savepoint();
    transaction->savepoint();
    transaction->commit();
  }
  const auto rows = inbox->begin()->execute("SELECT name FROM effects", {});
  ASSERT_THAT(rows, SizeIs(1));
  EXPECT_EQ(rows[0][0], "kept");
}

TEST_P(StoreConformance, a_refused_event_is_named_and_nothing_is_inserted) {
  store::NewEvent bad = event("b");
  bad.payload = "{no json";
  try {
    insert_events({event("a"), bad, event("c")});
    FAIL() << "the event was taken";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::failed);
    EXPECT_THAT(error.what(), HasSubstr("event 2 of 3"));
  }
  Member member = join(options());
  EXPECT_THAT(member.read().rows, IsEmpty());
}

TEST_P(StoreConformance, a_backlog_is_counted_up_to_the_limit) {
  store::NewEvent payment = event("p");
  payment.aggregate_type = "payment";
  insert_events({event("a"), event("b"), payment, event("d")});
  Member member = join(options());
  const RowBatch batch = member.read({.rows_max = 2});
  const std::vector<store::RowChange> changes = {{.id = batch.rows[0].id,
                                                  .slot = batch.rows[0].slot,
                                                  .outcome = store::RowOutcome::dead,
                                                  .reason = "no",
                                                  .retry_after = {}},
                                                 {.id = batch.rows[1].id,
                                                  .slot = batch.rows[1].slot,
                                                  .outcome = store::RowOutcome::retry,
                                                  .reason = "later",
                                                  .retry_after = 1s}};
  member.settle({.changes = changes});
  const auto backlog = member.home.backlog();
  const store::BacklogView all = backlog->view(100);
  EXPECT_EQ(all.pending, 3);
  EXPECT_TRUE(all.exact);
  EXPECT_EQ(all.dead, 1);
  EXPECT_EQ(all.retrying, 1);
  ASSERT_TRUE(all.oldest_pending_age);
  ASSERT_THAT(all.pending_by_type, SizeIs(2));
  EXPECT_EQ(all.pending_by_type[0].aggregate_type, "order");
  EXPECT_EQ(all.pending_by_type[0].rows, 2);
  const std::vector<store::TypeCount> types = backlog->pending_types(100, {});
  ASSERT_THAT(types, SizeIs(2));
  EXPECT_EQ(types[0].aggregate_type, "order");
  EXPECT_EQ(types[1].aggregate_type, "payment");
  const std::vector<store::TypeCount> others = backlog->pending_types(1, {"order", "none"});
  ASSERT_THAT(others, SizeIs(1));
  EXPECT_EQ(others[0].aggregate_type, "payment");
  const store::BacklogView two = backlog->view(2);
  EXPECT_EQ(two.pending, 2);
  EXPECT_FALSE(two.exact);
}

TEST_P(StoreConformance, an_empty_outbox_has_no_backlog) {
  Member member = join(options());
  const store::BacklogView view = member.home.backlog()->view(100);
  EXPECT_EQ(view.pending, 0);
  EXPECT_FALSE(view.oldest_pending_age);
  EXPECT_NO_THROW(member.home.ping());
}

}  // namespace
}  // namespace outbox::testing
