// SPDX-License-Identifier: Apache-2.0
//
// The pieces of docs/handlers.md and docs/jobs.md, as they stand there.
#include <outbox/lock.hpp>
#include <outbox/queue.hpp>
#include <outbox/scheduler.hpp>

#include "integration/jobs/handling.hpp"

namespace outbox::testing {
namespace {

class HandlersDocs : public OnHandlers {};

TEST_P(HandlersDocs, functions_are_registered_and_a_pass_is_made) {
  write("chat", "room-1", "MESSAGE_SENT");
  write("portfolio", "account-1", "ORDER_FILLED");
  Seen seen;
  const auto notify = [&](std::string_view room) { seen.add("notified " + std::string(room)); };
  const auto book = [&](std::string_view account) { seen.add("booked " + std::string(account)); };
  Handlers handlers(options());
  // [example handlers-register]
  handlers.on("ORDER_FILLED",
              [&](const ReceivedEvent& event, HandlerContext&) { book(event.aggregate_id); });
  handlers.on("CHAT", "MESSAGE_SENT",
              [&](const ReceivedEvent& event, HandlerContext&) { notify(event.aggregate_id); });
  const HandledCounts counts = handlers.publish_pending_events();
  // [end]
  EXPECT_EQ(counts.published, 2);
  EXPECT_THAT(seen.all(), ::testing::UnorderedElementsAre("notified room-1", "booked account-1"));
}

TEST_P(HandlersDocs, an_event_has_its_effect_once_by_the_inbox) {
  write("portfolio", "account-1", "ORDER_FILLED");
  execute("CREATE TABLE bookings (account text NOT NULL)");
  Database& database = *database_;
  HandlersOptions twice = options();
  Handlers handlers(twice);
  std::atomic<int> calls = 0;
  // [example handlers-once]
  const auto book = [&](const ReceivedEvent& event, HandlerContext&) {
    database.transaction([&](Transaction& transaction) {
      const Rows claimed = transaction.execute(
          "INSERT INTO processed_events (consumer_name, event_id) VALUES ($1, $2) "
          "ON CONFLICT DO NOTHING RETURNING event_id",
          "booking", event.event_id);
      if (claimed.empty()) return;  // Done before.
      transaction.execute("INSERT INTO bookings (account) VALUES ($1)", event.aggregate_id);
    });
  };
  // [end]
  handlers.on("ORDER_FILLED", [&](const ReceivedEvent& event, HandlerContext& context) {
    book(event, context);
    // As if the process had died after its work and before the row said so.
    if (++calls == 1) throw std::runtime_error("died");
  });
  EXPECT_EQ(handlers.publish_pending_events().retried, 1);
  EXPECT_EQ(handlers.publish_pending_events().published, 1);
  EXPECT_EQ(value("SELECT count(*) FROM bookings"), "1");
}

TEST_P(HandlersDocs, a_lock_a_schedule_and_a_queue) {
  const std::string database_url = own_->url();
  Tally done;
  const auto write_report = [&](std::int64_t, const std::stop_token&) { done.add(); };
  const auto send_mail = [&](const std::string&) { done.add(); };
  {
    // [example jobs-lock]
    LockService locks({.url = database_url});
    if (auto lock = locks.try_acquire("nightly-report", {.ttl = 30s, .timeout = 1s})) {
      write_report(lock->fencing_number(), lock->lost_token());
    }
    // [end]
  }
  {
    // [example jobs-queue]
    QueueService queue({.name = "mail", .workers = 4, .length_max = 1000});
    const std::string customer = "customer-7";
    if (!queue.try_push(customer, [=](const std::stop_token&) { send_mail(customer); })) {
      throw Error(ErrorKind::conflict, "too many mails wait");
    }
    // [end]
  }
  EXPECT_EQ(done.count(), 2);
  std::stop_source stop;
  std::jthread stopping([&] {
    EXPECT_TRUE(done.reaches(3));
    stop.request_stop();
  });
  const std::stop_token stop_token = stop.get_token();
  const auto refresh_prices = [&] { done.add(); };
  // [example jobs-scheduler]
  Scheduler scheduler({.database_url = database_url});
  scheduler.every("refresh-prices", 1s, [&](const JobRun&) { refresh_prices(); });
  scheduler.cron("nightly-report", "30 2 * * MON-FRI",
                 [&](const JobRun& run) { write_report(run.fencing_number, run.stop); },
                 {.missed = MissedRuns::run_once, .jitter = 60s});
  scheduler.run(stop_token);
  // [end]
  EXPECT_GE(scheduler.counters("refresh-prices").runs, 1);
}

INSTANTIATE_TEST_SUITE_P(each, HandlersDocs, ::testing::Values(Dialect::postgres, Dialect::sqlite),
                         store_name);

}  // namespace
}  // namespace outbox::testing
