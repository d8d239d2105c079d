// SPDX-License-Identifier: Apache-2.0
#include <map>

#include "integration/jobs/handling.hpp"

namespace outbox::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

TEST_P(OnHandlers, events_are_handled_in_order_and_their_rows_say_so) {
  for (int i = 1; i <= 3; ++i) {
    write("market", "a", "TICK", std::to_string(i));
    write("market", "b", "TICK", std::to_string(i));
  }
  Seen seen;
  Handlers handlers(options());
  handlers.on("TICK", [&](const ReceivedEvent& event, HandlerContext& context) {
    seen.add(key_and_payload(event));
    EXPECT_EQ(event.event_type, "TICK");
    EXPECT_EQ(event.aggregate_type, "market");
    EXPECT_FALSE(event.event_id.is_nil());
    EXPECT_EQ(event.attempt, 1);
    EXPECT_THAT(std::string(event.occurred_at), ::testing::EndsWith("Z"));
    EXPECT_EQ(context.domain, "MARKET");
    EXPECT_GE(context.fencing_number, 1);
    EXPECT_FALSE(context.row_id.empty());
    EXPECT_FALSE(context.stop.stop_requested());
  });
  const HandledCounts counts = handlers.publish_pending_events();
  EXPECT_EQ(counts.processed, 6);
  EXPECT_EQ(counts.published, 6);
  EXPECT_EQ(counts.failed + counts.retried, 0);
  EXPECT_THAT(seen.all(), ElementsAre("a1", "b1", "a2", "b2", "a3", "b3"));
  EXPECT_EQ(count_with("PUBLISHED"), "6");
  EXPECT_EQ(handlers.publish_pending_events().processed, 0);
}

TEST_P(OnHandlers, the_most_special_handler_gets_an_event) {
  write("chat", "1", "SENT");
  write("market", "2", "SENT");
  write("market", "3", "OTHER");
  write("signal", "4", "OTHER");
  Seen seen;
  Handlers handlers(options());
  const auto as = [&](const std::string& name) {
    return [&, name](const ReceivedEvent& event, HandlerContext& context) {
      seen.add(name + " " + std::string(context.domain) + std::string(event.aggregate_id));
    };
  };
  handlers.on("Chat", "SENT", as("domain")).on("SENT", as("type")).on_any(as("all"));
  EXPECT_EQ(handlers.publish_pending_events().published, 4);
  EXPECT_THAT(seen.all(),
              UnorderedElementsAre("domain CHAT1", "type MARKET2", "all MARKET3", "all SIGNAL4"));
}

TEST_P(OnHandlers, a_domain_is_its_aggregate_type_in_whatever_case_unless_it_is_mapped) {
  write("chat", "k", "SENT", "1");
  write("CHAT", "k", "SENT", "2");
  write("cHaT", "k", "SENT", "3");
  write("Room", "k", "SENT", "4");
  write("portfolio", "k", "SENT", "5");
  Seen seen;
  Handlers handlers(options());
  handlers.map("ROOM", "chat");
  handlers.on("CHAT", "SENT", [&](const ReceivedEvent& event, HandlerContext& context) {
    EXPECT_EQ(context.domain, "CHAT");
    seen.add(key_and_payload(event));
  });
  EXPECT_EQ(handlers.publish_pending_events().published, 4);
  EXPECT_THAT(seen.all(), ElementsAre("k1", "k2", "k3", "k4"));
  EXPECT_EQ(count_with("PENDING"), "1");
}

TEST_P(OnHandlers, typed_payloads_headers_and_bytes_arrive) {
  Event event;
  event.aggregate_type = "signal";
  event.aggregate_id = "1";
  event.event_type = "RAISED";
  event.key = "another";
  event.payload.bytes = "\x01\x02\xFF";
  event.payload.content_type = "application/octet-stream";
  event.headers = {{"trace", "abc"}};
  Uuid id;
  database_->transaction([&](Transaction& transaction) { id = transaction.publish(event); });
  Tally calls;
  Handlers handlers(options());
  handlers.on_any([&](const ReceivedEvent& received, HandlerContext&) {
    EXPECT_EQ(received.event_id, id);
    EXPECT_EQ(received.payload, "\x01\x02\xFF");
    EXPECT_EQ(received.content_type, "application/octet-stream");
    EXPECT_EQ(received.key, "another");
    EXPECT_EQ(received.header("trace"), "abc");
    calls.add();
  });
  EXPECT_EQ(handlers.publish_pending_events().published, 1);
  EXPECT_EQ(calls.count(), 1);
}

TEST_P(OnHandlers, an_event_without_a_handler_is_kept_for_one_that_has_it) {
  write("chat", "1", "UNKNOWN");
  write("chat", "2", "SENT");
  {
    Handlers handlers(options());
    handlers.on("CHAT", "SENT", [](const ReceivedEvent&, HandlerContext&) {});
    EXPECT_EQ(handlers.publish_pending_events().processed, 1);
    EXPECT_EQ(handlers.counters().unhandled, 1);
    EXPECT_EQ(status_of("1"), "PENDING");
  }
  HandlersOptions settling = options();
  settling.unhandled = UnhandledEvents::dead_letter;
  Handlers dead(settling);
  dead.on("CHAT", "SENT", [](const ReceivedEvent&, HandlerContext&) {});
  EXPECT_EQ(dead.publish_pending_events().failed, 1);
  EXPECT_EQ(status_of("1"), "DEAD");
  EXPECT_THAT(value("SELECT error_message FROM outbox_events WHERE aggregate_id = '1'"),
              HasSubstr("UNKNOWN"));
  write("chat", "3", "UNKNOWN");
  settling.unhandled = UnhandledEvents::publish;
  Handlers done(settling);
  done.on("CHAT", "SENT", [](const ReceivedEvent&, HandlerContext&) {});
  EXPECT_EQ(done.publish_pending_events().published, 1);
  EXPECT_EQ(status_of("3"), "PUBLISHED");
}

