// SPDX-License-Identifier: Apache-2.0
#include "admin/samples.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>

#include "fakes.hpp"

namespace outbox::admin {
namespace {

class FakeBacklog : public store::Backlog {
 public:
  explicit FakeBacklog(std::atomic<bool>& is_away) : is_away_(is_away) {}
  store::BacklogView view(std::int64_t) override {
    if (is_away_) throw Error(ErrorKind::unreachable, "no route to it");
    store::BacklogView view;
    view.pending = 12;
    view.blocked_keys.resize(3);
    return view;
  }
  std::vector<store::TypeCount> pending_types(std::int64_t,
                                              const std::vector<std::string>&) override {
    return {};
  }

 private:
  std::atomic<bool>& is_away_;
};

/// Says of some things that this user may not see them.
class FakeDiagnosis : public store::Diagnosis {
 public:
  std::vector<Finding> examine() override { return {}; }
  store::TableFigures figures() override { return {5, 8'192, {}, {}}; }
  std::vector<store::ReplicationSlot> replication_slots() override {
    throw Error(ErrorKind::configuration, "permission denied");
  }
  std::int64_t clock_us() override { return 0; }
};

class SamplerTest : public ::testing::Test {
 protected:
  SamplerTest() {
    site_.has_broker = false;
    StoreSite store;
    store.name = "global";
    store.home.backlog = [this] { return std::make_unique<FakeBacklog>(is_away_); };
    store.home.diagnosis = [] { return std::make_unique<FakeDiagnosis>(); };
    site_.stores.push_back(std::move(store));
  }

  static StoreSample wait_for(const Sampler& sampler,
                              const std::function<bool(const StoreSample&)>& holds) {
    for (;;) {
      const Samples samples = sampler.latest();
      if (!samples.stores.empty() && holds(samples.stores[0])) return samples.stores[0];
      std::this_thread::yield();
    }
  }

  std::atomic<bool> is_away_{false};
  Site site_;
  Logger logger_{LogLevel::error};
};

TEST_F(SamplerTest, keeps_what_the_store_shows_and_leaves_out_what_it_does_not) {
  const Sampler sampler(site_, std::chrono::milliseconds(10), logger_);
  const StoreSample sample = wait_for(sampler, [](const auto& one) { return one.answered; });
  EXPECT_EQ(sample.backlog.pending, 12);
  EXPECT_TRUE(sample.backlog.blocked_keys.empty());
  EXPECT_EQ(sample.table.bytes, 8'192);
  EXPECT_TRUE(sample.slots.empty());
  EXPECT_TRUE(sample.held_topics.empty());
  EXPECT_FALSE(sampler.latest().broker.has_value());
}

TEST_F(SamplerTest, says_of_a_store_that_went_away_that_it_is_down_until_it_is_back) {
  const Sampler sampler(site_, std::chrono::milliseconds(10), logger_);
  static_cast<void>(wait_for(sampler, [](const auto& one) { return one.answered; }));
  is_away_ = true;
  const StoreSample away = wait_for(sampler, [](const auto& one) { return !one.answered; });
  EXPECT_NE(away.error.find("no route to it"), std::string::npos);
  is_away_ = false;
  static_cast<void>(wait_for(sampler, [](const auto& one) { return one.answered; }));
}

}  // namespace
}  // namespace outbox::admin
