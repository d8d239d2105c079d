// SPDX-License-Identifier: Apache-2.0
#include "gateway/ring.hpp"

#include <gtest/gtest.h>

#include "fakes.hpp"

namespace outbox::gateway {
namespace {

using testing::message;

TEST(Ring, covers_what_came_since_it_began) {
  Ring ring(1U << 20U);
  ring.add_slot(10);
  EXPECT_TRUE(ring.covers(Offsets{10}));
  EXPECT_FALSE(ring.covers(Offsets{9}));
}

TEST(Ring, forgets_the_oldest_when_it_is_full) {
  const std::size_t one = message(0, 0)->bytes();
  Ring ring(3 * one);
  ring.add_slot(0);
  for (int offset = 0; offset < 5; ++offset)
    ring.add(message(0, offset));
  EXPECT_EQ(ring.held_from(0), 2);
  EXPECT_EQ(ring.begin(), 2U);
  EXPECT_EQ(ring.end(), 5U);
  EXPECT_LE(ring.bytes(), 3 * one);
}

TEST(Ring, holds_nothing_where_it_may_hold_nothing) {
  Ring ring(0);
  ring.add_slot(0);
  ring.add(message(0, 0));
  EXPECT_EQ(ring.held_from(0), 1);
  EXPECT_EQ(ring.begin(), ring.end());
}

TEST(Ring, finds_the_first_message_that_a_position_has_not_seen) {
  Ring ring(1U << 20U);
  ring.add_slot(0);
  ring.add_slot(0);
  ring.add(message(0, 0));
  ring.add(message(1, 0));
  ring.add(message(0, 5));  // Offsets may leave some out.
  ring.add(message(1, 1));
  EXPECT_EQ(ring.seek(Offsets{1, 1}), 2U);
  EXPECT_EQ(ring.seek(Offsets{6, 1}), 3U);
  EXPECT_EQ(ring.seek(Offsets{0, 2}), 0U);
  EXPECT_EQ(ring.seek(Offsets{6, 2}), ring.end());
}

TEST(Ring, forgets_a_partition_that_begins_anew_and_keeps_the_others) {
  Ring ring(1U << 20U);
  ring.add_slot(0);
  ring.add_slot(0);
  ring.add(message(0, 0));
  ring.add(message(1, 0));
  ring.restart(0, 100);
  EXPECT_EQ(ring.at(0), nullptr);
  EXPECT_NE(ring.at(1), nullptr);
  EXPECT_EQ(ring.held_from(0), 100);
  EXPECT_EQ(ring.bytes(), ring.at(1)->bytes());
}

}  // namespace
}  // namespace outbox::gateway
