// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include "conformance/store/store_under_test.hpp"

namespace outbox::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST_P(StoreConformance, a_slot_has_one_owner_at_a_time) {
  const Member first = join(options("publisher-00000001"), 20);
  Member second = join(options("publisher-00000002"));
  EXPECT_THAT(first.held, SizeIs(20));
  EXPECT_THAT(second.held, SizeIs(12));
  EXPECT_THAT(second.leases->acquire(32), IsEmpty());
}

TEST_P(StoreConformance, an_expired_slot_is_taken_with_a_higher_epoch_and_another_token) {
  const Member first = join(options("publisher-00000001"), 1);
  store_->pass_time(10001ms);
  const Member second = join(options("publisher-00000002"));
  ASSERT_THAT(first.held, SizeIs(1));
  ASSERT_THAT(second.held, SizeIs(32));
  EXPECT_EQ(second.held[0].slot, first.held[0].slot);
  EXPECT_EQ(second.held[0].epoch, first.held[0].epoch + 1);
  EXPECT_NE(second.held[0].token, first.held[0].token);
  EXPECT_FALSE(second.held[0].token.is_nil());
  EXPECT_NE(second.held[0].token, second.held[1].token);
}

TEST_P(StoreConformance, a_heartbeat_keeps_slots_from_expiring) {
  Member first = join(options("publisher-00000001"), 2);
  store_->pass_time(9000ms);
  EXPECT_THAT(first.leases->heartbeat(first.held).renewed_slots,
              ElementsAre(first.held[0].slot, first.held[1].slot));
  store_->pass_time(9000ms);
  const Member second = join(options("publisher-00000002"));
  EXPECT_THAT(second.held, SizeIs(30));
}

TEST_P(StoreConformance, a_heartbeat_renews_an_expired_slot_that_nobody_took) {
  Member first = join(options("publisher-00000001"), 1);
  store_->pass_time(60s);
  EXPECT_THAT(first.leases->heartbeat(first.held).renewed_slots, SizeIs(1));
}

TEST_P(StoreConformance, a_heartbeat_leaves_out_a_slot_that_another_took) {
  Member first = join(options("publisher-00000001"), 2);
  store_->pass_time(10001ms);
  Member second = join(options("publisher-00000002"), 1);
  EXPECT_THAT(first.leases->heartbeat(first.held).renewed_slots, ElementsAre(first.held[1].slot));
  EXPECT_THAT(second.leases->heartbeat(second.held).renewed_slots, SizeIs(1));
}

TEST_P(StoreConformance, a_heartbeat_counts_members_and_slots) {
  Member first = join(options("publisher-00000001"), 3);
  store::Heartbeat alone = first.leases->heartbeat(first.held);
  EXPECT_EQ(alone.live_members, 1);
  EXPECT_EQ(alone.slots, 32);
  EXPECT_EQ(alone.free_slots, 29);
  const Member second = join(options("publisher-00000002"), 4);
  store::Heartbeat both = first.leases->heartbeat(first.held);
  EXPECT_EQ(both.live_members, 2);
  EXPECT_EQ(both.free_slots, 25);
}

TEST_P(StoreConformance, a_member_without_heartbeat_counts_no_longer_and_its_slots_are_free) {
  Member first = join(options("publisher-00000001"), 3);
  const Member second = join(options("publisher-00000002"), 4);
  store_->pass_time(10001ms);
  const store::Heartbeat heartbeat = first.leases->heartbeat(first.held);
  EXPECT_EQ(heartbeat.live_members, 1);
  EXPECT_EQ(heartbeat.free_slots, 29);
}

TEST_P(StoreConformance, a_released_slot_is_free_at_once) {
  Member first = join(options("publisher-00000001"));
  Member second = join(options("publisher-00000002"));
  EXPECT_THAT(second.held, IsEmpty());
  first.leases->release(std::span(first.held).first(5));
  const auto taken = second.leases->acquire(32);
  ASSERT_THAT(taken, SizeIs(5));
  EXPECT_EQ(taken[0].lease.epoch, first.held[0].epoch + 1);
}

