// SPDX-License-Identifier: Apache-2.0
//
// Handlers at their limits: many rows of others, many domains, a queue that is full.
#include <atomic>
#include <future>
#include <latch>

#include "integration/jobs/handling.hpp"
#include "jobs/domain_hold.hpp"
#include "jobs/domain_session.hpp"

namespace outbox::testing {
namespace {

using ::testing::HasSubstr;

constexpr int doublings = 14;  // 16,384 rows of one.

class BoundedHandlers : public OnHandlers {
 protected:
  void double_rows(int times) {
    for (int i = 0; i < times; ++i) {
      execute(
          "INSERT INTO outbox_events (aggregate_type, aggregate_id, event_type, payload) "
          "SELECT aggregate_type, aggregate_id, event_type, payload FROM outbox_events");
    }
  }
};

TEST_P(BoundedHandlers, a_type_behind_ten_thousand_rows_of_others_is_found) {
  write("order", "1", "NOBODY_TAKES_IT");
  double_rows(doublings);
  write("shipment", "late", "SENT");
  Tally calls;
  Handlers handlers(options());
  handlers.on("SENT", [&](const ReceivedEvent&, HandlerContext&) { calls.add(); });
  EXPECT_EQ(handlers.publish_pending_events().published, 1);
  EXPECT_EQ(status_of("late"), "PUBLISHED");
}

TEST_P(BoundedHandlers, more_than_a_hundred_types_are_found_in_one_pass) {
  for (int i = 0; i < 120; ++i)
    write("type" + std::to_string(i), "1", "SENT");
  Handlers handlers(options());
  handlers.on_any([](const ReceivedEvent&, HandlerContext&) {});
  EXPECT_EQ(handlers.publish_pending_events().published, 120);
}

TEST_P(BoundedHandlers, many_domains_take_turns_at_a_few_places) {
  constexpr int domains = 24;
  for (int i = 0; i < domains; ++i)
    write("type" + std::to_string(i), "1", "SENT");
  Tally calls;
  std::atomic<std::int64_t> most = 0;
  Handlers handlers(options());
  handlers.on("SENT", [&](const ReceivedEvent&, HandlerContext&) {
    const std::int64_t held = handlers.counters().domains_held;
    if (held > most) most = held;
    calls.add();
  });
  std::jthread running([&](std::stop_token stop) { handlers.run(stop); });
  EXPECT_TRUE(calls.reaches(domains));
  // Those that gave their places come to one again.
  for (int i = 0; i < domains; ++i)
    write("type" + std::to_string(i), "2", "SENT");
  EXPECT_TRUE(calls.reaches(2 * domains));
  EXPECT_TRUE(eventually([&] { return count_with("PUBLISHED") == std::to_string(2 * domains); }));
  EXPECT_LE(most, 8);
  EXPECT_EQ(handlers.counters().errors, 0);
}

TEST_P(BoundedHandlers, a_domain_that_is_never_done_gives_its_place_to_one_that_waits) {
  write("busy", "0", "SENT");
  write("patient", "0", "SENT");
  HandlersOptions one_place = options();
  one_place.domains_max = 1;
  std::atomic<int> patient = 0;
  Handlers handlers(one_place);
  handlers.on("SENT", [&](const ReceivedEvent& event, HandlerContext& context) {
    if (context.domain == "PATIENT") {
      ++patient;
    } else if (patient < 2) {
      write("busy", std::string(event.aggregate_id), "SENT");
    }
  });
  std::jthread running([&](std::stop_token stop) { handlers.run(stop); });
  EXPECT_TRUE(eventually([&] { return patient == 1; }));
  write("patient", "1", "SENT");
  EXPECT_TRUE(eventually([&] { return patient == 2; }));
  EXPECT_TRUE(eventually([&] { return count_with("PENDING") == "0"; }));
  EXPECT_EQ(handlers.counters().errors, 0);
}

TEST_P(BoundedHandlers, a_pass_calls_no_handler_twice_for_what_was_unreachable) {
  write("market", "a", "TICK");
  int calls = 0;
  Handlers handlers(options());
  handlers.on("TICK", [&](const ReceivedEvent&, HandlerContext&) {
    if (++calls < 20) throw Error(ErrorKind::unreachable, "the exchange is away");
  });
  EXPECT_EQ(handlers.publish_pending_events().processed, 0);
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(retries_of("a"), "0");
}

TEST_P(BoundedHandlers, limits_beyond_all_times_are_no_limits) {
  write("market", "a", "TICK");
  HandlersOptions unlimited = options();
  unlimited.handler_timeout = std::chrono::milliseconds::max();
  unlimited.lock_timeout = std::chrono::milliseconds::max();
  unlimited.pause_after_error = std::chrono::milliseconds::max();
  unlimited.retry_max = std::chrono::milliseconds::max();
  Handlers handlers(unlimited);
  std::atomic<int> calls = 0;
  handlers.on("TICK", [&](const ReceivedEvent&, HandlerContext&) {
    if (++calls == 1) throw Error(ErrorKind::failed, "not yet");
  });
  EXPECT_EQ(handlers.publish_pending_events().retried, 1);
  EXPECT_EQ(handlers.publish_pending_events().published, 1);
  EXPECT_EQ(handlers.counters().timed_out, 0);
  unlimited.lock_ttl = std::chrono::milliseconds::max();
  const Error error = error_of([&] { const Handlers made(unlimited); });
  EXPECT_EQ(error.kind(), ErrorKind::configuration);
  EXPECT_THAT(error.what(), HasSubstr("lock_ttl"));
}

TEST_P(BoundedHandlers, a_full_queue_reorders_no_key) {
  for (const std::string payload : {"1", "2"}) {
    for (const std::string key : {"a", "b", "c"})
      write("market", key, "TICK", payload);
  }
  Seen seen;
  std::latch go(1);
  Logger logger(LogLevel::error);
  jobs::DeliveryCounts counts;
  jobs::WorkQueue queue({.workers = 1, .length_max = 1, .time_limit = 0ms, .on_error = {}});
  const auto handler =
      std::make_shared<const HandlerCall::Plain>([&](const ReceivedEvent& event, HandlerContext&) {
        go.wait();
        seen.add(key_and_payload(event));
      });
  int found = 0;
  jobs::DeliveryOptions delivery;
  delivery.domain = "MARKET";
  delivery.polling_interval = 20ms;
  delivery.find_handler = [&](std::string_view, std::string_view) {
    ++found;
    // a1 has begun, b1 may wait: c1 finds the queue full.
    if (found == 2) eventually([&] { return queue.counts().running == 1; });
    // And from now on there is room, for what came later than c1, too.
    if (found == 4) go.count_down();
    if (found >= 4) eventually([&] { return queue.counts().waiting == 0; });
    return handler;
  };
  store::HomeOptions home_options;
  home_options.relay_name = "handlers:MARKET";
  home_options.aggregate_types = {"market"};
  const store::Home home = own_->home(home_options);
  jobs::HoldTerms terms;
  terms.lock = {.name = "outbox_consumer:MARKET"};
  terms.terms.relay_name = home_options.relay_name;
  terms.terms.aggregate_types = home_options.aggregate_types;
  terms.terms.capture = "lease";
  terms.terms.settle = "mark";
  terms.terms.slots = home_options.slots;
  const auto hold = jobs::DomainHold::take(home, home.locks, terms, logger, {});
  ASSERT_NE(hold, nullptr);
  jobs::DomainSession session(
      home, {.hold = *hold, .queue = queue, .counts = counts, .logger = logger}, delivery);
  std::stop_source stop;
  std::jthread working(
      [&] { session.work(stop.get_token(), std::nullopt, [](bool) { return false; }); });
  EXPECT_TRUE(eventually([&] { return seen.all().size() == 6U; }));
  stop.request_stop();
  working.join();
  const std::vector<std::string> all = seen.all();
  for (const std::string key : {"a", "b", "c"}) {
    const auto first = std::find(all.begin(), all.end(), key + "1");
    const auto second = std::find(all.begin(), all.end(), key + "2");
    EXPECT_LT(first, second) << key;
  }
}

INSTANTIATE_TEST_SUITE_P(each, BoundedHandlers, all_stores(), store_name);

class LookingHandlers : public OnHandlers {};

TEST_P(LookingHandlers, counters_do_not_wait_for_the_database) {
  Handlers handlers(options());
  handlers.on_any([](const ReceivedEvent&, HandlerContext&) {});
  std::jthread running;
  database_->transaction([&](Transaction& transaction) {
    transaction.execute("LOCK TABLE outbox_events IN ACCESS EXCLUSIVE MODE");
    running = std::jthread([&](std::stop_token stop) { handlers.run(stop); });
    Database other({.url = own_->url()});
    EXPECT_TRUE(eventually([&] {
      return other.transaction([](Transaction& looking) {
        return looking
                   .execute(
                       "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = "
                       "'outbox_events'::regclass")
                   .at(0)
                   .text(0) != "0";
      });
    }));
    auto counters = std::async(std::launch::async, [&] { return handlers.counters(); });
    EXPECT_EQ(counters.wait_for(1s), std::future_status::ready);
  });
}

INSTANTIATE_TEST_SUITE_P(each, LookingHandlers, ::testing::Values(Dialect::postgres), store_name);

}  // namespace
}  // namespace outbox::testing
