// SPDX-License-Identifier: Apache-2.0
//
// Pauses of a running relay, on each database with a real broker. When a pause is heeded the test
// knows by the heartbeats: the core has heard of one before it says the next.
#include <gmock/gmock.h>

#include <condition_variable>
#include <mutex>
#include <thread>

#include "broker/kafka/home.hpp"
#include "conformance/broker/broker_tools.hpp"
#include "conformance/store/mariadb_under_test.hpp"
#include "conformance/store/postgres_under_test.hpp"
#include "integration/sqlite/scratch.hpp"
#include "relay/relay.hpp"
#include "relay/start.hpp"
#include "store/mariadb/home.hpp"
#include "store/postgres/home.hpp"
#include "support/services.hpp"

namespace outbox::testing {
namespace {

using namespace std::chrono_literals;
using store::PauseKind;
using ::testing::IsEmpty;
using ::testing::SizeIs;

/// What the relay has heard with its heartbeats.
class Pulse {
 public:
  void begins() {
    const std::lock_guard lock(mutex_);
    heeded_ = told_;
    changed_.notify_all();
  }
  void ends(std::size_t pauses) {
    const std::lock_guard lock(mutex_);
    told_ = pauses;
  }
  [[nodiscard]] bool wait_for(std::size_t pauses) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, patience, [&] { return heeded_ == pauses; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<std::size_t> told_;
  std::optional<std::size_t> heeded_;
};

class WatchedLeases final : public store::Leases {
 public:
  WatchedLeases(std::unique_ptr<store::Leases> leases, Pulse& pulse)
      : leases_(std::move(leases)), pulse_(pulse) {}
  void join() override { leases_->join(); }
  store::Heartbeat heartbeat(std::span<const store::SlotLease> held) override {
    pulse_.begins();
    store::Heartbeat heartbeat = leases_->heartbeat(held);
    pulse_.ends(heartbeat.pauses.value().size());
    return heartbeat;
  }
  std::vector<store::AcquiredSlot> acquire(int slots_max) override {
    return leases_->acquire(slots_max);
  }
  void release(std::span<const store::SlotLease> held) override { leases_->release(held); }
  void leave() override { leases_->leave(); }
  store::LeaseView view() override { return leases_->view(); }

 private:
  std::unique_ptr<store::Leases> leases_;
  Pulse& pulse_;
};

struct Place {
  virtual ~Place() = default;
  virtual std::string url() = 0;
  [[nodiscard]] virtual store::Home home(const store::HomeOptions& options) = 0;
};
struct OnPostgres final : Place {
  PostgresSchema schema;
  std::string url() override { return schema.url(); }
  store::Home home(const store::HomeOptions& options) override {
    return store::postgres::make_home(options);
  }
};
struct OnMariadb final : Place {
  MariadbDatabase database;
  std::string url() override { return database.url(); }
  store::Home home(const store::HomeOptions& options) override {
    return store::mariadb::make_home(options);
  }
};
struct OnSqlite final : Place {
  ScratchFolder folder;
  std::string url() override { return folder.file(); }
  store::Home home(const store::HomeOptions& options) override {
    return store::sqlite::make_home(options);
  }
};

struct PlaceCase {
  std::string name;
  std::function<std::unique_ptr<Place>()> make;
};

class Pausing : public ::testing::TestWithParam<PlaceCase> {
 protected:
  Pausing() {
    options_.url = place_->url();
    options_.member_name = "publisher-00000001";
    options_.lease_ttl = 900ms;
    home_ = place_->home(options_);
    home_.migrations()->apply();
    controls_ = home_.controls();
    broker::ConnectionOptions connection;
    connection.bootstrap_servers = services().kafka;
    broker_ = broker::kafka::make_home(connection);
    one_ = make_topic(broker_, "one", 1);
    two_ = make_topic(broker_, "two", 1);
  }