TEST_P(StoreConformance, releasing_a_lost_lease_leaves_its_new_owner_alone) {
  Member first = join(options("publisher-00000001"), 1);
  store_->pass_time(10001ms);
  Member second = join(options("publisher-00000002"), 1);
  first.leases->release(first.held);
  EXPECT_THAT(second.leases->heartbeat(second.held).renewed_slots, SizeIs(1));
}

TEST_P(StoreConformance, leaving_frees_all_slots_and_takes_the_name_out) {
  Member first = join(options("publisher-00000001"));
  first.leases->leave();
  const Member second = join(options("publisher-00000002"));
  EXPECT_THAT(second.held, SizeIs(32));
  const store::LeaseView view = second.leases->view();
  ASSERT_THAT(view.members, SizeIs(1));
  EXPECT_EQ(view.members[0].name, "publisher-00000002");
}

TEST_P(StoreConformance, a_view_shows_owners_and_members) {
  const Member first = join(options("publisher-00000001"), 2);
  const store::LeaseView view = first.leases->view();
  ASSERT_THAT(view.slots, SizeIs(32));
  EXPECT_EQ(view.slots[0].owner, "publisher-00000001");
  EXPECT_EQ(view.slots[0].epoch, first.held[0].epoch);
  EXPECT_GT(view.slots[0].expires_in, 1s);
  EXPECT_EQ(view.slots[31].owner, "");
  ASSERT_THAT(view.members, SizeIs(1));
  EXPECT_TRUE(view.members[0].live);
  EXPECT_NE(view.members[0].host, "");
  EXPECT_GT(view.members[0].process_id, 0);
}

TEST_P(StoreConformance, relays_of_other_names_have_slots_of_their_own) {
  store::HomeOptions orders = options("publisher-00000001");
  orders.relay_name = "orders";
  orders.aggregate_types = {"order"};
  store::HomeOptions payments = options("publisher-00000002");
  payments.relay_name = "payments";
  payments.aggregate_types = {"payment"};
  Member first = join(orders);
  const Member second = join(payments);
  EXPECT_THAT(first.held, SizeIs(32));
  EXPECT_THAT(second.held, SizeIs(32));
  EXPECT_EQ(first.leases->heartbeat(first.held).live_members, 1);
}

TEST_P(StoreConformance, key_states_go_to_the_slots_next_owner) {
  Member first = join(options("publisher-00000001"));
  insert({"k1"});
  const RowBatch batch = first.read();
  ASSERT_THAT(batch.rows, SizeIs(1));
  const std::vector<store::KeyChange> blocked = {{.key = "k1",
                                                  .topic = "orders",
                                                  .slot = batch.rows[0].slot,
                                                  .attempts = 3,
                                                  .blocked_for = 60s,
                                                  .head = batch.rows[0].id,
                                                  .reason = "too large"}};
  first.settle({.keys = blocked});
  store_->pass_time(10001ms);
  Member second = join(options("publisher-00000002"), 0);
  std::vector<store::KeyState> keys;
  for (const store::AcquiredSlot& slot : second.leases->acquire(32)) {
    for (const store::KeyState& key : slot.keys) {
      EXPECT_EQ(key.slot, slot.lease.slot);
      keys.push_back(key);
    }
  }
  ASSERT_THAT(keys, SizeIs(1));
  EXPECT_EQ(keys[0].key, "k1");
  EXPECT_EQ(keys[0].topic, "orders");
  EXPECT_EQ(keys[0].attempts, 3);
  EXPECT_EQ(keys[0].head, batch.rows[0].id);
  EXPECT_EQ(keys[0].reason, "too large");
  EXPECT_GT(keys[0].blocked_for, 40s);
  EXPECT_LE(keys[0].blocked_for, 50s);
}

}  // namespace
}  // namespace outbox::testing
