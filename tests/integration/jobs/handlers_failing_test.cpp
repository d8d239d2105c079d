// SPDX-License-Identifier: Apache-2.0
#include <latch>

#include "integration/jobs/handling.hpp"

namespace outbox::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class FailingHandlers : public OnHandlers {};

TEST_P(FailingHandlers, an_event_is_retried_until_its_attempts_are_over_and_its_key_waits) {
  write("market", "bad", "TICK", "1");
  write("market", "bad", "TICK", "2");
  write("market", "good", "TICK", "3");
  Seen seen;
  Handlers handlers(options());
  handlers.on("TICK", [&](const ReceivedEvent& event, HandlerContext&) {
    seen.add(key_and_payload(event) + " attempt " + std::to_string(event.attempt));
    if (event.payload == "1") throw std::runtime_error("no price");
  });
  HandledCounts counts = handlers.publish_pending_events();
  EXPECT_EQ(counts.retried, 1);
  EXPECT_EQ(counts.published, 1);
  EXPECT_EQ(counts.failed, 0);
  EXPECT_EQ(count_with("FAILED"), "1");  // The native table's word for a retry.
  EXPECT_EQ(count_with("PENDING"), "1");
  EXPECT_EQ(handlers.publish_pending_events().retried, 1);
  counts = handlers.publish_pending_events();
  EXPECT_EQ(counts.failed, 1);
  EXPECT_EQ(counts.published, 1);  // Its key goes on.
  EXPECT_EQ(counts.processed, 2);
  EXPECT_THAT(seen.all(), ElementsAre("bad1 attempt 1", "good3 attempt 1", "bad1 attempt 2",
                                      "bad1 attempt 3", "bad2 attempt 1"));
  EXPECT_EQ(count_with("DEAD"), "1");
  EXPECT_EQ(value("SELECT retry_count FROM outbox_events WHERE status = 'DEAD'"), "3");
  EXPECT_THAT(value("SELECT error_message FROM outbox_events WHERE status = 'DEAD'"),
              HasSubstr("no price"));
  EXPECT_EQ(value("SELECT count(*) FROM outboxd_keys"), "0");
}

TEST_P(FailingHandlers, a_key_waits_for_its_back_off_and_others_do_not) {
  HandlersOptions slow = options();
  slow.retry_initial = 3600s;
  slow.retry_max = 3600s;
  write("market", "bad", "TICK", "1");
  write("market", "good", "TICK", "2");
  Tally good;
  Tally bad;
  Handlers handlers(slow);
  handlers.on("TICK", [&](const ReceivedEvent& event, HandlerContext&) {
    (event.aggregate_id == "bad" ? bad : good).add();
    if (event.aggregate_id == "bad") throw 42;
  });
  {
    std::jthread running([&](std::stop_token stop) { handlers.run(stop); });
    EXPECT_TRUE(good.reaches(1));
    write("market", "bad", "TICK", "3");
    write("market", "good", "TICK", "4");
    EXPECT_TRUE(good.reaches(2));
  }
  EXPECT_EQ(bad.count(), 1);
  // A successor goes by it, too.
  Handlers successor(slow);
  successor.on_any([&](const ReceivedEvent&, HandlerContext&) { bad.add(); });
  EXPECT_EQ(successor.publish_pending_events().processed, 0);
  EXPECT_EQ(bad.count(), 1);
}

TEST_P(FailingHandlers, what_is_unreachable_blames_no_event) {
  write("market", "a", "TICK");
  HandlersOptions once = options();
  once.max_attempts = 1;
  std::atomic<int> calls = 0;
  Handlers handlers(once);
  handlers.on("TICK", [&](const ReceivedEvent&, HandlerContext&) {
    if (++calls < 4) throw Error(ErrorKind::unreachable, "the exchange is away");
  });
  std::jthread running([&](std::stop_token stop) { handlers.run(stop); });
  EXPECT_TRUE(eventually([&] { return status_of("a") == "PUBLISHED"; }));
  EXPECT_EQ(calls, 4);
  EXPECT_EQ(retries_of("a"), "0");
}