TEST_P(OnHandlers, what_is_written_while_it_runs_is_delivered_and_a_stop_ends_it) {
  Tally calls;
  Handlers handlers(options());
  handlers.on_any([&](const ReceivedEvent&, HandlerContext&) { calls.add(); });
  {
    std::jthread running([&](std::stop_token stop) { handlers.run(stop); });
    write("notification", "1", "SENT");
    EXPECT_TRUE(calls.reaches(1));
    write("notification", "2", "SENT");
    write("brand new", "3", "SENT");  // A domain that was not seen before, with a blank.
    EXPECT_TRUE(calls.reaches(3));
    EXPECT_EQ(handlers.counters().domains_held, 2);
  }
  EXPECT_EQ(count_with("PUBLISHED"), "3");
  EXPECT_EQ(handlers.counters().domains_held, 0);
  EXPECT_EQ(handlers.counters().errors, 0);
}

TEST_P(OnHandlers, several_workers_keep_the_order_per_key) {
  for (int i = 0; i < 40; ++i)
    write("market", "k" + std::to_string(i % 4), "TICK", std::to_string(100 + i));
  std::mutex mutex;
  std::map<std::string, std::vector<std::string>> by_key;
  HandlersOptions wide = options();
  wide.workers = 4;
  wide.batch_size = 7;
  Handlers handlers(wide);
  handlers.on("TICK", [&](const ReceivedEvent& event, HandlerContext&) {
    const std::lock_guard lock(mutex);
    by_key[std::string(event.aggregate_id)].emplace_back(*event.payload);
  });
  EXPECT_EQ(handlers.publish_pending_events().published, 40);
  EXPECT_EQ(by_key.size(), 4U);
  for (const auto& [key, payloads] : by_key)
    EXPECT_TRUE(std::is_sorted(payloads.begin(), payloads.end())) << key;
}

TEST_P(OnHandlers, a_pass_ends_at_its_limit) {
  for (int i = 0; i < 10; ++i)
    write("market", std::to_string(i), "TICK");
  HandlersOptions limited = options();
  limited.pass_limit = 4;
  Handlers handlers(limited);
  handlers.on("TICK", [](const ReceivedEvent&, HandlerContext&) {});
  EXPECT_EQ(handlers.publish_pending_events().published, 4);
  EXPECT_EQ(handlers.publish_pending_events().published, 4);
  EXPECT_EQ(handlers.publish_pending_events().published, 2);
}

TEST_P(OnHandlers, nonsense_is_refused_when_it_is_registered) {
  const auto handler = [](const ReceivedEvent&, HandlerContext&) {};
  Handlers handlers(options());
  handlers.on("SENT", handler).on("CHAT", "SENT", handler).on_any(handler).map("room", "CHAT");
  const auto refused = [&](const std::string& word, const auto& call) {
    const Error error = error_of(call);
    EXPECT_EQ(error.kind(), ErrorKind::usage) << word;
    EXPECT_THAT(error.what(), HasSubstr(word));
  };
  refused("SENT already", [&] { handlers.on("SENT", handler); });
  refused("domain CHAT already", [&] { handlers.on("chat", "SENT", handler); });
  refused("all events already", [&] { handlers.on_any(handler); });
  refused("belongs to the domain CHAT", [&] { handlers.map("ROOM", "MARKET"); });
  refused("event type is empty", [&] { handlers.on("CHAT", "", handler); });
  refused("domain is empty", [&] { handlers.on("", "SENT", handler); });
  (void)handlers.publish_pending_events();
  refused("after the first delivery", [&] { handlers.on("LATE", handler); });
  refused("after the first delivery", [&] { handlers.map("late", "CHAT"); });
}

TEST_P(OnHandlers, options_that_make_no_sense_are_refused_by_name) {
  const auto refused = [&](const std::string& word, const auto& change) {
    HandlersOptions wrong = options();
    change(wrong);
    const Error error = error_of([&] { const Handlers made(wrong); });
    EXPECT_EQ(error.kind(), ErrorKind::configuration) << word;
    EXPECT_THAT(error.what(), HasSubstr(word));
  };
  refused("database_url", [](auto& wrong) { wrong.database_url = ""; });
  refused("handler_timeout", [](auto& wrong) { wrong.handler_timeout = 0ms; });
  refused("lock_ttl", [](auto& wrong) { wrong.lock_ttl = 0ms; });
  refused("max_attempts", [](auto& wrong) { wrong.max_attempts = 0; });
  refused("workers", [](auto& wrong) { wrong.workers = 0; });
  refused("outbox.preset", [](auto& wrong) { wrong.preset = "nonsense"; });
  refused("outbox.table", [](auto& wrong) { wrong.table = "no name"; });
}

TEST_P(OnHandlers, without_the_tables_the_remedy_is_named) {
  const OwnDatabase empty(GetParam());
  Database made({.url = empty.url()});
  made.script("CREATE TABLE something (id integer)");
  HandlersOptions nowhere = options();
  nowhere.database_url = empty.url();
  Handlers handlers(nowhere);
  handlers.on_any([](const ReceivedEvent&, HandlerContext&) {});
  EXPECT_EQ(error_of([&] { handlers.publish_pending_events(); }).kind(), ErrorKind::not_found);
  EXPECT_EQ(error_of([&] { handlers.run({}); }).kind(), ErrorKind::not_found);
}

INSTANTIATE_TEST_SUITE_P(each, OnHandlers, all_stores(), store_name);

}  // namespace
}  // namespace outbox::testing
