// SPDX-License-Identifier: Apache-2.0
//
// Events over several databases of different kinds (C2, C8).
#include <gmock/gmock.h>

#include <outbox/shards.hpp>

#include "integration/library/stores.hpp"

namespace outbox::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class ShardsOnTwoStores : public ::testing::Test {
 protected:
  ShardsOnTwoStores()
      : shards_(
            {.shards = {{.name = "eu", .database = {.url = postgres_.url()}},
                        {.name = "us", .database = {.url = sqlite_.file()}},
                        {.name = "away", .database = {.url = "postgresql://127.0.0.1:1/nowhere"}}},
             .router = [](const Event& event) {
               return std::string(event.aggregate_id.starts_with("e") ? "eu" : "us");
             }}) {}

  static std::vector<std::string> ids_of(const std::vector<PendingEvent>& events) {
    std::vector<std::string> ids;
    for (const PendingEvent& event : events)
      ids.push_back(event.aggregate_id);
    return ids;
  }

  PostgresStore postgres_;
  SqliteStore sqlite_;
  Shards shards_;
};

TEST_F(ShardsOnTwoStores, an_event_is_saved_where_it_belongs_or_where_one_says) {
  shards_.save(order_event("e1"));
  shards_.save(order_event("u1"));
  shards_.save_to("us", order_event("e2"));
  EXPECT_THAT(postgres_.column("aggregate_id"), ElementsAre("e1"));
  EXPECT_THAT(sqlite_.column("aggregate_id"), ElementsAre("u1", "e2"));
}

TEST_F(ShardsOnTwoStores, a_change_and_its_event_are_one_transaction_of_its_shard) {
  const Event event = order_event("e1");
  EXPECT_THROW(shards_.of(event).transaction([&](Transaction& transaction) {
    transaction.publish(event);
    throw std::runtime_error("the change is not possible");
  }),
               std::runtime_error);
  EXPECT_THAT(postgres_.column("aggregate_id"), IsEmpty());
}

TEST_F(ShardsOnTwoStores, pending_events_come_in_order_up_to_the_limit) {
  for (const char* id : {"e1", "e2", "e3"})
    shards_.save(order_event(id, R"({"n": 1})"));
  const std::vector<PendingEvent> pending = shards_.pending("eu", 2);
  EXPECT_THAT(ids_of(pending), ElementsAre("e1", "e2"));
  EXPECT_EQ(pending[0].payload, R"({"n": 1})");
  EXPECT_EQ(pending[0].status, "PENDING");
  EXPECT_EQ(pending[0].shard, "eu");
}

TEST_F(ShardsOnTwoStores, pending_events_of_all_name_the_shard_that_is_away_and_keep_the_others) {
  for (const char* id : {"e1", "e2", "u1", "u2"})
    shards_.save(order_event(id));
  const PendingEvents all = shards_.pending_everywhere(1);
  EXPECT_THAT(ids_of(all.events), ElementsAre("e1", "u1"));
  ASSERT_THAT(all.failures, SizeIs(1));
  EXPECT_EQ(all.failures[0].shard, "away");
  EXPECT_EQ(all.failures[0].error.kind(), ErrorKind::unreachable);
}

TEST_F(ShardsOnTwoStores, a_status_is_set_by_hand) {
  for (const char* shard : {"eu", "us"}) {
    shards_.save_to(shard, order_event("1"));
    const std::int64_t row = shards_.pending(shard).at(0).row_id;
    EXPECT_TRUE(shards_.set_status(shard, row, EventStatus::dead, "asked for by support"));
    EXPECT_THAT(shards_.pending(shard), IsEmpty());
    EXPECT_TRUE(shards_.set_status(shard, row, EventStatus::pending));
    EXPECT_THAT(shards_.pending(shard), SizeIs(1));
    EXPECT_TRUE(shards_.set_status(shard, row, EventStatus::published));
    EXPECT_THAT(shards_.pending(shard), IsEmpty());
    EXPECT_FALSE(shards_.set_status(shard, row + 1, EventStatus::pending));
  }
  EXPECT_THAT(postgres_.column("status"), ElementsAre("PUBLISHED"));
  EXPECT_THAT(sqlite_.column("error_message"), ElementsAre("-"));
}

}  // namespace
}  // namespace outbox::testing
