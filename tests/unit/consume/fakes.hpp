// SPDX-License-Identifier: Apache-2.0
//
// The seams in memory: a table of effects with real transactions, one partitioned topic, and a
// dead-letter topic. What they do wrong is told to them.
#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <outbox/error.hpp>
#include <set>
#include <string>
#include <vector>

#include "broker/home.hpp"
#include "store/home.hpp"

namespace outbox::testing {

/// What operators have paused, for any number of consumers.
class FakeControls {
 public:
  void set(std::vector<store::Pause> pauses) {
    const std::lock_guard lock(mutex_);
    pauses_ = std::move(pauses);
  }
  /// So many looks fail.
  void refuse(int looks) {
    const std::lock_guard lock(mutex_);
    refused_ = looks;
  }

  [[nodiscard]] std::function<std::unique_ptr<store::Controls>()> maker() {
    struct Seam final : store::Controls {
      explicit Seam(FakeControls& owner) : fake(owner) {}
      std::vector<store::Pause> pauses() override { return fake.look(); }
      bool pause(const store::Pause&) override { return false; }
      bool resume(store::PauseKind, const std::string&) override { return false; }
      void note(const store::AuditEntry&) override {}
      std::vector<store::AuditEntry> audit(std::optional<std::int64_t>, std::size_t) override {
        return {};
      }
      std::vector<store::HeldTopic> held_topics() override { return {}; }
      void note_held_topic(const std::string&, const std::string&) override {}
      FakeControls& fake;
    };
    return [this] { return std::make_unique<Seam>(*this); };
  }

 private:
  std::vector<store::Pause> look() {
    const std::lock_guard lock(mutex_);
    if (refused_-- > 0) throw Error(ErrorKind::unreachable, "the database is away");
    return pauses_;
  }

  std::mutex mutex_;
  std::vector<store::Pause> pauses_;
  int refused_ = 0;
};

struct FakeStore {
  FakeControls* controls = nullptr;
  struct State {
    std::set<Uuid> claimed;
    std::vector<std::string> effects;
  };
  State committed;
  int commits = 0;
  int begins_refused = 0;    ///< So many begin() throw Error(unreachable).
  int commits_in_doubt = 0;  ///< So many commit() do their work and then throw.

  class Transaction final : public store::InboxTransaction {
   public:
    explicit Transaction(FakeStore& fake) : fake_(fake), state_(fake.committed) {}
    std::vector<bool> claim(std::span<const Uuid> ids) override {
      std::vector<bool> is_new;
      for (const Uuid& id : ids)
        is_new.push_back(state_.claimed.insert(id).second);
      return is_new;
    }
    std::vector<std::vector<std::optional<std::string>>> execute(
        std::string_view sql, std::span<const std::optional<std::string>>) override {
      state_.effects.emplace_back(sql);
      return {};
    }
    void savepoint() override { saved_ = state_; }
    void rollback_to_savepoint() override { state_ = saved_; }
    void commit() override {
      fake_.committed = state_;
      fake_.commits += 1;
      if (fake_.commits_in_doubt > 0) {
        fake_.commits_in_doubt -= 1;
        throw Error(ErrorKind::unreachable, "the connection broke").doubted();
      }
    }

   private:
    FakeStore& fake_;
    State state_;
    State saved_;
  };

  [[nodiscard]] store::Home home() {
    struct FakeInbox final : store::Inbox {
      explicit FakeInbox(FakeStore& owner) : fake(owner) {}
      std::unique_ptr<store::InboxTransaction> begin() override {
        if (fake.begins_refused > 0) {
          fake.begins_refused -= 1;
          throw Error(ErrorKind::unreachable, "the database is away");
        }
        return std::make_unique<Transaction>(fake);
      }
      FakeStore& fake;
    };
    store::Home home;
    home.inbox = [this] { return std::make_unique<FakeInbox>(*this); };
    if (controls != nullptr) home.controls = controls->maker();
    return home;
  }
};

struct FakeBroker {
  std::deque<broker::IncomingBatch> polls;
  std::map<int, std::int64_t> committed;  ///< Next offset by partition.
  std::deque<bool> commit_answers;        ///< True where none is left.
  std::set<broker::PartitionName> paused;
  std::function<void()> when_paused;
  int consumers_made = 0;
  int released = 0;
  struct DeadLetter {
    std::string topic;
    std::string key;
    std::map<std::string, std::string> headers;
  };
  std::vector<DeadLetter> dead_letters;
  int dead_letters_refused = 0;
  /// Called when a poll finds nothing more and all that was polled is committed.
  std::function<void()> when_done;