TEST_P(FailingHandlers, a_handler_that_blocks_times_out_and_other_domains_and_keys_go_on) {
  HandlersOptions impatient = options();
  impatient.handler_timeout = 150ms;
  write("chat", "stuck", "SENT", "1");
  write("chat", "stuck", "SENT", "2");
  write("chat", "free", "SENT", "3");
  write("market", "m", "TICK", "4");
  std::latch go(1);
  Seen seen;
  std::atomic<bool> blocks = true;
  std::atomic<bool> told = false;
  Handlers handlers(impatient);
  handlers.on_any([&](const ReceivedEvent& event, HandlerContext& context) {
    seen.add(key_and_payload(event));
    if (event.payload == "1" && blocks.exchange(false)) {
      go.wait();
      told = context.stop.stop_requested();
    }
  });
  {
    std::jthread running([&](std::stop_token stop) { handlers.run(stop); });
    EXPECT_TRUE(
        eventually([&] { return retries_of("stuck") == "1" && count_with("PUBLISHED") == "2"; }));
    EXPECT_EQ(handlers.counters().stuck, 1);
    EXPECT_EQ(handlers.counters().timed_out, 1);
    EXPECT_THAT(value("SELECT max(error_message) FROM outbox_events"), HasSubstr("150 ms"));
    // Its key waits for the call that still runs.
    EXPECT_EQ(seen.count("stuck1"), 1U);
    EXPECT_EQ(seen.count("stuck2"), 0U);
    write("chat", "free", "SENT", "5");
    EXPECT_TRUE(eventually([&] { return count_with("PUBLISHED") == "3"; }));
    go.count_down();
    EXPECT_TRUE(eventually([&] { return count_with("PUBLISHED") == "5"; }));
  }
  EXPECT_TRUE(told);
  EXPECT_EQ(seen.count("stuck1"), 2U);
  EXPECT_EQ(handlers.counters().stuck, 0);
}

TEST_P(FailingHandlers, a_pass_and_a_stop_wait_no_longer_than_the_time_out) {
  HandlersOptions impatient = options();
  impatient.handler_timeout = 100ms;
  write("chat", "stuck", "SENT");
  std::latch go(1);
  Handlers handlers(impatient);
  handlers.on_any([&](const ReceivedEvent&, HandlerContext&) { go.wait(); });
  EXPECT_EQ(handlers.publish_pending_events().retried, 1);
  {
    const std::jthread running([&](std::stop_token stop) { handlers.run(stop); });
    EXPECT_TRUE(eventually([&] { return handlers.counters().domains_held == 1; }));
  }
  EXPECT_EQ(handlers.counters().stuck, 1);
  go.count_down();
}

TEST_P(FailingHandlers, one_that_lost_its_lease_writes_nothing_down) {
  write("market", "a", "TICK");
  std::latch begun(1);
  std::latch go(1);
  std::atomic<int> calls = 0;
  Handlers handlers(options());
  handlers.on("TICK", [&](const ReceivedEvent&, HandlerContext&) {
    if (++calls == 1) {
      begun.count_down();
      go.wait();
    }
  });
  std::jthread running([&](std::stop_token stop) { handlers.run(stop); });
  begun.wait();
  // As a successor would after this one was paused for longer than its time.
  execute(
      "UPDATE outboxd_slots SET epoch = epoch + 1, owner = 'successor', "
      "token = '00000000-0000-4000-8000-000000000001'");
  go.count_down();
  EXPECT_TRUE(eventually([&] { return handlers.counters().unsettled >= 1; }));
  EXPECT_EQ(status_of("a"), "PENDING");
  EXPECT_EQ(handlers.counters().published, 0);
  // What it took with the old epochs ends by time; then the event is delivered again.
  EXPECT_TRUE(eventually([&] { return status_of("a") == "PUBLISHED"; }));
  EXPECT_EQ(calls, 2);
}

TEST_P(FailingHandlers, one_that_lost_its_lock_stops_and_tells_its_handlers) {
  write("market", "a", "TICK");
  Tally told;
  Tally begun;
  Handlers handlers(options());
  handlers.on("TICK", [&](const ReceivedEvent&, HandlerContext& context) {
    begun.add();
    if (begun.count() > 1) return;
    EXPECT_TRUE(eventually([&] { return context.stop.stop_requested(); }));
    told.add();
  });
  std::jthread running([&](std::stop_token stop) { handlers.run(stop); });
  EXPECT_TRUE(begun.reaches(1));
  execute("UPDATE outboxd_locks SET token = '00000000-0000-4000-8000-000000000001'");
  EXPECT_TRUE(told.reaches(1));
  EXPECT_TRUE(eventually([&] { return handlers.counters().unsettled == 1; }));
  EXPECT_TRUE(eventually([&] { return status_of("a") == "PUBLISHED"; }));
  EXPECT_EQ(value("SELECT max(fencing) FROM outboxd_locks"), "2");
}

INSTANTIATE_TEST_SUITE_P(each, FailingHandlers, all_stores(), store_name);

}  // namespace
}  // namespace outbox::testing
