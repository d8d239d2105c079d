// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include "conformance/store/store_under_test.hpp"

namespace outbox::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

store::RowChange change(const OutboxRow& row, store::RowOutcome outcome,
                        const std::string& reason = "refused") {
  return {.id = row.id, .slot = row.slot, .outcome = outcome, .reason = reason, .retry_after = 60s};
}

TEST_P(StoreConformance, published_rows_are_marked_and_never_read_again) {
  const auto inserted = insert({"a", "b"});
  Member member = join(options());
  const store::SettleResult result = member.publish(member.read());
  EXPECT_EQ(result.rows_settled, 2);
  EXPECT_THAT(result.lost_slots, IsEmpty());
  EXPECT_EQ(store_->row(inserted[0])->status, "PUBLISHED");
  EXPECT_TRUE(store_->row(inserted[1])->has_published_at);
  EXPECT_THAT(member.read({.rescan = true}).rows, IsEmpty());
}

TEST_P(StoreConformance, published_rows_go_under_settle_delete) {
  const auto inserted = insert({"a", "b"});
  store::HomeOptions with_delete = options();
  with_delete.settle = store::SettleMode::remove;
  Member member = join(with_delete);
  EXPECT_EQ(member.publish(member.read({.rows_max = 1})).rows_settled, 1);
  EXPECT_FALSE(store_->row(inserted[0]));
  EXPECT_TRUE(store_->row(inserted[1]));
}

TEST_P(StoreConformance, settling_the_same_rows_again_does_no_harm) {
  insert({"a", "b"});
  Member member = join(options());
  const RowBatch batch = member.read();
  member.publish(batch);
  const store::SettleResult again = member.publish(batch);
  EXPECT_EQ(again.rows_settled, 0);
  EXPECT_THAT(again.lost_slots, IsEmpty());
}

TEST_P(StoreConformance, nothing_of_a_lost_lease_is_settled_but_the_rest_is) {
  std::vector<std::string> many;
  for (int i = 0; i < 60; ++i)
    many.push_back("key-" + std::to_string(i));
  insert(many);
  Member first = join(options("publisher-00000001"));
  const RowBatch batch = first.read();
  first.leases->release(std::span(first.held).first(1));
  Member second = join(options("publisher-00000002"), 1);
  ASSERT_THAT(second.held, SizeIs(1));
  const int lost = second.held[0].slot;
  const store::SettleResult result = first.publish(batch);
  EXPECT_THAT(result.lost_slots, ElementsAre(lost));
  std::int64_t of_lost_slot = 0;
  for (const OutboxRow& row : batch.rows) {
    const bool is_lost = row.slot == lost;
    if (is_lost) ++of_lost_slot;
    EXPECT_EQ(store_->row(to_string(row.id))->status, is_lost ? "PENDING" : "PUBLISHED");
  }
  EXPECT_EQ(result.rows_settled, 60 - of_lost_slot);
}

TEST_P(StoreConformance, a_lost_lease_changes_neither_rows_nor_keys) {
  const auto inserted = insert({"a"});
  Member first = join(options("publisher-00000001"));
  const RowBatch batch = first.read();
  store_->pass_time(10001ms);
  Member second = join(options("publisher-00000002"));
  const std::vector<store::RowChange> changes = {change(batch.rows[0], store::RowOutcome::dead)};
  const std::vector<store::KeyChange> keys = {{.key = "a",
                                               .topic = "orders",
                                               .slot = batch.rows[0].slot,
                                               .attempts = 1,
                                               .blocked_for = 1s,
                                               .head = batch.rows[0].id,
                                               .reason = "refused"}};
  const store::SettleResult result = first.settle({.changes = changes, .keys = keys});
  EXPECT_THAT(result.lost_slots, SizeIs(32));
  EXPECT_EQ(result.rows_settled, 0);
  EXPECT_EQ(store_->row(inserted[0])->status, "PENDING");
  EXPECT_THAT(second.home.backlog()->view(100).blocked_keys, IsEmpty());
}

TEST_P(StoreConformance, an_expired_lease_that_nobody_took_still_settles) {
  insert({"a"});
  Member member = join(options());
  const RowBatch batch = member.read();
  store_->pass_time(60s);
  EXPECT_EQ(member.publish(batch).rows_settled, 1);
}

TEST_P(StoreConformance, a_row_to_be_tried_again_is_counted_and_stays_unsettled) {
  const auto inserted = insert({"a"});
  Member member = join(options());
  const RowBatch batch = member.read();
  const std::vector<store::RowChange> changes = {change(batch.rows[0], store::RowOutcome::retry)};
  EXPECT_EQ(member.settle({.changes = changes}).rows_settled, 1);
  const RowFacts facts = *store_->row(inserted[0]);
  EXPECT_EQ(facts.status, "FAILED");
  EXPECT_EQ(facts.retry_count, 1);
  EXPECT_EQ(facts.error_message, "refused");
  ASSERT_TRUE(facts.next_attempt_in);
  EXPECT_GT(*facts.next_attempt_in, 50s);
  EXPECT_LE(*facts.next_attempt_in, 60s);
  const RowBatch again = member.read();
  ASSERT_THAT(again.rows, SizeIs(1)) << "under capture lease the key's state says when";
  EXPECT_EQ(again.rows[0].retry_count, 1);
}

