// SPDX-License-Identifier: Apache-2.0
#include "app/demo_figures.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace outbox::app {

namespace {

std::uint64_t short_identity(const Uuid& uuid) {
  std::uint64_t bits = 0;
  std::memcpy(&bits, uuid.bytes.data(), sizeof bits);
  return bits;
}

}  // namespace

void LatencyHistogram::add(std::chrono::microseconds latency) {
  const auto us = static_cast<std::uint64_t>(std::max<std::int64_t>(latency.count(), 0));
  // Below 32 us a bucket a microsecond; above, 32 buckets to each doubling.
  std::size_t bucket = us;
  if (us >= steps_per_doubling) {
    const unsigned doubling = static_cast<unsigned>(std::bit_width(us)) - 6;
    bucket = std::size_t{doubling + 1} * steps_per_doubling + (us >> doubling) - steps_per_doubling;
  }
  counts_[std::min(bucket, counts_.size() - 1)] += 1;
  total_ += 1;
}

double LatencyHistogram::milliseconds_at(double part) const {
  if (total_ == 0) return 0;
  auto rest = static_cast<std::uint64_t>(part * static_cast<double>(total_ - 1));
  std::size_t bucket = 0;
  while (bucket + 1 < counts_.size() && rest >= counts_[bucket])
    rest -= counts_[bucket++];
  if (bucket < steps_per_doubling) return static_cast<double>(bucket) / 1000.0;
  const std::size_t doubling = bucket / steps_per_doubling - 1;
  const std::size_t step = bucket % steps_per_doubling + steps_per_doubling;
  return static_cast<double>((step + 1) << doubling) / 1000.0;
}

void DemoLedger::committing(std::int64_t order) {
  const std::lock_guard lock(mutex_);
  under_way_.emplace(order, BootClock::now());
}

void DemoLedger::committed(std::int64_t order) {
  const Moment now = BootClock::now();
  const std::lock_guard lock(mutex_);
  figures_.written += 1;
  const auto found = under_way_.find(order);
  if (found != under_way_.end()) found->second = now;
}

void DemoLedger::rolled_back(const Uuid& event_id) {
  const std::lock_guard lock(mutex_);
  figures_.rolled_back += 1;
  if (rolled_back_.size() < rolled_back_max) rolled_back_.insert(short_identity(event_id));
}

void DemoLedger::consumed(const std::vector<Consumed>& orders) {
  const Moment now = BootClock::now();
  const std::lock_guard lock(mutex_);
  for (const Consumed& entry : orders) {
    figures_.consumed += 1;
    if (rolled_back_.contains(short_identity(entry.event_id))) figures_.rolled_back_seen += 1;
    if (newest_of_customer_.size() <= entry.customer)
      newest_of_customer_.resize(entry.customer + 1);
    std::int64_t& newest = newest_of_customer_[entry.customer];
    if (entry.order < newest) figures_.out_of_order += 1;
    newest = std::max(newest, entry.order);
    const auto found = under_way_.find(entry.order);
    if (found == under_way_.end()) continue;
    const auto latency = std::chrono::duration_cast<std::chrono::microseconds>(now - found->second);
    all_.add(latency);
    recent_.add(latency);
    under_way_.erase(found);
  }
  fewer_under_way_.notify_all();
}

bool DemoLedger::wait_for_room(std::size_t orders_max, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  return fewer_under_way_.wait(lock, stop, [&] { return under_way_.size() < orders_max; });
}

bool DemoLedger::wait_until_drained(std::chrono::milliseconds timeout) {
  std::unique_lock lock(mutex_);
  return fewer_under_way_.wait_for(lock, timeout, [&] { return under_way_.empty(); });
}

DemoFigures DemoLedger::take_figures() {
  const std::lock_guard lock(mutex_);
  DemoFigures figures = figures_;
  figures.latency_p50_ms = all_.milliseconds_at(0.50);
  figures.latency_p99_ms = all_.milliseconds_at(0.99);
  figures.recent_p50_ms = recent_.milliseconds_at(0.50);
  figures.recent_p99_ms = recent_.milliseconds_at(0.99);
  recent_.clear();
  return figures;
}

}  // namespace outbox::app
