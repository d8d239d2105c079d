// SPDX-License-Identifier: Apache-2.0
//
// A site of fakes: stores in memory, and brokers.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "admin/office.hpp"
#include "unit/admin/fake_controls.hpp"

namespace outbox::testing {

inline store::Home home_of(const FakeStorePointer& store) {
  store::Home home;
  home.lookup = [store] { return std::make_unique<FakeLookup>(store); };
  home.dead_rows = [store] { return std::make_unique<FakeDeadRows>(store); };
  home.controls = [store] { return std::make_unique<FakeControls>(store); };
  home.letter_marks = [store] { return std::make_unique<FakeMarks>(store); };
  home.backlog = [store] { return std::make_unique<FakeBacklog>(store); };
  home.leases = [store] { return std::make_unique<FakeLeases>(store); };
  return home;
}

inline admin::StoreSite store_site(const std::string& name, const FakeStorePointer& store) {
  admin::StoreSite site;
  site.name = name;
  site.database = "memory:" + name;
  site.table = "outbox_events";
  site.relays.push_back({"default", {}, home_of(store)});
  site.home = home_of(store);
  site.topic_of = [](const store::EventView& event) {
    return event.topic.empty() ? std::string("orders") : event.topic;
  };
  return site;
}

/// One topic of dead letters, by partition.
struct FakeTopic {
  std::mutex mutex;
  std::map<int, std::vector<broker::IncomingMessage>> partitions;
  std::map<int, std::int64_t> first;  ///< What retention left of it; none: all.
  bool is_down = false;

  void add(int partition, const std::string& key, const std::string& event_id,
           const std::string& error) {
    auto& messages = partitions[partition];
    broker::IncomingMessage message;
    message.topic = "deadletter.events";
    message.partition = partition;
    message.offset = static_cast<std::int64_t>(messages.size());
    message.key = key;
    message.value = "{\"n\": 1}";
    message.timestamp_ms = 1'700'000'000'000 + message.offset;
    message.headers = {{"event_id", event_id},
                       {"event_type", "placed"},
                       {"dead_letter_topic", "orders"},
                       {"dead_letter_partition", "0"},
                       {"dead_letter_offset", "7"},
                       {"dead_letter_group", "stock"},
                       {"dead_letter_attempts", "5"},
                       {"dead_letter_error", error},
                       {"dead_letter_time", "2026-11-21T10:00:00.000000Z"}};
    messages.push_back(std::move(message));
  }
};

class FakeReader : public broker::Reader {
 public:
  explicit FakeReader(std::shared_ptr<FakeTopic> topic) : topic_(std::move(topic)) {}

  std::vector<broker::PartitionRange> ranges(const std::string& topic,
                                             std::chrono::milliseconds /*timeout*/) override {
    const std::lock_guard lock(topic_->mutex);
    if (topic_->is_down) throw Error(ErrorKind::unreachable, "the brokers are away");
    if (topic != "deadletter.events") throw Error(ErrorKind::not_found, "no topic " + topic);
    std::vector<broker::PartitionRange> ranges;
    for (const auto& [partition, messages] : topic_->partitions)
      ranges.push_back(
          {partition, topic_->first[partition], static_cast<std::int64_t>(messages.size())});
    return ranges;
  }
  std::vector<broker::Position> offsets_at(const std::string& topic, std::int64_t /*time*/,
                                           std::chrono::milliseconds timeout) override {
    std::vector<broker::Position> positions;
    for (const auto& range : ranges(topic, timeout))
      positions.push_back({topic, range.partition, 0});
    return positions;
  }
  void assign(std::span<const broker::Position> from) override {
    next_.assign(from.begin(), from.end());
    ++assigned;
  }
  Answer poll(int messages_max, std::chrono::milliseconds /*timeout*/) override {
    const std::lock_guard lock(topic_->mutex);
    Answer answer;
    for (broker::Position& position : next_) {
      const auto& messages = topic_->partitions[position.partition];
      while (position.offset < static_cast<std::int64_t>(messages.size()) &&
             static_cast<int>(answer.messages.size()) < messages_max)
        answer.messages.push_back(messages[static_cast<std::size_t>(position.offset++)]);
    }
    return answer;
  }
  void note_progress(std::span<const broker::Position> /*next*/) override {}
  void wake() override {}

  int assigned = 0;

 private:
  const std::shared_ptr<FakeTopic> topic_;
  std::vector<broker::Position> next_;
};

/// Remembers what was sent back, by event id.
struct FakeSending {
  std::mutex mutex;
  std::vector<broker::IncomingMessage> sent;
  std::set<std::string> refused_keys;
};

class FakeSender : public admin::LetterSender {
 public:
  explicit FakeSender(std::shared_ptr<FakeSending> sending) : sending_(std::move(sending)) {}
  std::optional<Failure> send_back(const broker::IncomingMessage& letter,
                                   const std::stop_token& /*stop*/) override {
    const std::lock_guard lock(sending_->mutex);
    if (sending_->refused_keys.contains(letter.key.value_or(""))) {
      return Failure{FailureKind::retry_event, "too large"};
    }
    sending_->sent.push_back(letter);
    return std::nullopt;
  }

 private:
  const std::shared_ptr<FakeSending> sending_;
};

inline std::string header_of(const broker::IncomingMessage& message, const std::string& name) {
  for (const auto& header : message.headers)
    if (header.name == name) return header.value.value_or("");
  return {};
}

/// A site of fakes: the stores given, one consumer, one dead-letter topic.
struct FakeSite {
  std::map<std::string, FakeStorePointer> stores;
  std::shared_ptr<FakeTopic> topic = std::make_shared<FakeTopic>();
  std::shared_ptr<FakeSending> sending = std::make_shared<FakeSending>();

  explicit FakeSite(const std::vector<std::string>& names = {"global"}) {
    for (const std::string& name : names)
      stores[name] = std::make_shared<FakeStore>();
  }

  [[nodiscard]] admin::Site site() const {
    admin::Site site;
    site.version = "1";
    for (const auto& [name, store] : stores)
      site.stores.push_back(store_site(name, store));
    site.consumers.push_back(
        {"stock-keeper", "stock", {"orders"}, {"deadletter.events"}, stores.begin()->first});
    site.broker.reader = [one = topic](const std::string&) {
      return std::make_unique<FakeReader>(one);
    };
    site.letter_sender = [one = sending] { return std::make_unique<FakeSender>(one); };
    site.read_event = [](const broker::IncomingMessage& message) {
      return admin::EventWords{header_of(message, "event_id"), header_of(message, "event_type"),
                               "order", "1", ""};
    };
    site.quick_timeout = std::chrono::milliseconds(2'000);
    site.slow_timeout = std::chrono::milliseconds(4'000);
    site.replays_per_second_max = 0;
    return site;
  }

  [[nodiscard]] FakeStore& first() const { return *stores.begin()->second; }
};

template <class Call>
Error error_of(Call call) {
  try {
    static_cast<void>(call());
  } catch (const Error& error) {
    return error;
  }
  return {ErrorKind::failed, "no error came"};
}

}  // namespace outbox::testing
