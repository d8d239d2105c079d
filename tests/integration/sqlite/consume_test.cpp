// SPDX-License-Identifier: Apache-2.0
//
// The consumer runtime on real parts: a SQLite file and the broker inside the process.
#include <gmock/gmock.h>

#include <condition_variable>
#include <mutex>
#include <thread>

#include "broker/embedded/home.hpp"
#include "consume/runtime.hpp"
#include "core/murmur2.hpp"
#include "integration/sqlite/scratch.hpp"

namespace outbox::testing {
namespace {

using consume::Runtime;

class SqliteConsumer : public SqliteFile {
 protected:
  struct Counted {
    std::int64_t handled = 0;
    std::int64_t duplicates = 0;
    std::int64_t failures = 0;
    std::int64_t dead_lettered = 0;
  };

  SqliteConsumer() {
    broker::embedded::Options options;
    options.topics = {"order.events", "deadletter.events"};
    broker_ = broker::embedded::make_home(options);
    producer_ = broker_.producer("writer");
    client_->run("CREATE TABLE effects (event_type TEXT, value TEXT)");
  }

  /// Sends and waits for the acknowledgement. Without an id the message is none of ours.
  void send(const std::optional<Uuid>& id, const std::string& key, const std::string& value) {
    const std::string id_text = id ? to_string(*id) : "";
    std::vector<broker::Header> headers = {{"event_type", "ORDER_PAID"}};
    if (id) headers.push_back({"event_id", id_text});
    broker::OutgoingMessage message;
    message.topic = "order.events";
    message.partition = partition_of(key, 3);
    message.key = key;
    message.value = value;
    message.headers = headers;
    ASSERT_EQ(producer_->produce(message), broker::Handover::accepted);
    while (true) {
      for (const auto& delivery : producer_->poll(std::chrono::seconds(1)).deliveries) {
        ASSERT_EQ(delivery.status, broker::DeliveryStatus::acknowledged);
        return;
      }
    }
  }

  /// Runs a consumer until it has handled so many new events, then stops it.
  Counted consume(std::int64_t events) {
    std::mutex mutex;
    std::condition_variable handled_more;
    std::int64_t handled = 0;
    consume::RuntimeOptions options;
    options.group_id = "stock-consumer";
    options.topics = {"order.events"};
    options.work.policies[0].attempts_max = 2;
    options.work.policies[0].backoff.initial = std::chrono::milliseconds(1);
    options.after_commit = [&](std::span<const ReceivedEvent> more) {
      const std::lock_guard lock(mutex);
      handled += static_cast<std::int64_t>(more.size());
      handled_more.notify_one();
    };
    const auto handle = [](std::span<const ReceivedEvent> all,
                           store::InboxTransaction& transaction) {
      for (const ReceivedEvent& event : all) {
        const std::array<std::optional<std::string>, 2> values = {
            std::string(event.event_type), std::string(event.payload.value_or(""))};
        transaction.execute("INSERT INTO effects (event_type, value) VALUES ($1, $2)", values);
        if (event.payload == "poison") throw std::runtime_error("poison");
      }
    };
    consume::Handlers handlers;
    handlers.add_for_others(
        std::make_shared<const consume::EventHandler>(consume::EventHandler{handle}));
    Logger log(LogLevel::error);
    Runtime runtime(home(), broker_, options, handlers, log);
    std::jthread thread([&](const std::stop_token& stop) { runtime.run(stop); });
    {
      std::unique_lock lock(mutex);
      handled_more.wait_for(lock, std::chrono::seconds(60), [&] { return handled >= events; });
    }
    thread.request_stop();
    thread.join();
    const consume::Counts& counts = runtime.counts();
    return {counts.handled, counts.duplicates, counts.failures, counts.dead_lettered};
  }

  broker::Home broker_;
  std::unique_ptr<broker::Producer> producer_;
};

TEST_F(SqliteConsumer, takes_each_event_once_in_effect_and_goes_on_where_it_stopped) {
  const Uuid first = random_uuid();
  send(first, "a", "1");
  send(first, "a", "1");
  send(random_uuid(), "a", "2");
  auto counters = consume(2);
  EXPECT_EQ(counters.handled, 2);
  EXPECT_EQ(counters.duplicates, 1);
  EXPECT_EQ(client_->value("SELECT count(*) FROM effects"), "2");

  send(random_uuid(), "a", "3");
  counters = consume(1);
  EXPECT_EQ(counters.duplicates, 0) << "its offsets were committed";
  EXPECT_EQ(client_->value("SELECT count(*) FROM effects"), "3");
}

TEST_F(SqliteConsumer, leaves_no_trace_of_what_it_dead_letters_and_handles_what_stands_behind) {
  send(random_uuid(), "a", "1");
  send(random_uuid(), "a", "poison");
  send(std::nullopt, "a", "none of ours");
  send(random_uuid(), "a", "2");
  const auto counters = consume(2);
  EXPECT_EQ(counters.dead_lettered, 2);
  EXPECT_EQ(counters.failures, 2);
  EXPECT_THAT(client_->run("SELECT value FROM effects ORDER BY rowid"),
              ::testing::ElementsAre("1", "2"));
  EXPECT_EQ(client_->value("SELECT count(*) FROM processed_events"), "2");
}

}  // namespace
}  // namespace outbox::testing
