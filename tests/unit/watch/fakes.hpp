// SPDX-License-Identifier: Apache-2.0
//
// A process and a store without either.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <outbox/error.hpp>

#include "admin/instance.hpp"
#include "admin/samples.hpp"
#include "store/locks.hpp"

namespace outbox::admin::testing {

class FakeInstance : public Instance {
 public:
  [[nodiscard]] std::string id() const override { return "instance-00000000"; }
  [[nodiscard]] std::int64_t started_at_us() const override { return 1'700'000'000'000'000; }
  [[nodiscard]] std::vector<RelayFigures> relays() const override { return all_relays; }
  [[nodiscard]] std::vector<ConsumerFigures> consumers() const override { return all_consumers; }
  [[nodiscard]] std::vector<CleanupFigures> cleanups() const override { return all_cleanups; }

  std::vector<RelayFigures> all_relays;
  std::vector<ConsumerFigures> all_consumers;
  std::vector<CleanupFigures> all_cleanups;
};

inline HistogramView times(std::int64_t value_us) {
  Histogram histogram(time_bounds_us());
  histogram.add(value_us);
  return histogram.view();
}

inline HistogramView sizes(std::int64_t value) {
  Histogram histogram(size_bounds());
  histogram.add(value);
  return histogram.view();
}

/// Nothing of it is empty.
inline RelayFigures busy_relay() {
  RelayFigures relay;
  relay.store = "global";
  relay.relay = "default";
  relay.member = "publisher-00000000";
  relay.acknowledged = 7;
  relay.topics = {{"order.events", 7, 1, 1, 0}};
  relay.held_topics = {"stock.events"};
  relay.last_published_at_us = 1'700'000'001'500'000;
  for (HistogramView* const view :
       {&relay.read_us, &relay.publish_us, &relay.settle_us, &relay.end_to_end_us}) {
    *view = times(1'500);
  }
  relay.rows_per_read = sizes(7);
  relay.rows_per_settle = sizes(7);
  return relay;
}

inline ConsumerFigures busy_consumer() {
  ConsumerFigures consumer;
  consumer.name = "stock";
  consumer.group_id = "stock-group";
  consumer.handled = 5;
  consumer.last_handled_at_us = 1'700'000'002'000'000;
  consumer.batch_us = times(2'000);
  consumer.freshness_us = times(30'000);
  consumer.events_per_batch = sizes(5);
  return consumer;
}

inline CleanupFigures done_cleanup() {
  return {"global", 1, 0, 10, 2, 0, 1'700'000'003'000'000, 1'700'000'003'000'000};
}

inline StoreSample full_sample() {
  StoreSample sample;
  sample.store = "global";
  sample.answered = true;
  sample.at = BootClock::now();
  sample.at_us = 1'700'000'010'000'000;
  sample.table = {1'000, 65'536, 50, 8'192};
  sample.backlog.pending = 3;
  sample.backlog.oldest_pending_age = std::chrono::seconds(4);
  sample.slots = {{"replica", false, 1'048'576, "reserved"}};
  return sample;
}

/// Rows of outboxd_locks that several instances share.
struct LockRows {
  std::mutex mutex;
  std::map<std::string, Uuid> held;
  bool is_away = false;
};

class FakeLocks : public store::Locks {
 public:
  explicit FakeLocks(LockRows& rows) : rows_(rows) {}

  std::optional<std::int64_t> acquire(const std::string& name, const Uuid& token,
                                      std::chrono::milliseconds) override {
    const std::lock_guard lock(rows_.mutex);
    if (rows_.is_away) throw Error(ErrorKind::unreachable, "the store is away");
    const auto [row, fresh] = rows_.held.try_emplace(name, token);
    return fresh || row->second == token ? std::optional<std::int64_t>(1) : std::nullopt;
  }
  bool renew(const std::string& name, const Uuid& token, std::chrono::milliseconds) override {
    const std::lock_guard lock(rows_.mutex);
    return rows_.held.contains(name) && rows_.held[name] == token;
  }
  bool release(const std::string& name, const Uuid& token) override {
    const std::lock_guard lock(rows_.mutex);
    if (rows_.is_away) throw Error(ErrorKind::unreachable, "the store is away");
    const auto found = rows_.held.find(name);
    if (found == rows_.held.end() || found->second != token) return false;
    rows_.held.erase(found);
    return true;
  }

 private:
  LockRows& rows_;
};

}  // namespace outbox::admin::testing
