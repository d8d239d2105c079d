// SPDX-License-Identifier: Apache-2.0
//
// A site of a test's own: a database of one kind, topics on the real Kafka, one consumer.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <outbox/relay.hpp>

#include "admin/dead_letters.hpp"
#include "broker/kafka/home.hpp"
#include "conformance/broker/broker_tools.hpp"
#include "consume/forwarder.hpp"
#include "consume/read_event.hpp"
#include "core/clock.hpp"
#include "core/murmur2.hpp"
#include "integration/jobs/on_store.hpp"
#include "support/services.hpp"

namespace outbox::testing {

class ForwardingSender : public admin::LetterSender {
 public:
  explicit ForwardingSender(broker::Home broker) : forwarder_(std::move(broker)) {}
  std::optional<Failure> send_back(const broker::IncomingMessage& letter,
                                   const std::stop_token& stop) override {
    return forwarder_.send_back(letter, stop);
  }

 private:
  consume::Forwarder forwarder_;
};

class Operated : public OnStore {
 protected:
  void SetUp() override {
    OnStore::SetUp();
    broker::ConnectionOptions options;
    options.bootstrap_servers = services().kafka;
    broker_ = broker::kafka::make_home(options);
    topic_ = make_topic(broker_, "orders", 3);
    dead_topic_ = make_topic(broker_, "dead", 2);
  }

  [[nodiscard]] admin::Site site() const {
    admin::StoreSite store;
    store.name = "global";
    store.table = "outbox_events";
    store.relays.push_back({"default", {}, own_->home()});
    store.home = own_->home();
    store.topic_of = [topic = topic_](const store::EventView& event) {
      return event.topic.empty() ? topic : event.topic;
    };
    admin::Site site;
    site.version = "1";
    site.stores.push_back(std::move(store));
    site.consumers.push_back({"stock-keeper", "stock", {topic_}, {dead_topic_}, "global"});
    site.topics = {topic_, dead_topic_};
    site.default_dead_letter_topic = dead_topic_;
    site.broker = broker_;
    site.read_event = [](const broker::IncomingMessage& message) {
      const consume::EventReading reading = consume::read_event(message);
      if (!reading.event) return admin::EventWords{};
      return admin::EventWords{
          to_string(reading.event->event_id), std::string(reading.event->event_type),
          std::string(reading.event->aggregate_type), std::string(reading.event->aggregate_id), ""};
    };
    site.letter_sender = [broker = broker_] { return std::make_unique<ForwardingSender>(broker); };
    site.quick_timeout = std::chrono::seconds(30);
    site.slow_timeout = std::chrono::seconds(60);
    site.replays_per_second_max = 0;
    return site;
  }

  /// `count` dead rows of 100 keys: a third each with a broken payload, a lost topic and an
  /// unknown reason.
  void add_dead_rows(int count) {
    const auto events = own_->home().events();
    std::vector<store::NewEvent> batch;
    for (int i = 0; i < count; ++i) {
      store::NewEvent event;
      event.aggregate_type = "order";
      event.aggregate_id = "k" + std::to_string(i % 100);
      event.event_type = "placed";
      event.payload = R"({"n": )" + std::to_string(i) + R"(, "price": 1.10})";
      batch.push_back(std::move(event));
      if (batch.size() == 5'000 || i + 1 == count) {
        events->insert(batch);
        batch.clear();
      }
    }
    execute(
        "UPDATE outbox_events SET status = 'DEAD', retry_count = 10, error_message = "
        "CASE id % 3 WHEN 0 THEN 'field amount is missing' "
        "WHEN 1 THEN 'topic is not there: try later' ELSE 'the broker said no' END");
  }

  /// As a consumer writes it.
  void add_dead_message(const std::string& key, const std::string& event_id) {
    const std::vector<broker::Header> headers = {
        {"event_id", event_id},
        {"event_type", "placed"},
        {"aggregate_type", "order"},
        {"aggregate_id", "1"},
        {"dead_letter_topic", topic_},
        {"dead_letter_partition", "0"},
        {"dead_letter_offset", "7"},
        {"dead_letter_group", "stock"},
        {"dead_letter_attempts", "5"},
        {"dead_letter_error", "no stock for 5"},
        {"dead_letter_time", "2026-11-21T10:00:00.000000Z"}};
    const auto producer = broker_.producer("test");
    const Sent sent{dead_topic_, partition_of(key, 2), key, R"({"n": 1})", headers, 1};
    ASSERT_EQ(acknowledged_in(send_all(*producer, {sent})), 1U);
  }

  struct Arrived {
    std::string key;
    std::string event_id;
    std::string value;
  };

  /// What stands in the topic, partition by partition, read to its end.
  [[nodiscard]] std::vector<Arrived> arrived() const {
    const auto reader = broker_.reader("test");
    std::vector<admin::TopicSpan> spans;
    for (const auto& range : reader->ranges(topic_, patience))
      spans.push_back({range.partition, range.first, range.end});
    admin::TopicPages pages(*reader);
    std::vector<Arrived> all;
    for (const auto& message :
         pages.read(topic_, spans, {1'000'000}, BootClock::now() + patience).messages) {
      Arrived one{message.key.value_or(""), {}, message.value.value_or("")};
      for (const auto& header : message.headers) {
        if (header.name == "event_id") one.event_id = header.value.value_or("");
      }
      all.push_back(std::move(one));
    }
    return all;
  }

  /// Messages in the topic, waited for up to 60 s.
  [[nodiscard]] std::int64_t await_arrivals(std::int64_t count) const {
    const auto reader = broker_.reader("test");
    std::int64_t there = 0;
    const auto look = [&] {
      there = 0;
      for (const auto& range : reader->ranges(topic_, patience))
        there += range.end - range.first;
      return there >= count;
    };
    for (int round = 0; round < 3 && !eventually(look); ++round) {
    }
    return there;
  }

  broker::Home broker_;
  std::string topic_;
  std::string dead_topic_;
};

/// A relay of the library beside the test.
class Relaying {
 public:
  Relaying(const std::string& url, const std::string& topic)
      : relay_({.database_url = url,
                .kafka = {.bootstrap_servers = services().kafka},
                .default_topic = topic}),
        thread_([this](const std::stop_token& stop) { relay_.run(stop); }) {}

 private:
  Relay relay_;
  std::jthread thread_;
};

}  // namespace outbox::testing