  /// `count` events a key to a topic, numbered on.
  void write(const std::string& topic, const std::vector<std::string>& keys, int count) {
    std::vector<store::NewEvent> events;
    for (int i = 0; i < count; ++i) {
      for (const std::string& key : keys) {
        store::NewEvent event;
        event.aggregate_type = "order";
        event.aggregate_id = key;
        event.event_type = "PAID";
        event.topic = topic;
        event.payload = std::to_string(++number_);
        events.push_back(std::move(event));
      }
    }
    home_.events()->insert(events);
  }

  void start() {
    thread_ = std::jthread([this](const std::stop_token& stop) {
      store::Home watched = home_;
      watched.leases = [this] { return std::make_unique<WatchedLeases>(home_.leases(), pulse_); };
      relay::StartOptions start;
      start.terms.relay_name = "default";
      start.terms.capture = "lease";
      start.terms.settle = "mark";
      relay::RelayOptions options;
      options.prepare.outbox_id = relay::start(watched, broker_, start, log_, stop).outbox_id;
      options.core.lease_ttl = options_.lease_ttl;
      options.core.polling_interval = 20ms;
      options.core.topic_refresh_interval = 500ms;
      relay::Relay(watched, broker_, options, log_).run(stop);
    });
  }

  void stop() {
    thread_.request_stop();
    thread_.join();
  }

  void pause(PauseKind kind, const std::string& name) {
    controls_->pause({kind, name, "ada", "a test", 0});
    ASSERT_TRUE(pulse_.wait_for(++pauses_));
  }
  void resume(PauseKind kind, const std::string& name) {
    controls_->resume(kind, name);
    --pauses_;
  }

  /// The numbers of a key's events in the topic, once `count` messages of all keys are there.
  std::vector<int> numbers(const std::string& topic, std::size_t count, const std::string& key) {
    std::vector<int> numbers;
    for (const auto& message : read_topic(broker_, topic, count)) {
      if (message.key == key) numbers.push_back(std::stoi(message.value.value_or("0")));
    }
    return numbers;
  }

  static void expect_in_order(const std::vector<int>& numbers, std::size_t count) {
    EXPECT_THAT(numbers, SizeIs(count));
    EXPECT_TRUE(std::is_sorted(numbers.begin(), numbers.end()));
  }

