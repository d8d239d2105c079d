// SPDX-License-Identifier: Apache-2.0
#include <future>

#include <gmock/gmock.h>

#include "conformance/store/store_under_test.hpp"

namespace outbox::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Optional;
using ::testing::SizeIs;

store::Pause pause_of(store::PauseKind kind, const std::string& name) {
  return {kind, name, "ada", "a migration", 0};
}

std::vector<std::string> names(const store::Heartbeat& heartbeat) {
  std::vector<std::string> names;
  for (const store::Pause& pause : heartbeat.pauses.value())
    names.push_back(pause.name);
  return names;
}

TEST_P(StoreConformance, a_heartbeat_brings_the_pauses_of_its_relay_and_of_topics_and_keys) {
  Member member = join(options(), 2);
  EXPECT_THAT(member.leases->heartbeat(member.held).pauses, Optional(IsEmpty()));
  const auto controls = member.home.controls();
  EXPECT_TRUE(controls->pause(pause_of(store::PauseKind::relay, "default")));
  EXPECT_TRUE(controls->pause(pause_of(store::PauseKind::relay, "another")));
  EXPECT_TRUE(controls->pause(pause_of(store::PauseKind::topic, "orders")));
  EXPECT_TRUE(controls->pause(pause_of(store::PauseKind::key, "o-1 ä'\\")));
  EXPECT_TRUE(controls->pause(pause_of(store::PauseKind::consumer, "stock")));
  const store::Heartbeat heartbeat = member.leases->heartbeat(member.held);
  EXPECT_THAT(names(heartbeat), ElementsAre("default", "orders", "o-1 ä'\\"));
  ASSERT_THAT(heartbeat.pauses, Optional(SizeIs(3)));
  const std::vector<store::Pause>& pauses = *heartbeat.pauses;
  EXPECT_EQ(pauses[0].kind, store::PauseKind::relay);
  EXPECT_EQ(pauses[1].kind, store::PauseKind::topic);
  EXPECT_EQ(pauses[2].kind, store::PauseKind::key);
  EXPECT_EQ(pauses[0].who, "ada");
  EXPECT_EQ(pauses[0].reason, "a migration");
  EXPECT_EQ(pauses[1].since_us, controls->pauses()[2].since_us);
  EXPECT_THAT(heartbeat.renewed_slots, SizeIs(2));
}

TEST_P(StoreConformance, a_heartbeat_after_a_resume_no_longer_brings_the_pause) {
  Member member = join(options(), 1);
  const auto controls = member.home.controls();
  controls->pause(pause_of(store::PauseKind::topic, "orders"));
  controls->pause(pause_of(store::PauseKind::key, "o-1"));
  EXPECT_THAT(names(member.leases->heartbeat(member.held)), ElementsAre("orders", "o-1"));
  EXPECT_TRUE(controls->resume(store::PauseKind::topic, "orders"));
  EXPECT_THAT(names(member.leases->heartbeat(member.held)), ElementsAre("o-1"));
}

TEST_P(StoreConformance, a_heartbeat_without_the_table_of_pauses_renews_the_leases_all_the_same) {
  Member member = join(options(), 2);
  member.leases->heartbeat(member.held);
  store_->execute("DROP TABLE outboxd_pauses");
  const store::Heartbeat heartbeat = member.leases->heartbeat(member.held);
  EXPECT_THAT(heartbeat.renewed_slots, SizeIs(2));
  EXPECT_THAT(heartbeat.pauses, Optional(IsEmpty()));
}

TEST_P(OpenWriterConformance, a_lock_on_the_table_of_pauses_lifts_none_and_holds_up_no_settling) {
  Member member = join(options(), 1000);
  insert({"o-1"});
  const RowBatch batch = member.read();
  ASSERT_THAT(batch.rows, SizeIs(1));
  member.home.controls()->pause(pause_of(store::PauseKind::topic, "orders"));
  EXPECT_THAT(names(member.leases->heartbeat(member.held)), ElementsAre("orders"));
  auto lock = store_->lock_table("outboxd_pauses");
  auto settled = std::async(std::launch::async, [&] {
    const auto began = std::chrono::steady_clock::now();
    const store::SettleResult result = member.publish(batch);
    return std::pair(result.rows_settled, std::chrono::steady_clock::now() - began);
  });
  const auto began = std::chrono::steady_clock::now();
  const store::Heartbeat heartbeat = member.leases->heartbeat(member.held);
  EXPECT_LT(std::chrono::steady_clock::now() - began, 1s);
  EXPECT_EQ(heartbeat.renewed_slots.size(), member.held.size());
  EXPECT_EQ(heartbeat.pauses, std::nullopt);
  EXPECT_THAT(heartbeat.pauses_fault, HasSubstr("reading the pauses"));
  const auto [rows, took] = settled.get();
  EXPECT_EQ(rows, 1);
  EXPECT_LT(took, 1s);
  lock.reset();
  EXPECT_THAT(names(member.leases->heartbeat(member.held)), ElementsAre("orders"));
}

TEST_P(StoreConformance, ten_thousand_paused_keys_are_left_out_of_a_read) {
  Member member = join(options());
  insert({"free", "key-9999", "also free"});
  std::vector<std::string> paused;
  for (int i = 0; i < 10'000; ++i)
    paused.push_back("key-" + std::to_string(i));
  EXPECT_THAT(keys(member.read({.blocked_keys = paused})), ElementsAre("free", "also free"));
}

}  // namespace
}  // namespace outbox::testing
