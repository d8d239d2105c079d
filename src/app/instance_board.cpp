// SPDX-License-Identifier: Apache-2.0
#include "app/instance_board.hpp"

#include <utility>

#include <outbox/uuid.hpp>

#include "core/clock.hpp"

namespace outbox::app {

namespace {

std::optional<std::int64_t> time_or_none(std::int64_t at_us) {
  return at_us == 0 ? std::nullopt : std::optional(at_us);
}

std::uint64_t count_of(const std::atomic<std::int64_t>& counter) {
  return static_cast<std::uint64_t>(counter.load());
}

void fill(admin::RelayFigures& out, const relay::Relay& relay) {
  const relay::RelayCounters counters = relay.counters();
  out.read = counters.read;
  out.acknowledged = counters.acknowledged;
  out.settled = counters.settled;
  out.retried = counters.retried;
  out.dead_lettered = counters.dead_lettered;
  out.producer_restarts = counters.handle_restarts;
  out.slots_lost = counters.slots_lost;
  out.partition_changes = counters.partition_changes;
  relay::RelayFigures figures = relay.figures();
  out.reads = figures.reads;
  out.empty_reads = figures.empty_reads;
  out.failed = figures.failed;
  out.slots_acquired = figures.slots_acquired;
  out.slots_released = figures.slots_released;
  for (relay::TopicCounts& topic : figures.topics) {
    out.topics.push_back({std::move(topic.topic), topic.published, topic.failed, topic.retried,
                          topic.dead_lettered});
  }
  out.slots_held = figures.gauges.slots_held;
  out.rows_in_flight = figures.gauges.rows_in_flight;
  out.bytes_in_flight = figures.gauges.bytes_in_flight;
  out.blocked_keys = figures.gauges.blocked_keys;
  out.held_topics = std::move(figures.gauges.held_topics);
  out.last_published_at_us = figures.last_published_at_us;
  out.read_us = std::move(figures.read_us);
  out.publish_us = std::move(figures.publish_us);
  out.settle_us = std::move(figures.settle_us);
  out.end_to_end_us = std::move(figures.end_to_end_us);
  out.rows_per_read = std::move(figures.rows_per_read);
  out.rows_per_settle = std::move(figures.rows_per_settle);
}

void fill(admin::ConsumerFigures& out, const consume::Counts& counts) {
  out.handled = count_of(counts.handled);
  out.duplicates = count_of(counts.duplicates);
  out.ignored = count_of(counts.ignored);
  out.failures = count_of(counts.failures);
  out.dead_lettered = count_of(counts.dead_lettered);
  out.delayed = count_of(counts.delayed);
  out.rebalances = count_of(counts.rebalances);
  out.lag = counts.lag.load();
  out.working_us = count_of(counts.working_us);
  out.last_handled_at_us = time_or_none(counts.last_handled_at_us.load());
  out.batch_us = counts.batch_us.view();
  out.events_per_batch = counts.events_per_batch.view();
  out.freshness_us = counts.freshness_us.view();
}

}  // namespace

InstanceBoard::InstanceBoard()
    : id_("instance-" + to_string(random_uuid()).substr(0, 8)), started_at_us_(wall_clock_us()) {}

std::unique_ptr<InstanceBoard::Place> InstanceBoard::enter(RelayNames names,
                                                           const relay::Relay& relay) {
  admin::RelayFigures begun;
  begun.store = std::move(names.store);
  begun.relay = std::move(names.relay);
  begun.member = std::move(names.member);
  begun.started_at_us = wall_clock_us();
  const std::lock_guard lock(mutex_);
  relays_[++last_number_] = [begun = std::move(begun), &relay] {
    admin::RelayFigures figures = begun;
    fill(figures, relay);
    return figures;
  };
  return std::make_unique<Place>(*this, last_number_);
}

std::unique_ptr<InstanceBoard::Place> InstanceBoard::enter(ConsumerNames names,
                                                           const consume::Counts& counts) {
  admin::ConsumerFigures begun;
  begun.name = std::move(names.name);
  begun.group_id = std::move(names.group_id);
  begun.started_at_us = wall_clock_us();
  const std::lock_guard lock(mutex_);
  consumers_[++last_number_] = [begun = std::move(begun), &counts] {
    admin::ConsumerFigures figures = begun;
    fill(figures, counts);
    return figures;
  };
  return std::make_unique<Place>(*this, last_number_);
}

void InstanceBoard::expect_cleanup(const std::string& store) {
  const std::lock_guard lock(mutex_);
  cleanups_[store].store = store;
}

void InstanceBoard::note_cleanup(const std::string& store, const jobs::CleanupSummary& summary,
                                 bool failed) {
  const std::lock_guard lock(mutex_);
  admin::CleanupFigures& figures = cleanups_[store];
  figures.store = store;
  ++figures.runs;
  figures.failed_runs += failed ? 1 : 0;
  figures.rows_removed += static_cast<std::uint64_t>(summary.rows);
  figures.inbox_rows_removed += static_cast<std::uint64_t>(summary.inbox_rows);
  figures.partitions_dropped += summary.dropped.size();
  figures.last_ended_at_us = wall_clock_us();
  if (!failed) figures.last_succeeded_at_us = figures.last_ended_at_us;
}

std::vector<admin::RelayFigures> InstanceBoard::relays() const {
  const std::lock_guard lock(mutex_);
  std::vector<admin::RelayFigures> all;
  for (const auto& [number, figures] : relays_)
    all.push_back(figures());
  return all;
}

std::vector<admin::ConsumerFigures> InstanceBoard::consumers() const {
  const std::lock_guard lock(mutex_);
  std::vector<admin::ConsumerFigures> all;
  for (const auto& [number, figures] : consumers_)
    all.push_back(figures());
  return all;
}

std::vector<admin::CleanupFigures> InstanceBoard::cleanups() const {
  const std::lock_guard lock(mutex_);
  std::vector<admin::CleanupFigures> all;
  for (const auto& [store, figures] : cleanups_)
    all.push_back(figures);
  return all;
}

void InstanceBoard::leave(int number) {
  const std::lock_guard lock(mutex_);
  relays_.erase(number);
  consumers_.erase(number);
}

}  // namespace outbox::app
