// SPDX-License-Identifier: Apache-2.0
//
// What the tests of outbox::Consumer have in common: real Kafka, with PostgreSQL and with SQLite.
#pragma once

#include <condition_variable>
#include <mutex>
#include <set>
#include <thread>

#include <outbox/consumer.hpp>
#include <outbox/json.hpp>

#include "broker/kafka/home.hpp"
#include "conformance/broker/broker_tools.hpp"
#include "integration/library/each.hpp"
#include "support/services.hpp"

namespace outbox::testing {

struct Restocked {
  std::int64_t product_id = 0;
  std::int64_t qty = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Restocked, product_id, qty)

class OutOfStock : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class Consuming : public OnEach {
 protected:
  Consuming()
      : database_(options()),
        broker_(make_broker()),
        topic_(make_topic(broker_, "consumed", 2)),
        dead_letters_(make_topic(broker_, "dead", 1)) {
    // MariaDB's TEXT takes 65,535 bytes.
    database_.script(GetParam() == Dialect::mariadb
                         ? "CREATE TABLE effects (id TEXT, value LONGTEXT)"
                         : "CREATE TABLE effects (id TEXT, value TEXT)");
  }

  [[nodiscard]] ConsumerOptions consumer_options() const {
    ConsumerOptions made;
    made.database_url = url_;
    made.kafka.bootstrap_servers = services().kafka;
    made.group_id = group_;
    made.topics = {topic_};
    made.dead_letter_topic = dead_letters_;
    made.retry = {.max_attempts = 3,
                  .initial = std::chrono::milliseconds(1),
                  .max = std::chrono::milliseconds(5)};
    made.log_level = "error";
    return made;
  }

  static broker::Home make_broker() {
    broker::ConnectionOptions connection;
    connection.bootstrap_servers = services().kafka;
    return broker::kafka::make_home(connection);
  }

  struct Message {
    std::string type = "RESTOCKED";
    std::string value = R"({"product_id":7,"qty":2})";
    int partition = 0;
    Uuid id = random_uuid();
    std::string aggregate = "7";
    std::string version = "1";  ///< Empty: not said.
  };

  void send(const std::vector<Message>& messages) {
    std::vector<std::string> ids;
    std::vector<Sent> sent;
    ids.reserve(messages.size());
    for (const Message& message : messages) {
      ids.push_back(to_string(message.id));
      Sent& one = sent.emplace_back();
      one.topic = topic_;
      one.partition = message.partition;
      one.key = "k" + std::to_string(message.partition);
      one.value = message.value;
      one.headers = {{"event_id", ids.back()},
                     {"event_type", message.type},
                     {"aggregate_type", "product"},
                     {"aggregate_id", message.aggregate}};
      if (!message.version.empty()) one.headers.push_back({"event_version", message.version});
    }
    const auto producer = broker_.producer("writer");
    ASSERT_EQ(acknowledged_in(send_all(*producer, sent)), sent.size());
  }

  // A consumer that runs until the test is over or asks for its end.
  class Running {
   public:
    explicit Running(Consumer& consumer) : consumer_(consumer) {
      thread_ = std::jthread([this](const std::stop_token& stop) {
        try {
          consumer_.run(stop);
        } catch (const Error& error) {
          const std::lock_guard lock(mutex_);
          error_ = error;
        }
        ended_.notify_all();
      });
    }
    ConsumerCounters stop() {
      thread_.request_stop();
      thread_.join();
      return consumer_.counters();
    }
    std::optional<Error> wait_for_error() {
      std::unique_lock lock(mutex_);
      ended_.wait_for(lock, patience, [this] { return error_.has_value(); });
      return error_;
    }

   private:
    Consumer& consumer_;
    std::mutex mutex_;
    std::condition_variable ended_;
    std::optional<Error> error_;
    std::jthread thread_;
  };

  // Waits for what the hook or a handler notes.
  class Notes {
   public:
    void add(std::string note) {
      const std::lock_guard lock(mutex_);
      notes_.push_back(std::move(note));
      changed_.notify_all();
    }
    [[nodiscard]] bool wait_for(std::size_t count) {
      std::unique_lock lock(mutex_);
      return changed_.wait_for(lock, patience, [&] { return notes_.size() >= count; });
    }
    [[nodiscard]] std::vector<std::string> all() {
      const std::lock_guard lock(mutex_);
      return notes_;
    }

   private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<std::string> notes_;
  };

  static void wait_until(const std::function<bool()>& holds) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (!holds()) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline);
      std::this_thread::yield();
    }
  }

  static void write_effect(const ReceivedEvent& event, Transaction& transaction) {
    transaction.execute("INSERT INTO effects (id, value) VALUES ($1, $2)",
                        to_string(event.event_id), std::string(event.payload.value_or("")));
  }

  std::vector<std::string> dead_letter_errors(std::size_t count) {
    std::vector<std::string> errors;
    for (const auto& message : read_topic(broker_, dead_letters_, count)) {
      for (const auto& header : message.headers) {
        if (header.name == "dead_letter_error") errors.push_back(header.value.value_or(""));
      }
    }
    return errors;
  }

  Database database_;
  broker::Home broker_;
  const std::string topic_;
  const std::string dead_letters_;
  const std::string group_ = unique_name("group");
};

}  // namespace outbox::testing
