// SPDX-License-Identifier: Apache-2.0
#include "core/histogram.hpp"

#include <limits>
#include <numeric>
#include <stdexcept>

namespace outbox {

std::uint64_t HistogramView::count() const {
  return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
}

void HistogramView::merge(const HistogramView& other) {
  if (counts.empty()) {
    *this = other;
    return;
  }
  if (bounds != other.bounds) throw std::invalid_argument("histograms of different bounds");
  for (std::size_t i = 0; i < counts.size(); ++i)
    counts[i] += other.counts[i];
  sum += other.sum;
}

std::span<const std::int64_t> time_bounds_us() noexcept {
  static constexpr std::int64_t bounds[] = {
      500,       1'000,      2'500,      5'000,      10'000,      25'000,
      50'000,    100'000,    250'000,    500'000,    1'000'000,   2'500'000,
      5'000'000, 10'000'000, 30'000'000, 60'000'000, 300'000'000, 600'000'000};
  return bounds;
}

std::span<const std::int64_t> size_bounds() noexcept {
  static constexpr std::int64_t bounds[] = {
      1, 2, 5, 10, 20, 50, 100, 200, 500, 1'000, 2'000, 5'000, 10'000, 20'000, 50'000, 100'000};
  return bounds;
}

Histogram::Histogram(std::span<const std::int64_t> bounds) : bounds_count_(bounds.size()) {
  if (bounds.size() > bounds_max || !std::is_sorted(bounds.begin(), bounds.end())) {
    throw std::invalid_argument("a histogram's bounds ascend, and are at most 23");
  }
  std::copy(bounds.begin(), bounds.end(), bounds_.begin());
}

HistogramView Histogram::view() const {
  HistogramView view;
  view.bounds.assign(bounds_.begin(), bounds_.begin() + static_cast<std::ptrdiff_t>(bounds_count_));
  view.counts.reserve(bounds_count_ + 1);
  for (std::size_t i = 0; i <= bounds_count_; ++i)
    view.counts.push_back(counts_[i].load(std::memory_order_relaxed));
  view.sum = sum_.load(std::memory_order_relaxed);
  return view;
}

void HistogramBatch::flush() noexcept {
  if (count_ > 0) histogram_.counts_[bucket_].fetch_add(count_, std::memory_order_relaxed);
  if (sum_ != 0) histogram_.sum_.fetch_add(sum_, std::memory_order_relaxed);
  count_ = 0;
  sum_ = 0;
}

void HistogramBatch::change_bucket(std::int64_t value) noexcept {
  flush();
  bucket_ = histogram_.bucket_of(value);
  above_ =
      bucket_ == 0 ? std::numeric_limits<std::int64_t>::min() : histogram_.bounds_[bucket_ - 1];
  up_to_ = bucket_ == histogram_.bounds_count_ ? std::numeric_limits<std::int64_t>::max()
                                               : histogram_.bounds_[bucket_];
}

}  // namespace outbox
