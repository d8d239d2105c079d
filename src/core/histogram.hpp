// SPDX-License-Identifier: Apache-2.0
//
// How values are distributed, counted without a lock: whoever works adds, whoever shows the figures
// takes a view.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <vector>

namespace outbox {

/// A histogram as it stood. Taken while others add, it may miss what they are adding just now.
struct HistogramView {
  std::vector<std::int64_t> bounds;  ///< Ascending; a value equal to a bound counts below it.
  std::vector<std::uint64_t>
      counts;  ///< Per bucket, not cumulative; the last is beyond all bounds.
  std::int64_t sum = 0;

  [[nodiscard]] std::uint64_t count() const;
  /// Another one's counts on top; its bounds must be the same, or this one be empty.
  void merge(const HistogramView& other);
};

/// Bounds in microseconds from 500 µs to 10 minutes, for whatever takes time.
[[nodiscard]] std::span<const std::int64_t> time_bounds_us() noexcept;
/// Bounds from 1 to 100,000, for sizes of batches.
[[nodiscard]] std::span<const std::int64_t> size_bounds() noexcept;

class HistogramBatch;

/// Thread-safety: any thread, at any time.
class Histogram {
 public:
  static constexpr std::size_t bounds_max = 23;

  /// `bounds` ascend and are at most bounds_max; they are copied.
  explicit Histogram(std::span<const std::int64_t> bounds);

  /// Two atomic additions, some 10 ns; for many values at once see HistogramBatch.
  void add(std::int64_t value) noexcept {
    counts_[bucket_of(value)].fetch_add(1, std::memory_order_relaxed);
    sum_.fetch_add(value, std::memory_order_relaxed);
  }

  [[nodiscard]] HistogramView view() const;

 private:
  friend class HistogramBatch;

  [[nodiscard]] std::size_t bucket_of(std::int64_t value) const noexcept {
    const auto end = bounds_.begin() + static_cast<std::ptrdiff_t>(bounds_count_);
    return static_cast<std::size_t>(std::lower_bound(bounds_.begin(), end, value) -
                                    bounds_.begin());
  }

  std::array<std::int64_t, bounds_max> bounds_{};
  std::size_t bounds_count_ = 0;
  std::array<std::atomic<std::uint64_t>, bounds_max + 1> counts_{};
  std::atomic<std::int64_t> sum_{0};
};

/// Values of one thread, added to a histogram together: a row then costs 1 to 3 ns and no atomic
/// operation, for values that follow each other mostly fall into the same bucket.
class HistogramBatch {
 public:
  explicit HistogramBatch(Histogram& histogram) noexcept : histogram_(histogram) {}
  ~HistogramBatch() { flush(); }
  HistogramBatch(const HistogramBatch&) = delete;
  HistogramBatch& operator=(const HistogramBatch&) = delete;

  void add(std::int64_t value) noexcept {
    if (value <= above_ || value > up_to_) change_bucket(value);
    ++count_;
    sum_ += value;
  }

  /// What was added so far becomes visible.
  void flush() noexcept;

 private:
  void change_bucket(std::int64_t value) noexcept;

  Histogram& histogram_;
  std::size_t bucket_ = 0;
  std::int64_t above_ = 0;  ///< The values of the bucket: above this one, up to the other.
  std::int64_t up_to_ = 0;
  std::uint64_t count_ = 0;  ///< Of the bucket, not yet in the histogram.
  std::int64_t sum_ = 0;
};

}  // namespace outbox
