// SPDX-License-Identifier: Apache-2.0
//
// Two instances on one outbox, and a relay beside them.
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <map>

#include "integration/jobs/handling.hpp"

namespace outbox::testing {
namespace {

using ::testing::HasSubstr;

class TwoHandlers : public OnHandlers {
 protected:
  static bool tell(int pipe_end) { return ::write(pipe_end, "y", 1) == 1; }
};

TEST_P(TwoHandlers, each_event_is_handled_once_and_in_order_while_both_run) {
  std::mutex mutex;
  std::map<std::string, std::vector<std::string>> by_key;
  std::map<std::string, int> inside;
  Tally calls;
  const auto handle = [&](const ReceivedEvent& event, HandlerContext& context) {
    const std::string domain(context.domain);
    {
      const std::lock_guard lock(mutex);
      EXPECT_EQ(++inside[domain], 1) << "two of one domain at a time";
      by_key[std::string(event.aggregate_id)].emplace_back(*event.payload);
    }
    std::this_thread::yield();
    {
      const std::lock_guard lock(mutex);
      --inside[domain];
    }
    calls.add();
  };
  Handlers first(options());
  Handlers second(options());
  first.on_any(handle);
  second.on_any(handle);
  {
    std::jthread one([&](std::stop_token stop) { first.run(stop); });
    std::jthread two([&](std::stop_token stop) { second.run(stop); });
    for (int i = 0; i < 60; ++i)
      write(i % 2 == 0 ? "chat" : "market", "k" + std::to_string(i % 6), "SENT",
            std::to_string(100 + i));
    EXPECT_TRUE(calls.reaches(60));
    EXPECT_TRUE(eventually([&] { return count_with("PUBLISHED") == "60"; }));
    EXPECT_EQ(first.counters().domains_held + second.counters().domains_held, 2);
  }
  EXPECT_EQ(calls.count(), 60);
  EXPECT_EQ(first.counters().published + second.counters().published, 60);
  for (const auto& [key, payloads] : by_key)
    EXPECT_TRUE(std::is_sorted(payloads.begin(), payloads.end())) << key;
}

TEST_P(TwoHandlers, when_one_stops_the_other_goes_on_with_a_greater_number) {
  std::atomic<std::int64_t> number = 0;
  const auto handle = [&](const ReceivedEvent&, HandlerContext& context) {
    number = context.fencing_number;
  };
  Handlers first(options());
  Handlers second(options());
  first.on("CHAT", "SENT", handle);
  second.on("CHAT", "SENT", handle);
  std::optional<std::jthread> one(std::in_place, [&](std::stop_token stop) { first.run(stop); });
  ASSERT_TRUE(eventually([&] { return first.counters().domains_held == 1; }));
  std::jthread two([&](std::stop_token stop) { second.run(stop); });
  write("chat", "1", "SENT");
  EXPECT_TRUE(eventually([&] { return status_of("1") == "PUBLISHED"; }));
  EXPECT_EQ(number, 1);
  EXPECT_EQ(first.counters().published, 1);
  // A pass leaves the domain to its holder.
  Handlers third(options());
  third.on("CHAT", "SENT", handle);
  EXPECT_EQ(third.publish_pending_events().processed, 0);
  one.reset();
  write("chat", "2", "SENT");
  EXPECT_TRUE(eventually([&] { return status_of("2") == "PUBLISHED"; }));
  EXPECT_EQ(number, 2);
  EXPECT_EQ(second.counters().published, 1);
}

TEST_P(TwoHandlers, a_killed_process_is_succeeded_after_the_locks_time) {
  database_.reset();  // SQLite's connections do not go through a fork.
  const HandlersOptions own = options();
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t child = fork();
  if (child == 0) {
    Handlers handlers(own);
    handlers.on("CHAT", "SENT", [&](const ReceivedEvent&, HandlerContext&) {
      if (tell(ready[1])) pause();
    });
    handlers.run({});
    _exit(0);
  }
  database_ = std::make_unique<Database>(DatabaseOptions{.url = own_->url()});
  write("chat", "1", "SENT");
  char answer = 0;
  ASSERT_EQ(read(ready[0], &answer, 1), 1);
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  Tally calls;
  Handlers handlers(own);
  handlers.on("CHAT", "SENT", [&](const ReceivedEvent&, HandlerContext& context) {
    EXPECT_EQ(context.fencing_number, 2);
    calls.add();
  });
  std::jthread running([&](std::stop_token stop) { handlers.run(stop); });
  EXPECT_TRUE(calls.reaches(1));
  EXPECT_TRUE(eventually([&] { return status_of("1") == "PUBLISHED"; }));
  EXPECT_EQ(retries_of("1"), "0");
  close(ready[0]);
  close(ready[1]);
}

TEST_P(TwoHandlers, a_relay_that_takes_the_same_events_is_told_of_by_name) {
  store::HomeOptions relay;
  relay.member_name = "publisher-00000001";
  const store::Home home = own_->home(relay);
  home.agreement()->agree({.relay_name = "default",
                           .aggregate_types = {},
                           .capture = "lease",
                           .settle = "mark",
                           .slots = 32});
  const auto leases = home.leases();
  leases->join();
  write("chat", "1", "SENT");
  Handlers handlers(options());
  handlers.on("CHAT", "SENT", [](const ReceivedEvent&, HandlerContext&) {});
  const Error error = error_of([&] { handlers.publish_pending_events(); });
  EXPECT_EQ(error.kind(), ErrorKind::conflict);
  EXPECT_THAT(error.what(), HasSubstr("publisher-00000001"));
  leases->leave();
  EXPECT_EQ(handlers.publish_pending_events().published, 1);
}

INSTANTIATE_TEST_SUITE_P(each, TwoHandlers, all_stores(), store_name);

}  // namespace
}  // namespace outbox::testing
