// SPDX-License-Identifier: Apache-2.0
#include "admin/workers.hpp"

#include <gtest/gtest.h>

#include <future>

namespace outbox::admin {
namespace {

using namespace std::chrono_literals;

TEST(Workers, leave_a_thread_to_what_is_quick) {
  Workers workers(2, 4);
  std::promise<void> release;
  const std::shared_future<void> released = release.get_future().share();
  for (int i = 0; i < 4; ++i)
    EXPECT_TRUE(workers.try_add(Lane::slow, [released] { released.wait(); }));
  std::promise<void> quick;
  EXPECT_TRUE(workers.try_add(Lane::quick, [&] { quick.set_value(); }));
  EXPECT_EQ(quick.get_future().wait_for(10s), std::future_status::ready);
  EXPECT_GT(workers.longest(BootClock::now()), Duration::zero());
  release.set_value();
}

TEST(Workers, keep_a_thread_for_what_is_answered_from_memory) {
  Workers workers(2, 4);
  std::promise<void> release;
  const std::shared_future<void> released = release.get_future().share();
  for (int i = 0; i < 4; ++i)
    EXPECT_TRUE(workers.try_add(Lane::quick, [released] { released.wait(); }));
  std::promise<void> answered;
  EXPECT_TRUE(workers.try_add(Lane::memory, [&] { answered.set_value(); }));
  EXPECT_EQ(answered.get_future().wait_for(10s), std::future_status::ready);
  release.set_value();
}

TEST(Workers, refuse_what_is_more_than_may_wait) {
  std::promise<void> release;
  const std::shared_future<void> released = release.get_future().share();
  std::promise<void> begun;
  Workers workers(1, 2);
  EXPECT_TRUE(workers.try_add(Lane::quick, [&, released] {
    begun.set_value();
    released.wait();
  }));
  begun.get_future().wait();
  EXPECT_TRUE(workers.try_add(Lane::quick, [] {}));
  EXPECT_TRUE(workers.try_add(Lane::quick, [] {}));
  EXPECT_FALSE(workers.try_add(Lane::quick, [] {}));
  EXPECT_TRUE(workers.try_add(Lane::slow, [] {}));
  release.set_value();
}

}  // namespace
}  // namespace outbox::admin
