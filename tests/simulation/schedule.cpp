// SPDX-License-Identifier: Apache-2.0
#include "simulation/schedule.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <set>

#include "simulation/broker.hpp"
#include "simulation/relay_under_test.hpp"
#include "simulation/store.hpp"
#include "simulation/world.hpp"

namespace outbox::simulation {

namespace {

constexpr Duration fault_phase = std::chrono::seconds{15};
constexpr Duration drain_phase = std::chrono::seconds{240};
constexpr int refusals_for_ever = 1'000'000;
const std::vector<std::string> topic_names = {"orders", "stock"};

relay::CoreOptions core_options(const relay::Safety& safety, World& world) {
  relay::CoreOptions options;
  options.polling_interval = std::chrono::milliseconds{20};
  options.lease_ttl = std::chrono::milliseconds{1000};
  options.topic_refresh_interval = std::chrono::milliseconds{500};
  options.rescan_interval = std::chrono::milliseconds{2000};
  options.stall_after = std::chrono::milliseconds{400};
  options.batch_size = 1 + world.number(20);
  options.in_flight_rows_max = options.batch_size * (1 + world.number(6)) + 4;
  options.blocked_keys_max = 1 + world.number(20);
  options.max_attempts = Store::max_attempts;
  options.backoff.initial = std::chrono::milliseconds{50};
  options.backoff.max = std::chrono::milliseconds{1000};
  options.check_sizes = false;
  options.rows_are_claimed = world.chance(0.3);
  options.transactional = !options.rows_are_claimed && world.chance(0.4);
  options.safety = safety;
  return options;
}

/// Swarm: each kind of fault is on in about half of the seeds, at a rate of its own.
Faults draw_faults(World& world) {
  const auto rate = [&](double most) {
    return world.chance(0.5) ? most * static_cast<double>(world.number(1000)) / 1000 : 0.0;
  };
  Faults faults;
  faults.call_fails = rate(0.1);
  faults.call_in_doubt = rate(0.1);
  faults.crash_per_second = rate(0.5);
  faults.pause_per_second = rate(0.5);
  faults.refused = rate(0.1);
  faults.defect = rate(0.05);
  faults.stall_per_second = rate(0.5);
  faults.late_commit = rate(0.2);
  faults.slow_batch = rate(0.05);
  faults.disconnect_per_second = rate(0.5);
  faults.halt_per_second = rate(2);
  faults.pauses_unknown = rate(0.5);
  return faults;
}

class Schedule {
 public:
  explicit Schedule(const ScheduleOptions& options)
      : options_(options),
        world_(options.seed),
        store_(world_, std::chrono::milliseconds{1000}),
        broker_(world_, store_),
        coordinator_(broker_, store_) {
    world_.keep_trace = options.keep_trace;
    store_.fenced = options.safety.fence_settling;
  }

  ScheduleResult run() {
    world_.faults = draw_faults(world_);
    watch();
    for (const std::string& topic : topic_names) {
      const int partitions = static_cast<int>(1 + world_.number(3));
      const Duration created = world_.chance(0.3) ? world_.between(0, 3'000'000) : Duration{0};
      world_.after(created, [this, topic, partitions] { broker_.topics[topic] = partitions; });
    }
    const std::uint64_t keys = 2 + world_.number(8);
    keys_ = keys;
    end_of_faults_ = world_.now() + fault_phase;
    for (std::uint64_t key = 0; key < keys; ++key)
      write_next(key_name(key));
    const std::uint64_t relays = 1 + world_.number(3);
    const relay::CoreOptions core = core_options(options_.safety, world_);
    store_.claims = core.rows_are_claimed;
    transactional_ = core.transactional;
    const RelayUnderTest::Surroundings around{world_, store_, broker_, coordinator_};
    for (std::uint64_t i = 0; i < relays; ++i) {
      relays_.push_back(
          std::make_shared<RelayUnderTest>(around, core, "relay" + std::to_string(i)));
      world_.after(world_.between(0, 2'000'000), [relay = relays_.back()] { relay->start(); });
    }
    harm();
    world_.run_until(end_of_faults_);
    drain();
    return result();
  }

 private:
  void watch() {
    broker_.on_append = [this](const PartitionName& partition, const LogEntry& entry) {
      world_.trace("append " + partition.first + " " + std::to_string(entry.row));
      if (!appended_.insert(entry.row).second) {
        ++duplicates_;
        if (transactional_) {
          world_.broken("row " + std::to_string(entry.row) + " is committed twice");
        }
        return;
      }
      std::int64_t& last = last_first_[{partition.first, entry.key}];
      // A row that was dead-lettered meanwhile may come late (promise 4).
      const bool dead = store_.rows().at(entry.row).status == RowStatus::dead;
      if (entry.row < last && !dead) {
        world_.broken("order of " + entry.key + ": row " + std::to_string(entry.row) + " after " +
                      std::to_string(last));
      }
      last = std::max(last, entry.row);
    };
    store_.on_published = [this](const StoredRow& row) {
      world_.trace("published " + std::to_string(row.id));
      if (!appended_.contains(row.id)) {
        world_.broken("row " + std::to_string(row.id) + " is published but in no log");
      }
    };
  }

  /// A writer holds the key from before it draws the id until it has committed.
  void write_next(const std::string& key) {
    if (world_.now() >= end_of_faults_) return;
    world_.after(world_.between(500, 120'000), [this, key] {
      StoredRow row;
      row.id = store_.draw_id();
      row.key = key;
      row.topic = topic_names[world_.number(topic_names.size())];
      row.defect = world_.chance(world_.faults.defect);
      if (world_.chance(world_.faults.refused)) {
        row.refusable = true;
        row.refusals_left =
            world_.chance(0.3) ? refusals_for_ever : static_cast<int>(1 + world_.number(3));
      }
      const std::int64_t id = row.id;
      store_.insert(std::move(row));
      const bool late = world_.chance(world_.faults.late_commit);
      world_.after(world_.between(10, late ? 1'500'000 : 2'000), [this, id, key] {
        store_.commit(id);
        world_.trace("commit " + std::to_string(id));
        write_next(key);
      });
    });
  }