TEST_P(StoreConformance, a_dead_letter_keeps_its_reason_and_is_never_read_again) {
  const auto inserted = insert({"a", "b"});
  Member member = join(options());
  const RowBatch batch = member.read();
  const std::vector<store::RowChange> changes = {
      change(batch.rows[0], store::RowOutcome::dead, "the payload is no JSON")};
  member.settle({.changes = changes});
  EXPECT_EQ(store_->row(inserted[0])->status, "DEAD");
  EXPECT_EQ(store_->row(inserted[0])->error_message, "the payload is no JSON");
  EXPECT_EQ(store_->row(inserted[0])->retry_count, 1);  // The attempt that killed it counts too.
  EXPECT_THAT(keys(member.read({.rescan = true})), ElementsAre("b"));
}

TEST_P(StoreConformance, a_dead_letter_stays_under_settle_delete) {
  const auto inserted = insert({"a", "b"});
  store::HomeOptions with_delete = options();
  with_delete.settle = store::SettleMode::remove;
  Member member = join(with_delete);
  const RowBatch batch = member.read();
  const std::vector<store::RowChange> changes = {change(batch.rows[0], store::RowOutcome::dead)};
  const std::vector<store::PublishedRow> published = {
      {.id = batch.rows[1].id, .slot = batch.rows[1].slot}};
  EXPECT_EQ(member.settle({.published = published, .changes = changes}).rows_settled, 2);
  EXPECT_EQ(store_->row(inserted[0])->status, "DEAD");
  EXPECT_FALSE(store_->row(inserted[1]));
}

TEST_P(StoreConformance, reasons_are_cut_to_2000_characters_and_made_valid_text) {
  const auto inserted = insert({"a", "b"});
  Member member = join(options());
  const RowBatch batch = member.read();
  std::string umlauts;
  for (int i = 0; i < 3000; ++i)
    umlauts += "ä";
  const std::vector<store::RowChange> changes = {
      change(batch.rows[0], store::RowOutcome::dead, umlauts),
      change(batch.rows[1], store::RowOutcome::dead, std::string("bad \xff\x00 text", 11))};
  EXPECT_EQ(member.settle({.changes = changes}).rows_settled, 2);
  EXPECT_EQ(store_->row(inserted[0])->error_message, umlauts.substr(0, 4000));
  EXPECT_THAT(store_->row(inserted[1])->error_message, ::testing::StartsWith("bad "));
}

TEST_P(StoreConformance, a_key_state_is_replaced_and_removed_with_the_settling) {
  insert({"a"});
  Member member = join(options());
  const RowBatch batch = member.read();
  store::KeyChange key{.key = "a",
                       .topic = "orders",
                       .slot = batch.rows[0].slot,
                       .attempts = 1,
                       .blocked_for = 1s,
                       .head = batch.rows[0].id,
                       .reason = "first"};
  const auto settle_key = [&](const store::KeyChange& changed) {
    member.settle({.keys = {&changed, 1}});
    return member.home.backlog()->view(100).blocked_keys;
  };
  EXPECT_THAT(settle_key(key), SizeIs(1));
  const auto since = store_->value("SELECT since FROM outboxd_keys");
  EXPECT_TRUE(since);
  key.attempts = 2;
  key.reason = "second";
  const auto blocked = settle_key(key);
  ASSERT_THAT(blocked, SizeIs(1));
  EXPECT_EQ(store_->value("SELECT since FROM outboxd_keys"), since) << "of the first refusal";
  EXPECT_GE(blocked[0].refused_for.value(), 0ms);
  EXPECT_LT(blocked[0].refused_for.value(), 60s);
  EXPECT_EQ(blocked[0].attempts, 2);
  EXPECT_EQ(blocked[0].reason, "second");
  key.attempts = 0;
  EXPECT_THAT(settle_key(key), IsEmpty());
}

TEST_P(StoreConformance, a_very_long_key_can_be_blocked) {
  const std::string long_key(20'000, 'k');
  insert({long_key});
  Member member = join(options());
  const RowBatch batch = member.read();
  const std::vector<store::KeyChange> keys = {{.key = long_key,
                                               .topic = "",
                                               .slot = batch.rows[0].slot,
                                               .attempts = 1,
                                               .blocked_for = 1s,
                                               .head = batch.rows[0].id,
                                               .reason = "refused"}};
  member.settle({.keys = keys});
  ASSERT_THAT(member.home.backlog()->view(100).blocked_keys, SizeIs(1));
  EXPECT_EQ(member.home.backlog()->view(100).blocked_keys[0].key, long_key);
}

}  // namespace
}  // namespace outbox::testing
