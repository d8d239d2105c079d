// SPDX-License-Identifier: Apache-2.0
#include "core/histogram.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <limits>
#include <stdexcept>
#include <thread>
#include <vector>

namespace outbox {
namespace {

using ::testing::ElementsAre;

constexpr std::array<std::int64_t, 3> bounds = {10, 100, 1'000};

TEST(Histogram, counts_a_value_equal_to_a_bound_below_it) {
  Histogram histogram(bounds);
  for (const std::int64_t value : {0, 10, 11, 100, 1'000, 1'001})
    histogram.add(value);
  const HistogramView view = histogram.view();
  EXPECT_THAT(view.counts, ElementsAre(2, 2, 1, 1));
  EXPECT_EQ(view.sum, 2'122);
  EXPECT_EQ(view.count(), 6U);
}

TEST(Histogram, takes_values_below_and_beyond_all_bounds) {
  Histogram histogram(bounds);
  histogram.add(-5);
  histogram.add(std::numeric_limits<std::int64_t>::max() - 1'000);
  EXPECT_THAT(histogram.view().counts, ElementsAre(1, 0, 0, 1));
}

TEST(Histogram, loses_nothing_where_many_threads_add) {
  Histogram histogram(bounds);
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < 4; ++thread) {
      threads.emplace_back([&] {
        for (int i = 0; i < 20'000; ++i)
          histogram.add(i % 2'000);
      });
    }
  }
  EXPECT_EQ(histogram.view().count(), 80'000U);
}

TEST(Histogram, refuses_bounds_that_do_not_ascend_or_are_too_many) {
  EXPECT_THROW(Histogram(std::array<std::int64_t, 2>{5, 1}), std::invalid_argument);
  EXPECT_THROW(Histogram(std::vector<std::int64_t>(24, 1)), std::invalid_argument);
}

TEST(HistogramBatch, adds_the_same_as_single_values_do) {
  Histogram singly(bounds);
  Histogram together(bounds);
  const std::vector<std::int64_t> values = {0, 0, 7, 10, 11, 5'000, 100, 101, 9, 1'000, 1'001, -3};
  {
    HistogramBatch batch(together);
    for (const std::int64_t value : values) {
      singly.add(value);
      batch.add(value);
    }
  }
  EXPECT_EQ(together.view().counts, singly.view().counts);
  EXPECT_EQ(together.view().sum, singly.view().sum);
}

TEST(HistogramBatch, shows_what_was_added_when_it_is_flushed) {
  Histogram histogram(bounds);
  HistogramBatch batch(histogram);
  batch.add(50);
  batch.add(50);
  EXPECT_EQ(histogram.view().count(), 0U);
  batch.flush();
  EXPECT_EQ(histogram.view().count(), 2U);
  batch.add(50);
  batch.flush();
  EXPECT_THAT(histogram.view().counts, ElementsAre(0, 3, 0, 0));
}

TEST(HistogramView, merges_counts_of_the_same_bounds_and_no_others) {
  Histogram one(bounds);
  one.add(5);
  HistogramView sum;
  sum.merge(one.view());
  sum.merge(one.view());
  EXPECT_THAT(sum.counts, ElementsAre(2, 0, 0, 0));
  EXPECT_EQ(sum.sum, 10);
  EXPECT_THROW(sum.merge(Histogram(size_bounds()).view()), std::invalid_argument);
}

}  // namespace
}  // namespace outbox
