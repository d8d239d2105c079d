// SPDX-License-Identifier: Apache-2.0
//
// Issue 6, part 1: pauses, the audit log and held topics, for all who share the outbox.
#include <gmock/gmock.h>

#include "conformance/store/operators_case.hpp"

namespace outbox::testing {
namespace {

using store::Pause;
using store::PauseKind;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

Pause pause_of(PauseKind kind, const std::string& name, const std::string& who = "ann") {
  return {.kind = kind, .name = name, .who = who, .reason = "it's \\ broken", .since_us = 0};
}

TEST_P(StoreConformance, a_pause_stands_until_it_is_resumed_by_whom_it_was_made) {
  const auto mine = store_->open(options()).controls();
  const auto other = store_->open(options()).controls();
  EXPECT_THAT(mine->pauses(), IsEmpty());
  EXPECT_TRUE(mine->pause(pause_of(PauseKind::topic, "orders")));
  EXPECT_FALSE(other->pause(pause_of(PauseKind::topic, "orders", "bob")));
  const std::vector<Pause> pauses = other->pauses();
  ASSERT_THAT(pauses, SizeIs(1));
  EXPECT_EQ(pauses[0].kind, PauseKind::topic);
  EXPECT_EQ(pauses[0].name, "orders");
  EXPECT_EQ(pauses[0].who, "ann");
  EXPECT_EQ(pauses[0].reason, "it's \\ broken");
  EXPECT_GT(pauses[0].since_us, 1'700'000'000'000'000);
  EXPECT_FALSE(other->resume(PauseKind::key, "orders"));
  EXPECT_TRUE(other->resume(PauseKind::topic, "orders"));
  EXPECT_FALSE(mine->resume(PauseKind::topic, "orders"));
  EXPECT_THAT(mine->pauses(), IsEmpty());
}

TEST_P(StoreConformance, pauses_have_names_of_any_text_and_are_told_apart_by_kind_and_bytes) {
  const auto controls = store_->open(options()).controls();
  const std::string longest(1000, 'k');
  const std::vector<Pause> wanted = {pause_of(PauseKind::relay, "default"),
                                     pause_of(PauseKind::topic, "x"),
                                     pause_of(PauseKind::key, "x"),
                                     pause_of(PauseKind::key, "X"),
                                     pause_of(PauseKind::key, "x "),
                                     pause_of(PauseKind::key, longest),
                                     pause_of(PauseKind::key, "é' OR '1'=\\"),
                                     pause_of(PauseKind::consumer, "x")};
  for (const Pause& pause : wanted)
    EXPECT_TRUE(controls->pause(pause)) << pause.name;
  std::vector<std::pair<PauseKind, std::string>> found;
  for (const Pause& pause : controls->pauses())
    found.emplace_back(pause.kind, pause.name);
  std::vector<std::pair<PauseKind, std::string>> names;
  for (const Pause& pause : wanted)
    names.emplace_back(pause.kind, pause.name);
  EXPECT_EQ(found, names) << "the oldest first";
  for (const Pause& pause : wanted)
    EXPECT_TRUE(controls->resume(pause.kind, pause.name)) << pause.name;
}

TEST_P(StoreConformance, a_name_that_nothing_can_have_is_not_paused) {
  const auto controls = store_->open(options()).controls();
  for (const std::string& name :
       {std::string(), std::string(1001, 'k'), std::string("\xFF"), std::string("a\0b", 3)}) {
    EXPECT_THROW((void)controls->pause(pause_of(PauseKind::key, name)), Error);
    EXPECT_THROW((void)controls->resume(PauseKind::key, name), Error);
  }
}

TEST_P(StoreConformance, the_audit_log_has_who_did_what_the_newest_first) {
  const auto controls = store_->open(options()).controls();
  controls->note({.number = 0,
                  .at_us = 0,
                  .who = "ann's",
                  .action = "pause",
                  .target = "topic orders",
                  .reason = "it's \\",
                  .details_json = R"({"rows":1.10})"});
  controls->note({.number = 0,
                  .at_us = 0,
                  .who = std::string(300, 'w'),
                  .action = "replay",
                  .target = std::string(3000, 't'),
                  .reason = std::string("a\0\xFF", 3),
                  .details_json = ""});
  const auto entries = controls->audit(std::nullopt, 10);
  ASSERT_THAT(entries, SizeIs(2));
  EXPECT_GT(entries[0].number, entries[1].number);
  EXPECT_EQ(entries[0].who.size(), 255U);
  EXPECT_EQ(entries[0].target.size(), 2000U);
  EXPECT_EQ(entries[0].details_json, "");
  EXPECT_EQ(entries[1].who, "ann's");
  EXPECT_EQ(entries[1].action, "pause");
  EXPECT_EQ(entries[1].target, "topic orders");
  EXPECT_EQ(entries[1].reason, "it's \\");
  EXPECT_EQ(entries[1].details_json, R"({"rows":1.10})");
  EXPECT_GT(entries[1].at_us, 1'700'000'000'000'000);
  EXPECT_THAT(controls->audit(std::nullopt, 1), SizeIs(1));
  EXPECT_THAT(controls->audit(entries[0].number, 10), SizeIs(1));
  EXPECT_THAT(controls->audit(entries[1].number, 10), IsEmpty());
}

TEST_P(StoreConformance, held_topics_are_those_of_members_that_live) {
  Member member = join(options());
  const auto held = [&] {
    std::vector<std::string> topics;
    for (const store::HeldTopic& topic : member.home.controls()->held_topics())
      topics.push_back(topic.topic + "/" + topic.reason);
    return topics;
  };
  const auto controls = member.home.controls();
  controls->note_held_topic("orders", "missing");
  controls->note_held_topic(std::string(1000, 't'), "no such name");
  controls->note_held_topic(std::string(1000, 't'), "");
  const auto topics = controls->held_topics();
  ASSERT_THAT(topics, SizeIs(1));
  EXPECT_EQ(topics[0].relay, "default");
  EXPECT_EQ(topics[0].member, "publisher-00000001");
  EXPECT_GT(topics[0].since_us, 1'700'000'000'000'000);
  controls->note_held_topic("orders", "too few replicas");
  EXPECT_THAT(held(), ElementsAre("orders/too few replicas"));
  EXPECT_EQ(controls->held_topics().at(0).since_us, topics[0].since_us);
  store_->pass_time(11s);
  EXPECT_THAT(held(), IsEmpty());
  member.leases->heartbeat(member.held);
  EXPECT_THAT(held(), SizeIs(1));
  controls->note_held_topic("orders", "");
  EXPECT_THAT(held(), IsEmpty());
}

TEST_P(StoreConformance, a_member_forgets_what_one_of_its_name_held_before) {
  Member member = join(options());
  member.home.controls()->note_held_topic("orders", "missing");
  const auto controls = member.home.controls();
  controls->note_held_topic("bills", "missing");
  ASSERT_THAT(controls->held_topics(), SizeIs(1));
  EXPECT_EQ(controls->held_topics()[0].topic, "bills");
}

}  // namespace
}  // namespace outbox::testing
