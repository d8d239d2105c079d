// SPDX-License-Identifier: Apache-2.0
//
// outbox::Consumer on real Kafka, with PostgreSQL and with SQLite.
#include <condition_variable>
#include <mutex>
#include <set>
#include <thread>

#include <outbox/consumer.hpp>
#include <outbox/json.hpp>

#include "broker/kafka/home.hpp"
#include "conformance/broker/broker_tools.hpp"
#include "integration/library/both.hpp"
#include "support/services.hpp"

namespace outbox::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct Restocked {
  std::int64_t product_id = 0;
  std::int64_t qty = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Restocked, product_id, qty)

class OutOfStock : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class Consuming : public OnBoth {
 protected:
  Consuming()
      : database_(options()),
        broker_(make_broker()),
        topic_(make_topic(broker_, "consumed", 2)),
        dead_letters_(make_topic(broker_, "dead", 1)) {
    database_.script("CREATE TABLE effects (id TEXT, value TEXT)");
  }

  [[nodiscard]] ConsumerOptions consumer_options() const {
    ConsumerOptions made;
    made.database_url = url_;
    made.kafka.bootstrap_servers = services().kafka;
    made.group_id = group_;
    made.topics = {topic_};
    made.dead_letter_topic = dead_letters_;
    made.retry = {.attempts_max = 3, .initial = 1ms, .max = 5ms};
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
INSTANTIATE_TEST_SUITE_P(Both, Consuming, ::testing::Values(Dialect::postgres, Dialect::sqlite),
                         dialect_name);

TEST_P(Consuming, gives_a_typed_payload_and_takes_duplicates_once) {
  const Message first;
  send({first, {.value = R"({"product_id":7,"qty":5})"}, first});
  // [example consume-typed]
  Consumer consumer(consumer_options());
  consumer.on<Restocked>("RESTOCKED", [](const Restocked& restocked, const ReceivedEvent& event,
                                         Transaction& transaction) {
    transaction.execute("INSERT INTO effects (id, value) VALUES ($1, $2)", event.event_id,
                        restocked.qty);
  });
  consumer.retry<OutOfStock>({.attempts_max = 1});  // To the dead letters at once.
  // [end]
  Running running(consumer);
  wait_until([&] { return consumer.counters().handled + consumer.counters().duplicates == 3; });
  const ConsumerCounters counters = running.stop();
  EXPECT_EQ(counters.handled, 2);
  EXPECT_EQ(counters.duplicates, 1);
  EXPECT_EQ(value(database_, "SELECT max(value) FROM effects"), "5");
  EXPECT_EQ(value(database_, "SELECT count(*) FROM effects"), "2");
  EXPECT_EQ(value(database_, "SELECT count(*) FROM processed_events"), "2");
}

TEST_P(Consuming, publishes_from_a_handler_in_the_same_transaction_or_not_at_all) {
  send({{.type = "GOOD"}, {.type = "BAD"}});
  ConsumerOptions made = consumer_options();
  made.retry.attempts_max = 1;
  Consumer consumer(made);
  consumer.on_any([](const ReceivedEvent& received, Transaction& transaction) {
    Event told = event(std::string(received.event_type));
    transaction.publish(told);
    if (received.event_type == "BAD") throw OutOfStock("no stock");
  });
  Running running(consumer);
  wait_until([&] { return consumer.counters().dead_lettered == 1; });
  running.stop();
  EXPECT_EQ(value(database_, "SELECT aggregate_id FROM outbox_events"), "GOOD");
}

TEST_P(Consuming, dead_letters_at_once_what_a_policy_says_and_handles_what_stands_behind) {
  send({{.value = "poison"}, {}, {.value = std::string(500'000, '[')}});
  Consumer consumer(consumer_options());
  consumer.on("RESTOCKED", [](const ReceivedEvent& received, Transaction& transaction) {
    write_effect(received, transaction);
    if (received.payload == "poison") throw OutOfStock("no stock");
    (void)received.payload_as<Restocked>();
  });
  consumer.retry<OutOfStock>({.attempts_max = 1});
  Running running(consumer);
  wait_until([&] { return consumer.counters().dead_lettered == 2; });
  const ConsumerCounters counters = running.stop();
  EXPECT_EQ(counters.handled, 1);
  EXPECT_EQ(counters.failures, 1 + 3) << "the other one has three attempts";
  const auto errors = dead_letter_errors(2);
  ASSERT_EQ(errors.size(), 2U);
  EXPECT_EQ(errors[0], "no stock");
  EXPECT_THAT(errors[1], HasSubstr("nest"));
  EXPECT_EQ(value(database_, "SELECT count(*) FROM effects"), "1");
  EXPECT_EQ(value(database_, "SELECT count(*) FROM processed_events"), "1")
      << "or a replay would do nothing";
}

TEST_P(Consuming, lets_later_events_pass_a_failed_one_where_no_order_is_wanted) {
  ConsumerOptions made = consumer_options();
  made.ordered = false;
  made.delay_topic = make_topic(broker_, "delay", 1);
  Notes notes;
  Consumer consumer(made);
  consumer.on_any([&](const ReceivedEvent& received, Transaction& transaction) {
    if (received.event_type == "FIRST" && received.attempt == 1) throw OutOfStock("no stock");
    write_effect(received, transaction);
  });
  consumer.on_commit([&](std::span<const ReceivedEvent> events) {
    for (const ReceivedEvent& received : events)
      notes.add(std::string(received.event_type));
  });
  send({{.type = "FIRST"}, {.type = "SECOND"}});
  Running running(consumer);
  ASSERT_TRUE(notes.wait_for(2));
  const ConsumerCounters counters = running.stop();
  EXPECT_THAT(notes.all(), ElementsAre("SECOND", "FIRST"));
  EXPECT_EQ(counters.delayed, 1);
  EXPECT_EQ(value(database_, "SELECT count(*) FROM effects"), "2");
}

TEST_P(Consuming, ignores_or_dead_letters_types_that_no_handler_takes) {
  send({{.type = "STRANGE"}, {}});
  for (const UnknownEvents policy : {UnknownEvents::ignore, UnknownEvents::dead_letter}) {
    ConsumerOptions made = consumer_options();
    made.group_id = unique_name("group");
    made.unknown_events = policy;
    Consumer consumer(made);
    consumer.on("RESTOCKED", write_effect);
    Running running(consumer);
    wait_until([&] {
      const ConsumerCounters now = consumer.counters();
      return now.handled == 1 && now.ignored + now.dead_lettered == 1;
    });
    const ConsumerCounters counters = running.stop();
    EXPECT_EQ(counters.ignored, policy == UnknownEvents::ignore ? 1 : 0);
  }
  EXPECT_THAT(dead_letter_errors(1), ElementsAre(HasSubstr("STRANGE")));
}

TEST_P(Consuming, waits_without_blame_while_something_it_needs_is_away) {
  send({{}, {}});
  int away = 3;
  Consumer consumer(consumer_options());
  consumer.on_any([&](const ReceivedEvent& received, Transaction& transaction) {
    write_effect(received, transaction);
    if (away-- > 0) throw Error(ErrorKind::unreachable, "Redis is away");
  });
  Running running(consumer);
  wait_until([&] { return consumer.counters().handled == 2; });
  const ConsumerCounters counters = running.stop();
  EXPECT_EQ(counters.failures, 0);
  EXPECT_EQ(value(database_, "SELECT count(*) FROM effects"), "2");
}

TEST_P(Consuming, claims_by_aggregate_and_version_whatever_the_events_id) {
  send({{}, {}, {.aggregate = "8"}, {.version = ""}});
  ConsumerOptions made = consumer_options();
  made.inbox_key = InboxKey::aggregate_version;
  Consumer consumer(made);
  consumer.on_any(write_effect);
  Running running(consumer);
  wait_until([&] { return consumer.counters().handled + consumer.counters().duplicates == 3; });
  wait_until([&] { return consumer.counters().dead_lettered == 1; });
  EXPECT_EQ(running.stop().handled, 2);
  EXPECT_THAT(dead_letter_errors(1), ElementsAre(HasSubstr("event_version")));
}

TEST_P(Consuming, loses_nothing_while_another_of_its_topics_is_not_there) {
  ConsumerOptions made = consumer_options();
  made.topics.push_back(unique_name("missing"));
  Consumer consumer(made);
  consumer.on_any(write_effect);
  Running running(consumer);
  const std::vector<Message> many(200);
  for (int i = 0; i < 5; ++i) {
    std::vector<Message> messages = many;
    for (Message& message : messages)
      message.id = random_uuid();
    send(messages);
  }
  wait_until([&] { return consumer.counters().handled == 1000; });
  running.stop();
  EXPECT_EQ(value(database_, "SELECT count(*) FROM effects"), "1000");
}

TEST_P(Consuming, fails_the_event_whose_handler_swallows_an_error_of_the_database) {
  send({{}, {.type = "BAD"}, {}});
  ConsumerOptions made = consumer_options();
  made.retry.attempts_max = 1;
  Consumer consumer(made);
  consumer.on_any([](const ReceivedEvent& received, Transaction& transaction) {
    write_effect(received, transaction);
    if (received.event_type != "BAD") return;
    const std::string sql = transaction.dialect() == Dialect::sqlite
                                ? "INSERT OR ROLLBACK INTO outbox_events (id) VALUES (NULL)"
                                : "SELECT 1/0";
    try {
      transaction.execute(sql);
    } catch (const Error&) {  // The mistake that is tested.
    }
  });
  Running running(consumer);
  wait_until([&] { return consumer.counters().dead_lettered == 1; });
  wait_until([&] { return consumer.counters().handled == 2; });
  running.stop();
  EXPECT_EQ(value(database_, "SELECT count(*) FROM effects"), "2");
}

TEST_P(Consuming, sends_a_dead_letter_that_is_too_large_without_its_value) {
  ConsumerOptions made = consumer_options();
  made.dead_letter_topic = make_topic(broker_, "small", 1, {{"max.message.bytes", "2000"}});
  made.retry.attempts_max = 1;
  Consumer consumer(made);
  consumer.on_any([](const ReceivedEvent& received, Transaction&) {
    if (received.payload->size() > 2000) throw OutOfStock("no stock");
  });
  send({{.value = '"' + std::string(3000, 'x') + '"'}, {}});
  Running running(consumer);
  wait_until([&] { return consumer.counters().handled == 1; });
  running.stop();
  const auto letters = read_topic(broker_, made.dead_letter_topic, 1);
  ASSERT_EQ(letters.size(), 1U);
  EXPECT_FALSE(letters[0].value.has_value());
}

TEST_P(Consuming, gives_each_of_five_groups_every_message) {
  send({{}, {.partition = 1}, {}});
  std::vector<std::unique_ptr<Consumer>> consumers;
  std::vector<std::unique_ptr<Running>> running;
  for (int i = 0; i < 5; ++i) {
    ConsumerOptions made = consumer_options();
    made.group_id = unique_name("group");
    consumers.push_back(std::make_unique<Consumer>(made));
    consumers.back()->on_any(write_effect);
    running.push_back(std::make_unique<Running>(*consumers.back()));
  }
  for (const auto& consumer : consumers)
    wait_until([&] { return consumer->counters().handled == 3; });
  for (const auto& run : running)
    run->stop();
  EXPECT_EQ(value(database_, "SELECT count(*) FROM effects"), "15");
}

TEST_P(Consuming, shares_partitions_with_a_member_that_joins_in_the_middle_of_a_batch) {
  send({{}, {.partition = 1}});
  std::atomic<bool> hold{true};
  Notes begun;
  ConsumerOptions made = consumer_options();
  made.batch_size = 1;
  Consumer first(made);
  first.on_any([&](const ReceivedEvent& received, Transaction& transaction) {
    begun.add("first");
    while (hold)
      std::this_thread::yield();
    write_effect(received, transaction);
  });
  Running one(first);
  ASSERT_TRUE(begun.wait_for(1));
  Consumer second(made);
  second.on_any(write_effect);
  Running other(second);
  // The first is asked for its partitions while its transaction is open, and finishes it first.
  std::this_thread::yield();
  hold = false;
  wait_until([&] { return first.counters().rebalances >= 1; });
  wait_until([&] {
    send({{.type = "MORE"}, {.type = "MORE", .partition = 1}});
    return first.counters().handled > 1 && second.counters().handled > 1;
  });
  one.stop();
  other.stop();
  EXPECT_EQ(value(database_, "SELECT count(*) FROM effects"),
            value(database_, "SELECT count(DISTINCT id) FROM effects"));
  EXPECT_EQ(value(database_, "SELECT count(*) FROM effects"),
            value(database_, "SELECT count(*) FROM processed_events"));
}

TEST_P(Consuming, ends_a_member_whose_instance_id_another_one_takes) {
  ConsumerOptions made = consumer_options();
  made.instance_id = "only-one";
  Notes notes;
  Consumer first(made);
  first.on_any([&](const ReceivedEvent&, Transaction&) { notes.add("first"); });
  Running one(first);
  send({{}});
  ASSERT_TRUE(notes.wait_for(1));
  Consumer second(made);
  second.on_any(write_effect);
  Running other(second);
  const std::optional<Error> error = one.wait_for_error();
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->kind(), ErrorKind::conflict) << error->what();
  other.stop();
}

TEST_P(Consuming, refuses_options_that_make_no_sense_by_their_name) {
  const auto message = [&](const std::function<void(ConsumerOptions&)>& change) {
    ConsumerOptions made = consumer_options();
    change(made);
    return std::string(error_of([&] { Consumer consumer(made); }).what());
  };
  EXPECT_THAT(message([](auto& made) { made.group_id = ""; }), HasSubstr("group_id"));
  EXPECT_THAT(message([](auto& made) { made.topics = {}; }), HasSubstr("topics"));
  EXPECT_THAT(message([](auto& made) { made.workers = 0; }), HasSubstr("workers"));
  Consumer circle([&] {
    ConsumerOptions made = consumer_options();
    made.dead_letter_topic = topic_;
    return made;
  }());
  circle.on_any(write_effect);
  EXPECT_THAT(error_of([&] { circle.run({}); }).what(), HasSubstr("dead_letter_topic"));
  EXPECT_THAT(message([](auto& made) { made.database_url = "mongodb://x"; }),
              HasSubstr("database_url"));
  EXPECT_THAT(message([](auto& made) { made.kafka.properties["enable.auto.commit"] = "true"; }),
              HasSubstr("enable.auto.commit"));
  Consumer consumer(consumer_options());
  consumer.on("A", write_effect);
  EXPECT_THROW(consumer.on("A", write_effect), Error) << "two handlers for one type";
}

class ConsumingOnPostgres : public Consuming {};
INSTANTIATE_TEST_SUITE_P(Both, ConsumingOnPostgres, ::testing::Values(Dialect::postgres),
                         dialect_name);

TEST_P(ConsumingOnPostgres, works_partitions_at_the_same_time) {
  send({{}, {.partition = 1}});
  ConsumerOptions made = consumer_options();
  made.workers = 2;
  std::atomic<int> inside{0};
  Consumer consumer(made);
  consumer.on_any([&](const ReceivedEvent& received, Transaction& transaction) {
    ++inside;
    wait_until([&] { return inside == 2; });
    write_effect(received, transaction);
  });
  Running running(consumer);
  wait_until([&] { return consumer.counters().handled == 2; });
  running.stop();
}

TEST_P(ConsumingOnPostgres, goes_on_when_the_server_ended_its_session_in_a_transaction) {
  send({{}, {}});
  int sessions_ended = 0;
  Consumer consumer(consumer_options());
  consumer.on_any([&](const ReceivedEvent& received, Transaction& transaction) {
    if (sessions_ended++ == 0) {
      const auto process = transaction.execute("SELECT pg_backend_pid()").at(0).text(0);
      EXPECT_EQ(schema_->value("SELECT pg_terminate_backend(" + process + ", 10000)"), "t");
    }
    write_effect(received, transaction);
  });
  Running running(consumer);
  wait_until([&] { return consumer.counters().handled == 2; });
  const ConsumerCounters counters = running.stop();
  EXPECT_EQ(counters.failures, 0);
  EXPECT_EQ(value(database_, "SELECT count(*) FROM effects"), "2");
}

TEST_P(ConsumingOnPostgres, finds_the_event_that_a_deferred_constraint_refuses_at_the_commit) {
  database_.script("CREATE TABLE unique_values (value TEXT UNIQUE DEFERRABLE INITIALLY DEFERRED)");
  send({{.value = "1"}, {.value = "1"}, {.value = "2"}});
  ConsumerOptions made = consumer_options();
  made.retry.attempts_max = 1;
  Consumer consumer(made);
  consumer.on_any([](const ReceivedEvent& received, Transaction& transaction) {
    transaction.execute("INSERT INTO unique_values VALUES ($1)", std::string(*received.payload));
  });
  Running running(consumer);
  wait_until([&] { return consumer.counters().dead_lettered == 1; });
  wait_until([&] { return consumer.counters().handled == 2; });
  running.stop();
  EXPECT_THAT(dead_letter_errors(1), ElementsAre(HasSubstr("unique")));
}

TEST_P(ConsumingOnPostgres, says_what_to_do_where_there_is_no_inbox) {
  database_.script("DROP TABLE processed_events");
  send({{}});
  Consumer consumer(consumer_options());
  consumer.on_any(write_effect);
  Running running(consumer);
  const std::optional<Error> error = running.wait_for_error();
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->kind(), ErrorKind::not_found);
  EXPECT_THAT(error->what(), HasSubstr("outboxd migrate"));
}

}  // namespace
}  // namespace outbox::testing
