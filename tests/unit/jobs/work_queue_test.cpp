// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <latch>
#include <map>
#include <set>

#include "jobs/work_queue.hpp"

namespace outbox::testing {
namespace {

using jobs::Work;
using jobs::WorkQueue;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;

Work piece(std::string key, std::function<void()> run) {
  return {std::move(key), [run = std::move(run)](const std::stop_token&) { run(); }, {}};
}

TEST(WorkQueue, pieces_of_one_key_are_done_in_order_and_never_together) {
  std::mutex mutex;
  std::map<std::string, std::vector<int>> done;
  std::set<std::string> running;
  {
    WorkQueue queue({.workers = 4, .length_max = 50, .time_limit = 0ms, .on_error = {}});
    for (int i = 0; i < 2000; ++i) {
      const std::string key = std::to_string(i % 7);
      ASSERT_TRUE(queue.push(piece(key,
                                   [&, key, i] {
                                     {
                                       const std::lock_guard lock(mutex);
                                       EXPECT_TRUE(running.insert(key).second);
                                     }
                                     std::this_thread::yield();
                                     const std::lock_guard lock(mutex);
                                     running.erase(key);
                                     done[key].push_back(i);
                                   }),
                             10s));
    }
  }
  std::size_t count = 0;
  for (const auto& [key, numbers] : done) {
    EXPECT_TRUE(std::is_sorted(numbers.begin(), numbers.end())) << key;
    count += numbers.size();
  }
  EXPECT_EQ(count, 2000U);
}

TEST(WorkQueue, limits_beyond_all_times_are_no_limits) {
  WorkQueue queue({.workers = 1,
                   .length_max = 1,
                   .time_limit = std::chrono::milliseconds::max(),
                   .on_error = {}});
  std::promise<void> go;
  std::latch begun(1);
  ASSERT_TRUE(queue.push(piece("",
                               [&] {
                                 begun.count_down();
                                 go.get_future().wait();
                               }),
                         0ms));
  begun.wait();
  ASSERT_TRUE(queue.push(piece("", [] {}), 0ms));
  auto pushing = std::async(std::launch::async, [&] {
    return queue.push(piece("", [] {}), std::chrono::milliseconds::max());
  });
  auto draining =
      std::async(std::launch::async, [&] { return queue.drain(std::chrono::milliseconds::max()); });
  EXPECT_EQ(pushing.wait_for(200ms), std::future_status::timeout);
  EXPECT_EQ(draining.wait_for(0ms), std::future_status::timeout);
  go.set_value();
  EXPECT_TRUE(pushing.get());
  EXPECT_TRUE(draining.get());
  EXPECT_EQ(queue.counts().timed_out, 0);
}

TEST(WorkQueue, a_full_one_takes_nothing_until_there_is_room) {
  WorkQueue queue({.workers = 1, .length_max = 2, .time_limit = 0ms, .on_error = {}});
  std::promise<void> go;
  std::latch begun(1);
  ASSERT_TRUE(queue.push(piece("",
                               [&] {
                                 begun.count_down();
                                 go.get_future().wait();
                               }),
                         0ms));
  begun.wait();
  EXPECT_TRUE(queue.push(piece("", [] {}), 0ms));
  EXPECT_TRUE(queue.push(piece("", [] {}), 0ms));
  EXPECT_FALSE(queue.push(piece("", [] {}), 0ms));
  EXPECT_FALSE(queue.push(piece("", [] {}), 20ms));
  auto waiting = std::async(std::launch::async, [&] { return queue.push(piece("", [] {}), 10s); });
  go.set_value();
  EXPECT_TRUE(waiting.get());
  EXPECT_EQ(queue.counts().rejected, 2);
}

TEST(WorkQueue, one_that_is_closed_does_what_waits_and_takes_nothing_more) {
  std::atomic<int> done = 0;
  {
    WorkQueue queue({.workers = 2, .length_max = 100, .time_limit = 0ms, .on_error = {}});
    for (int i = 0; i < 20; ++i)
      ASSERT_TRUE(queue.push(piece("k", [&] { ++done; }), 0ms));
    queue.close();
    EXPECT_FALSE(queue.push(piece("k", [&] { ++done; }), 10s));
  }
  EXPECT_EQ(done, 20);
}

TEST(WorkQueue, what_a_piece_throws_is_told_and_the_next_one_runs) {
  std::vector<std::string> reasons;
  std::atomic<int> done = 0;
  WorkQueue queue({.workers = 1,
                   .length_max = 10,
                   .time_limit = 0ms,
                   .on_error = [&](const std::string& key, const std::string& reason) {
                     reasons.push_back(key + ": " + reason);
                   }});
  ASSERT_TRUE(queue.push(piece("k", [] { throw std::runtime_error("broken"); }), 0ms));
  ASSERT_TRUE(queue.push(piece("", [] { throw 42; }), 0ms));
  ASSERT_TRUE(queue.push(piece("k", [&] { ++done; }), 0ms));
  EXPECT_TRUE(queue.drain(10s));
  EXPECT_EQ(done, 1);
  EXPECT_EQ(queue.counts().failed, 2);
  EXPECT_THAT(reasons, ::testing::ElementsAre("k: broken", ::testing::HasSubstr("no std::exc")));
}

TEST(WorkQueue, a_piece_that_blocks_is_given_up_and_another_thread_works_on) {
  std::promise<void> go;
  std::promise<void> told;
  std::promise<void> other;
  std::atomic<bool> sibling = false;
  WorkQueue queue({.workers = 1, .length_max = 10, .time_limit = 50ms, .on_error = {}});
  Work blocked{"k",
               [&](const std::stop_token& stop) {
                 go.get_future().wait();
                 EXPECT_TRUE(stop.stop_requested());
               },
               [&] { told.set_value(); }};
  ASSERT_TRUE(queue.push(std::move(blocked), 0ms));
  ASSERT_TRUE(queue.push(piece("k", [&] { sibling = true; }), 0ms));
  ASSERT_TRUE(queue.push(piece("other", [&] { other.set_value(); }), 0ms));
  EXPECT_EQ(told.get_future().wait_for(10s), std::future_status::ready);
  EXPECT_EQ(other.get_future().wait_for(10s), std::future_status::ready);
  EXPECT_FALSE(sibling);  // Its key waits for the piece that still runs.
  EXPECT_EQ(queue.counts().stuck, 1U);
  go.set_value();
  queue.close();
  while (!sibling)
    (void)queue.drain(10ms);
  EXPECT_EQ(queue.counts().timed_out, 1);
  EXPECT_TRUE(queue.drain(10s));
  EXPECT_EQ(queue.counts().stuck, 0U);
}

TEST(WorkQueue, no_more_threads_are_left_behind_than_allowed) {
  std::promise<void> go;
  const std::shared_future<void> gone = go.get_future().share();
  std::atomic<int> begun = 0;
  {
    WorkQueue queue(
        {.workers = 2, .length_max = 100, .time_limit = 20ms, .stuck_max = 3, .on_error = {}});
    for (int i = 0; i < 20; ++i) {
      ASSERT_TRUE(queue.push(piece("",
                                   [&] {
                                     ++begun;
                                     gone.wait();
                                   }),
                             0ms));
    }
    while (queue.counts().timed_out < 5)
      (void)queue.drain(5ms);
    (void)queue.drain(100ms);
    EXPECT_EQ(begun, 5);
    EXPECT_EQ(queue.counts().waiting, 15U);
    go.set_value();
  }
  EXPECT_EQ(begun, 20);
}

TEST(WorkQueue, what_waits_can_be_dropped) {
  std::promise<void> go;
  std::latch begun(1);
  std::atomic<int> done = 0;
  WorkQueue queue({.workers = 1, .length_max = 10, .time_limit = 0ms, .on_error = {}});
  ASSERT_TRUE(queue.push(piece("a",
                               [&] {
                                 begun.count_down();
                                 go.get_future().wait();
                               }),
                         0ms));
  begun.wait();
  for (const char* const key : {"a", "b", "c"})
    ASSERT_TRUE(queue.push(piece(key, [&] { ++done; }), 0ms));
  EXPECT_EQ(queue.drop_waiting(), 3U);
  go.set_value();
  EXPECT_TRUE(queue.drain(10s));
  EXPECT_EQ(done, 0);
  ASSERT_TRUE(queue.push(piece("a", [&] { ++done; }), 0ms));
  EXPECT_TRUE(queue.drain(10s));
  EXPECT_EQ(done, 1);
}

}  // namespace
}  // namespace outbox::testing
