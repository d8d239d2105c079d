// SPDX-License-Identifier: Apache-2.0
#include "gateway/positions.hpp"

#include <gtest/gtest.h>

namespace outbox::gateway {
namespace {

Slots three_partitions() {
  Slots slots({"realtime.events"});
  for (int partition = 0; partition < 3; ++partition)
    slots.add("realtime.events", partition);
  return slots;
}

TEST(Positions, are_the_next_offsets_of_all_partitions) {
  EXPECT_EQ(three_partitions().text(Offsets{15, 7, 33}), "0:15,1:7,2:33");
}

TEST(Positions, come_back_as_they_were) {
  const auto parsed = three_partitions().parse("0:15,1:7,2:33");
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->offsets, (Offsets{15, 7, 33}));
  EXPECT_FALSE(parsed->has_unknown);
}

TEST(Positions, begin_at_zero_in_partitions_that_are_newer_than_they_are) {
  EXPECT_EQ(three_partitions().parse("0:15")->offsets, (Offsets{15, 0, 0}));
}

TEST(Positions, of_partitions_that_are_gone_are_noticed) {
  EXPECT_TRUE(three_partitions().parse("0:15,1:7,2:33,3:1")->has_unknown);
  EXPECT_TRUE(three_partitions().parse("other/0:15")->has_unknown);
}

TEST(Positions, name_the_topic_where_it_is_not_the_first) {
  Slots slots({"realtime.events", "stock.events"});
  slots.add("realtime.events", 0);
  slots.add("stock.events", 0);
  EXPECT_EQ(slots.text(Offsets{5, 9}), "0:5,stock.events/0:9");
  EXPECT_EQ(slots.parse("0:5,stock.events/0:9")->offsets, (Offsets{5, 9}));
}

TEST(Positions, that_are_none_are_refused) {
  const Slots slots = three_partitions();
  for (const char* text :
       {"x", "0", "0:", ":5", "0:-1", "-1:5", "0:5,", ",0:5", "0:5,0:6", "0:5 ", "0:0x5", "0:1.5",
        "0:99999999999999999999", "99999999999:1", "latest", "\"0:5\"", "0:5;1:6"}) {
    EXPECT_FALSE(slots.parse(text)) << text;
  }
}

}  // namespace
}  // namespace outbox::gateway
