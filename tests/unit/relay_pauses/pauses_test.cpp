// SPDX-License-Identifier: Apache-2.0
#include "relay/pauses.hpp"

#include <gmock/gmock.h>

namespace outbox::relay {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Le;
using ::testing::SizeIs;

store::Pause pause_of(store::PauseKind kind, const std::string& name) {
  return {kind, name, "ada", "", 0};
}

TEST(Pauses, tell_what_has_begun_and_what_has_ended_and_nothing_of_what_stands_on) {
  Pauses pauses;
  EXPECT_TRUE(pauses.heed({}).empty());
  const auto topic = pause_of(store::PauseKind::topic, "orders");
  const auto key = pause_of(store::PauseKind::key, "o-1");
  EXPECT_THAT(pauses.heed({topic, key}).begun, SizeIs(2));
  EXPECT_TRUE(pauses.heed({key, topic}).empty()) << "in whatever order";
  const Pauses::Change change = pauses.heed({key, pause_of(store::PauseKind::relay, "default")});
  EXPECT_THAT(change.begun, SizeIs(1));
  EXPECT_THAT(change.ended, ElementsAre(topic));
  EXPECT_TRUE(pauses.relay());
  EXPECT_FALSE(pauses.topic("orders"));
  EXPECT_TRUE(pauses.key("o-1"));
  EXPECT_THAT(pauses.heed({}).ended, SizeIs(2));
  EXPECT_FALSE(pauses.relay());
  EXPECT_FALSE(pauses.any_key());
}

TEST(Pauses, of_consumers_are_none_of_the_relays) {
  Pauses pauses;
  pauses.heed({pause_of(store::PauseKind::consumer, "orders")});
  EXPECT_FALSE(pauses.relay());
  EXPECT_FALSE(pauses.topic("orders"));
  EXPECT_FALSE(pauses.key("orders"));
}

TEST(Pauses, name_as_many_keys_in_a_read_as_a_statement_takes_and_know_all_of_them) {
  std::vector<store::Pause> standing;
  for (int i = 0; i < 9'000; ++i) {
    standing.push_back(
        pause_of(store::PauseKind::key, std::string(1'000, 'k') + std::to_string(i)));
  }
  Pauses pauses;
  pauses.heed(standing);
  std::vector<std::string> blocked = {"refused"};
  pauses.add_keys(blocked);
  std::size_t bytes = 0;
  for (const std::string& key : blocked)
    bytes += key.size();
  EXPECT_THAT(bytes, Le(5U << 20U));
  EXPECT_GT(blocked.size(), 4'000U);
  EXPECT_EQ(blocked.front(), "refused");
  for (const store::Pause& pause : standing)
    EXPECT_TRUE(pauses.key(pause.name));
}

TEST(Pauses, add_no_key_where_none_is_paused) {
  Pauses pauses;
  std::vector<std::string> blocked;
  pauses.add_keys(blocked);
  EXPECT_THAT(blocked, IsEmpty());
}

}  // namespace
}  // namespace outbox::relay
