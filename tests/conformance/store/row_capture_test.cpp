// SPDX-License-Identifier: Apache-2.0
//
// Rows A4, A5, B2, B4: the life of a row under capture `row`.
#include <gmock/gmock.h>

#include "conformance/store/store_under_test.hpp"

namespace outbox::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST_P(RowCaptureConformance, rows_read_are_marked_as_ours) {
  const auto inserted = insert({"a", "b"});
  Member member = join(row_options());
  const RowBatch first = member.read({.rows_max = 1});
  EXPECT_THAT(keys(first), ElementsAre("a"));
  const RowFacts claimed = *store_->row(inserted[0]);
  EXPECT_EQ(claimed.status, "PROCESSING");
  EXPECT_EQ(claimed.locked_by, "publisher-00000001");
  EXPECT_TRUE(claimed.has_locked_at);
  EXPECT_EQ(store_->row(inserted[1])->status, "PENDING");
  const std::vector<RowId> in_flight = {first.rows[0].id};
  EXPECT_THAT(keys(member.read({.in_flight = in_flight})), ElementsAre("b"))
      << "what is claimed and in hand is not read again";
}

TEST_P(RowCaptureConformance, claimed_rows_are_published) {
  const auto inserted = insert({"a"});
  Member member = join(row_options());
  EXPECT_EQ(member.publish(member.read()).rows_settled, 1);
  EXPECT_EQ(store_->row(inserted[0])->status, "PUBLISHED");
  EXPECT_TRUE(store_->row(inserted[0])->has_published_at);
}

TEST_P(RowCaptureConformance, a_failed_row_comes_again_when_its_time_has_come) {
  const auto inserted = insert({"a"});
  Member member = join(row_options());
  const RowBatch batch = member.read();
  const std::vector<store::RowChange> changes = {{.id = batch.rows[0].id,
                                                  .slot = batch.rows[0].slot,
                                                  .outcome = store::RowOutcome::retry,
                                                  .reason = "refused",
                                                  .retry_after = 60s}};
  member.settle({.changes = changes});
  const RowFacts failed = *store_->row(inserted[0]);
  EXPECT_EQ(failed.status, "FAILED");
  EXPECT_EQ(failed.retry_count, 1);
  EXPECT_EQ(failed.locked_by, "");
  EXPECT_FALSE(failed.has_locked_at);
  EXPECT_THAT(member.read().rows, IsEmpty());
  store_->pass_time(61s);
  member.leases->heartbeat(member.held);
  EXPECT_THAT(member.read().rows, SizeIs(1));
}

TEST_P(RowCaptureConformance, a_released_row_is_pending_again_and_nothing_is_counted) {
  const auto inserted = insert({"a"});
  Member member = join(row_options());
  const RowBatch batch = member.read();
  const std::vector<store::RowChange> changes = {{.id = batch.rows[0].id,
                                                  .slot = batch.rows[0].slot,
                                                  .outcome = store::RowOutcome::released,
                                                  .reason = {},
                                                  .retry_after = {}}};
  member.settle({.changes = changes});
  const RowFacts released = *store_->row(inserted[0]);
  EXPECT_EQ(released.status, "PENDING");
  EXPECT_EQ(released.retry_count, 0);
  EXPECT_EQ(released.locked_by, "");
  EXPECT_THAT(member.read().rows, SizeIs(1));
}

TEST_P(RowCaptureConformance, a_row_of_a_living_member_goes_with_its_slot) {
  const auto inserted = insert({"a"});
  store::HomeOptions first_options = row_options("publisher-00000001");
  first_options.lease_ttl = 1000s;
  Member first = join(first_options);
  EXPECT_THAT(first.read().rows, SizeIs(1));
  first.leases->release(first.held);
  Member second = join(row_options("publisher-00000002"));
  EXPECT_THAT(second.read().rows, SizeIs(1))
      << "whoever of us held it can no longer settle it, and later rows must not pass it";
  EXPECT_EQ(store_->row(inserted[0])->locked_by, "publisher-00000002");
}

TEST_P(RowCaptureConformance, rows_of_a_dead_member_are_taken_over_with_its_slots) {
  insert({"a"});
  Member first = join(row_options("publisher-00000001"));
  const RowBatch batch = first.read();
  EXPECT_THAT(batch.rows, SizeIs(1));
  store_->pass_time(11s);
  Member second = join(row_options("publisher-00000002"));
  EXPECT_THAT(second.read().rows, SizeIs(1)) << "no need to wait for the lock timeout";
  EXPECT_EQ(first.publish(batch).rows_settled, 0) << "the dead one came back too late";
}

TEST_P(RowCaptureConformance, rows_in_flight_are_not_taken_over_from_oneself) {
  insert({"a"});
  Member member = join(row_options());
  const RowBatch batch = member.read();
  store_->pass_time(301s);
  member.leases->heartbeat(member.held);
  const std::vector<RowId> in_flight = {batch.rows[0].id};
  EXPECT_THAT(member.read({.in_flight = in_flight}).rows, IsEmpty());
}

TEST_P(RowCaptureConformance, leaving_gives_claimed_rows_back) {
  const auto inserted = insert({"a"});
  Member member = join(row_options());
  EXPECT_THAT(member.read().rows, SizeIs(1));
  member.leases->leave();
  EXPECT_EQ(store_->row(inserted[0])->status, "PENDING");
}

TEST_P(RowCaptureConformance, a_lost_lease_claims_nothing) {
  insert({"a"});
  Member first = join(row_options("publisher-00000001"));
  store_->pass_time(11s);
  Member second = join(row_options("publisher-00000002"));
  EXPECT_THAT(first.read().rows, IsEmpty());
  EXPECT_THAT(second.read().rows, SizeIs(1));
}

}  // namespace
}  // namespace outbox::testing