  const std::unique_ptr<Place> place_ = GetParam().make();
  store::HomeOptions options_;
  store::Home home_;
  std::unique_ptr<store::Controls> controls_;
  broker::Home broker_;
  std::string one_;
  std::string two_;
  Pulse pulse_;
  std::size_t pauses_ = 0;
  int number_ = 0;
  Logger log_{LogLevel::error};
  std::jthread thread_;
};

TEST_P(Pausing, of_a_topic_keeps_its_events_back_and_lets_the_others_flow) {
  start();
  write(one_, {"a"}, 5);
  ASSERT_THAT(read_topic(broker_, one_, 5), SizeIs(5));
  pause(PauseKind::topic, one_);
  write(one_, {"a"}, 50);
  write(two_, {"a"}, 50);
  expect_in_order(numbers(two_, 50, "a"), 50);
  EXPECT_THAT(read_topic(broker_, one_, 5), SizeIs(5)) << "nothing of the paused topic";
  resume(PauseKind::topic, one_);
  expect_in_order(numbers(one_, 55, "a"), 55);
  stop();
}

TEST_P(Pausing, of_a_key_keeps_its_events_back_and_lets_the_others_flow) {
  start();
  write(one_, {"a", "b"}, 5);
  ASSERT_THAT(read_topic(broker_, one_, 10), SizeIs(10));
  pause(PauseKind::key, "a");
  write(one_, {"a", "b"}, 50);
  expect_in_order(numbers(one_, 60, "b"), 55);
  EXPECT_THAT(numbers(one_, 60, "a"), SizeIs(5)) << "nothing of the paused key";
  resume(PauseKind::key, "a");
  expect_in_order(numbers(one_, 110, "a"), 55);
  stop();
}

TEST_P(Pausing, of_the_relay_keeps_all_back_and_its_leases) {
  start();
  write(one_, {"a"}, 5);
  ASSERT_THAT(read_topic(broker_, one_, 5), SizeIs(5));
  pause(PauseKind::relay, "default");
  write(one_, {"a"}, 50);
  write(two_, {"b"}, 50);
  // Two more heartbeats later nothing has gone out, and every slot is still held.
  pause(PauseKind::key, "nobody");
  pause(PauseKind::key, "nobody either");
  EXPECT_THAT(read_topic(broker_, one_, 5), SizeIs(5));
  EXPECT_THAT(read_topic(broker_, two_, 0), IsEmpty());
  for (const store::SlotView& slot : home_.leases()->view().slots)
    EXPECT_EQ(slot.owner, "publisher-00000001");
  resume(PauseKind::relay, "default");
  expect_in_order(numbers(one_, 55, "a"), 55);
  expect_in_order(numbers(two_, 50, "b"), 50);
  stop();
}

TEST_P(Pausing, in_the_middle_of_a_flow_loses_nothing_and_keeps_the_order) {
  start();
  const std::jthread writer([this] {
    for (int i = 0; i < 40; ++i)
      write(one_, {"a", "b", "c"}, 10);
  });
  pause(PauseKind::topic, one_);
  resume(PauseKind::topic, one_);
  pause(PauseKind::key, "b");
  resume(PauseKind::key, "b");
  for (const char* const key : {"a", "b", "c"})
    expect_in_order(numbers(one_, 1200, key), 400);
  stop();
  const store::BacklogView backlog = home_.backlog()->view(100'000);
  EXPECT_EQ(backlog.pending, 0);
  EXPECT_EQ(backlog.retrying, 0) << "nothing counts as an attempt";
  EXPECT_EQ(backlog.dead, 0);
}

TEST_P(Pausing, stands_before_a_relay_starts_and_after_it_ended) {
  controls_->pause({PauseKind::topic, one_, "ada", "", 0});
  ++pauses_;
  write(one_, {"a"}, 5);
  write(two_, {"a"}, 5);
  start();
  EXPECT_THAT(read_topic(broker_, two_, 5), SizeIs(5));
  EXPECT_THAT(read_topic(broker_, one_, 0), IsEmpty());
  stop();
  EXPECT_EQ(home_.backlog()->view(100'000).pending, 5);
}

TEST_P(Pausing, has_nothing_to_do_with_a_held_topic_which_is_noted_for_all_to_see) {
  const std::string missing = unique_name("missing");
  write(missing, {"a"}, 3);
  start();
  const auto held = [&] {
    for (const store::HeldTopic& topic : controls_->held_topics()) {
      if (topic.topic == missing) return topic.reason;
    }
    return std::string();
  };
  const auto wait = [&](bool wanted) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (held().empty() == wanted && std::chrono::steady_clock::now() < deadline)
      std::this_thread::yield();
    return held().empty() != wanted;
  };
  EXPECT_TRUE(wait(true));
  EXPECT_THAT(held(), ::testing::HasSubstr(missing));
  broker::NewTopic topic;
  topic.name = missing;
  EXPECT_FALSE(broker_.admin()->create({topic}, patience).front());
  EXPECT_TRUE(wait(false)) << "noted no longer, once it is open";
  expect_in_order(numbers(missing, 3, "a"), 3);
  stop();
}

INSTANTIATE_TEST_SUITE_P(
    Each, Pausing,
    ::testing::Values(PlaceCase{"postgres", [] { return std::make_unique<OnPostgres>(); }},
                      PlaceCase{"mariadb", [] { return std::make_unique<OnMariadb>(); }},
                      PlaceCase{"sqlite", [] { return std::make_unique<OnSqlite>(); }}),
    [](const auto& place) { return place.param.name; });

}  // namespace
}  // namespace outbox::testing
