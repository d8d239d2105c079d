// SPDX-License-Identifier: Apache-2.0
//
// outbox::Consumer where something goes wrong: a handler, the database, a topic.
#include "integration/library/consuming.hpp"

namespace outbox::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ConsumingFaults : public Consuming {};
INSTANTIATE_TEST_SUITE_P(Each, ConsumingFaults, all_dialects(), dialect_name);

TEST_P(ConsumingFaults, dead_letters_at_once_what_a_policy_says_and_handles_what_stands_behind) {
  send({{.value = "poison"}, {}, {.value = std::string(500'000, '[')}});
  Consumer consumer(consumer_options());
  consumer.on("RESTOCKED", [](const ReceivedEvent& received, Transaction& transaction) {
    write_effect(received, transaction);
    if (received.payload == "poison") throw OutOfStock("no stock");
    (void)received.payload_as<Restocked>();
  });
  consumer.retry<OutOfStock>({.max_attempts = 1});
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

TEST_P(ConsumingFaults, lets_later_events_pass_a_failed_one_where_no_order_is_wanted) {
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

TEST_P(ConsumingFaults, waits_without_blame_while_something_it_needs_is_away) {
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

TEST_P(ConsumingFaults, loses_nothing_while_another_of_its_topics_is_not_there) {
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

// On MariaDB an error ends the statement alone, save for a deadlock.
class ConsumingWhereAnErrorEnds : public Consuming {};
INSTANTIATE_TEST_SUITE_P(Each, ConsumingWhereAnErrorEnds,
                         ::testing::Values(Dialect::postgres, Dialect::sqlite), dialect_name);

TEST_P(ConsumingWhereAnErrorEnds, fails_the_event_whose_handler_swallows_an_error_of_the_database) {
  send({{}, {.type = "BAD"}, {}});
  ConsumerOptions made = consumer_options();
  made.retry.max_attempts = 1;
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

TEST_P(ConsumingFaults, sends_a_dead_letter_that_is_too_large_without_its_value) {
  ConsumerOptions made = consumer_options();
  made.dead_letter_topic = make_topic(broker_, "small", 1, {{"max.message.bytes", "2000"}});
  made.retry.max_attempts = 1;
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

class ConsumingOnPostgres : public Consuming {};
INSTANTIATE_TEST_SUITE_P(Each, ConsumingOnPostgres, ::testing::Values(Dialect::postgres),
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
  made.retry.max_attempts = 1;
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