  void harm() {
    if (world_.now() >= end_of_faults_) return;
    world_.after(std::chrono::milliseconds{100}, [this] { harm(); });
    const Faults& faults = world_.faults;
    for (const auto& relay : relays_) {
      if (world_.chance(faults.crash_per_second / 10)) {
        ++crashes_;
        relay->crash();
        world_.after(world_.between(10'000, 3'000'000), [relay] {
          if (!relay->running()) relay->start();
        });
      }
      if (world_.chance(faults.crash_per_second / 20) && relay->running()) relay->request_stop();
      if (!relay->running() && world_.chance(0.05)) relay->start();
      if (world_.chance(faults.pause_per_second / 10)) {
        relay->pause(world_.now() + world_.between(10'000, 3'000'000));
      }
      if (world_.chance(faults.disconnect_per_second / 10)) relay->break_handle();
    }
    if (world_.chance(faults.halt_per_second / 10)) halt();
    if (world_.chance(faults.stall_per_second / 10)) {
      const std::string& topic = topic_names[world_.number(topic_names.size())];
      broker_.stall({topic, static_cast<int>(world_.number(3))},
                    world_.now() + world_.between(100'000, 3'000'000));
    }
  }

  /// An operator pauses something, and after a while lets it go on.
  void halt() {
    store::Pause pause;
    pause.kind = static_cast<store::PauseKind>(world_.number(3));
    pause.name = pause.kind == store::PauseKind::relay   ? "default"
                 : pause.kind == store::PauseKind::topic ? topic_names[world_.number(2)]
                                                         : key_name(world_.number(keys_));
    const auto stands = [pause](const store::Pause& other) {
      return other.kind == pause.kind && other.name == pause.name;
    };
    if (std::any_of(store_.pauses.begin(), store_.pauses.end(), stands)) return;
    ++halts_;
    world_.trace("paused " + pause.name);
    store_.pauses.push_back(pause);
    world_.after(world_.between(50'000, 5'000'000), [this, pause, stands] {
      world_.trace("resumed " + pause.name);
      std::erase_if(store_.pauses, stands);
    });
  }

  static std::string key_name(std::uint64_t number) { return "key" + std::to_string(number); }

  [[nodiscard]] bool is_paused(const StoredRow& row) const {
    return std::any_of(store_.pauses.begin(), store_.pauses.end(), [&](const store::Pause& pause) {
      return pause.name == row.topic || pause.name == row.key;
    });
  }

  /// What is paused waits however long it takes, and keeps nothing else from being settled.
  void drain_beside_a_pause() {
    if (world_.chance(0.5)) return;
    const bool topic = world_.chance(0.5);
    store_.pauses.push_back({topic ? store::PauseKind::topic : store::PauseKind::key,
                             topic ? topic_names[0] : key_name(0), "operator", "", 0});
    world_.trace("paused " + store_.pauses.front().name);
    drain_rows();
    store_.pauses.clear();
    world_.trace("resumed");
  }

  void drain() {
    world_.trace("faults end");
    world_.faults = Faults{};
    store_.pauses.clear();
    drain_beside_a_pause();
    drain_rows();
  }

  void drain_rows() {
    const Moment end = world_.now() + drain_phase;
    while (world_.now() < end && world_.violation.empty() && !settled()) {
      for (const auto& relay : relays_) {
        if (!relay->running()) relay->start();
      }
      world_.run_until(world_.now() + std::chrono::milliseconds{500});
    }
    for (const auto& relay : relays_) {
      if (relay->running()) world_.trace(relay->describe());
    }
    for (const auto& [id, row] : store_.rows()) {
      if (is_paused(row)) continue;
      if (row.status == RowStatus::pending || row.status == RowStatus::processing) {
        world_.broken("row " + std::to_string(id) + " of " + row.key + " is still not settled");
        break;
      }
    }
  }

  [[nodiscard]] bool settled() {
    for (const auto& [id, row] : store_.rows()) {
      const bool is_settled = row.status == RowStatus::published || row.status == RowStatus::dead;
      if (!is_settled && !is_paused(row)) return false;
    }
    return true;
  }

  ScheduleResult result() {
    ScheduleResult result;
    result.violation = world_.violation;
    result.trace_hash = world_.trace_hash();
    result.trace = std::move(world_.lines);
    result.rows = store_.rows().size();
    result.duplicates = duplicates_;
    result.crashes = crashes_;
    result.halts = halts_;
    result.transactional = transactional_;
    result.fenced_requests = coordinator_.fenced_requests;
    for (const auto& [id, row] : store_.rows()) {
      if (row.status == RowStatus::dead) ++result.dead_letters;
    }
    return result;
  }

  const ScheduleOptions options_;
  World world_;
  Store store_;
  Broker broker_;
  Coordinator coordinator_;
  bool transactional_ = false;
  std::vector<std::shared_ptr<RelayUnderTest>> relays_;
  Moment end_of_faults_;
  std::set<std::int64_t> appended_;
  std::map<std::pair<std::string, std::string>, std::int64_t> last_first_;
  std::uint64_t duplicates_ = 0;
  std::uint64_t crashes_ = 0;
  std::uint64_t halts_ = 0;
  std::uint64_t keys_ = 0;
};

}  // namespace

ScheduleResult run_schedule(const ScheduleOptions& options) {
  return Schedule(options).run();
}

}  // namespace outbox::simulation
