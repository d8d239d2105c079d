// SPDX-License-Identifier: Apache-2.0
//
// outbox::Consumer: events once in effect, groups, members, options.
#include "integration/library/consuming.hpp"

namespace outbox::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

INSTANTIATE_TEST_SUITE_P(Each, Consuming, all_dialects(), dialect_name);

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
  consumer.retry<OutOfStock>({.max_attempts = 1});  // To the dead letters at once.
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
  made.retry.max_attempts = 1;
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

}  // namespace
}  // namespace outbox::testing