  class Consumer final : public broker::Consumer {
   public:
    explicit Consumer(FakeBroker& fake) : fake_(fake) { fake_.consumers_made += 1; }
    broker::IncomingBatch poll(int, std::chrono::milliseconds timeout) override {
      if (fake_.polls.empty() || !all_committed()) {
        if (fake_.polls.empty() && all_committed()) fake_.when_done();
        std::unique_lock lock(mutex_);
        woken_.wait_for(lock, timeout, [this] { return std::exchange(awake_, false); });
        return {};
      }
      broker::IncomingBatch batch = std::move(fake_.polls.front());
      fake_.polls.pop_front();
      for (const auto& message : batch.messages)
        given_[message.partition] = message.offset + 1;
      return batch;
    }
    void release() override { fake_.released += 1; }
    [[nodiscard]] bool commit(std::span<const broker::Position> next) override {
      bool answer = true;
      if (!fake_.commit_answers.empty()) {
        answer = fake_.commit_answers.front();
        fake_.commit_answers.pop_front();
      }
      for (const auto& position : next)
        fake_.committed[position.partition] = position.offset;
      return answer;
    }
    void pause(std::span<const broker::PartitionName> partitions) override {
      fake_.paused.insert(partitions.begin(), partitions.end());
      if (fake_.when_paused) fake_.when_paused();
    }
    void resume(std::span<const broker::PartitionName> partitions) override {
      for (const auto& partition : partitions)
        fake_.paused.erase(partition);
    }
    std::vector<broker::Position> ends() override { return {}; }
    void wake() override {
      const std::lock_guard lock(mutex_);
      awake_ = true;
      woken_.notify_all();
    }

   private:
    [[nodiscard]] bool all_committed() const {
      for (const auto& [partition, offset] : given_) {
        const auto found = fake_.committed.find(partition);
        if (found == fake_.committed.end() || found->second < offset) return false;
      }
      return true;
    }

    FakeBroker& fake_;
    std::map<int, std::int64_t> given_;
    std::mutex mutex_;
    std::condition_variable woken_;
    bool awake_ = false;
  };

  class Producer final : public broker::Producer {
   public:
    explicit Producer(FakeBroker& fake) : fake_(fake) {}
    [[nodiscard]] broker::Handover produce(const broker::OutgoingMessage& message) override {
      broker::Delivery delivery;
      delivery.tag = message.tag;
      if (fake_.dead_letters_refused > 0) {
        fake_.dead_letters_refused -= 1;
        delivery.status = broker::DeliveryStatus::refused;
        delivery.failure = {FailureKind::hold_topic, "too few replicas"};
      } else {
        DeadLetter letter{std::string(message.topic), std::string(message.key), {}};
        for (const auto& header : message.headers) {
          letter.headers[std::string(header.name)] = header.value.value_or("");
        }
        fake_.dead_letters.push_back(std::move(letter));
      }
      deliveries_.push_back(std::move(delivery));
      return broker::Handover::accepted;
    }
    [[nodiscard]] Failure refusal() const override { return {}; }
    [[nodiscard]] broker::Poll poll(std::chrono::milliseconds) override {
      broker::Poll poll;
      poll.deliveries = std::exchange(deliveries_, {});
      return poll;
    }
    void wake() override {}

   private:
    FakeBroker& fake_;
    std::vector<broker::Delivery> deliveries_;
  };

  class Admin final : public broker::Admin {
   public:
    broker::ClusterView cluster(std::chrono::milliseconds) override { return {}; }
    std::vector<broker::TopicView> topics(const std::vector<std::string>& names,
                                          std::chrono::milliseconds) override {
      broker::TopicView view;
      view.name = names.at(0);
      view.partitions = 3;
      return {view};
    }
    std::vector<std::optional<Failure>> create(const std::vector<broker::NewTopic>&,
                                               std::chrono::milliseconds) override {
      return {};
    }
  };

  [[nodiscard]] broker::Home home() {
    broker::Home home;
    home.consumer = [this](const broker::ConsumerOptions&) {
      return std::make_unique<Consumer>(*this);
    };
    home.producer = [this](const std::string&) { return std::make_unique<Producer>(*this); };
    home.admin = [] { return std::make_unique<Admin>(); };
    return home;
  }
};

}  // namespace outbox::testing
