// SPDX-License-Identifier: Apache-2.0
#include <future>
#include <latch>

#include <outbox/queue.hpp>
#include <outbox/task.hpp>

#include "integration/jobs/handling.hpp"

namespace outbox::testing {
namespace {

using ::testing::HasSubstr;

class AsyncHandlers : public OnHandlers {
 protected:
  /// One event in hand, delivered to this handler once.
  template <class F>
  HandledCounts deliver(F handler) {
    write("market", "a", "TICK", "1");
    Handlers handlers(options());
    handlers.on("TICK", std::move(handler));
    return handlers.publish_pending_events();
  }

  std::string error() { return value("SELECT max(error_message) FROM outbox_events"); }
};

TEST_P(AsyncHandlers, a_future_is_waited_for) {
  std::atomic<int> done = 0;
  const HandledCounts counts = deliver([&](const ReceivedEvent& event, HandlerContext&) {
    return std::async(std::launch::async, [&done, payload = std::string(*event.payload)] {
      EXPECT_EQ(payload, "1");
      ++done;
    });
  });
  EXPECT_EQ(counts.published, 1);
  EXPECT_EQ(done, 1);
}

TEST_P(AsyncHandlers, a_deferred_future_is_run) {
  std::atomic<int> done = 0;
  EXPECT_EQ(deliver([&](const ReceivedEvent&, HandlerContext&) {
              return std::async(std::launch::deferred, [&] { ++done; });
            }).published,
            1);
  EXPECT_EQ(done, 1);
}

TEST_P(AsyncHandlers, what_a_future_throws_fails_the_event) {
  EXPECT_EQ(deliver([](const ReceivedEvent&, HandlerContext&) {
              return std::async(std::launch::async, [] { throw std::runtime_error("no price"); });
            }).retried,
            1);
  EXPECT_THAT(error(), HasSubstr("no price"));
}

TEST_P(AsyncHandlers, a_future_without_a_state_fails_the_event) {
  EXPECT_EQ(
      deliver([](const ReceivedEvent&, HandlerContext&) { return std::future<void>(); }).retried,
      1);
  EXPECT_THAT(error(), HasSubstr("without a state"));
}

TEST_P(AsyncHandlers, a_future_that_never_comes_is_a_dead_letter_in_the_end) {
  write("market", "a", "TICK", "1");
  write("market", "a", "TICK", "2");
  std::vector<std::promise<void>> promises(3);
  std::atomic<std::size_t> calls = 0;
  HandlersOptions impatient = options();
  impatient.handler_timeout = 100ms;
  Handlers handlers(impatient);
  handlers.on("TICK", [&](const ReceivedEvent& event, HandlerContext&) {
    if (event.payload == "1") return promises[calls++].get_future();
    std::promise<void> done;
    done.set_value();
    return done.get_future();
  });
  std::jthread running([&](std::stop_token stop) { handlers.run(stop); });
  EXPECT_TRUE(eventually([&] { return count_with("PUBLISHED") == "1"; }));
  EXPECT_EQ(count_with("DEAD"), "1");
  EXPECT_EQ(calls, 3U);
  EXPECT_EQ(handlers.counters().timed_out, 3);
  EXPECT_TRUE(eventually([&] { return handlers.counters().stuck == 0; }));
}

Task<std::string> read_price(QueueService& queue, const std::string& name) {
  const std::string made = name + "'s price, a text that is long enough not to be kept in place";
  co_await resume_on(queue);
  co_return made;
}

Task<> fail_later(QueueService& queue) {
  co_await resume_on(queue);
  throw std::runtime_error("no price");
}

TEST_P(AsyncHandlers, a_coroutine_is_waited_for_wherever_it_goes_on) {
  std::string seen;
  QueueService queue;
  const std::string captured = "a capture that is long enough to be on the heap";
  const HandledCounts counts =
      deliver([&, captured](const ReceivedEvent& event, HandlerContext& context) -> Task<> {
        const std::string name(event.aggregate_id);
        auto price = read_price(queue, name);
        const std::string text = co_await std::move(price);
        EXPECT_EQ(context.domain, "MARKET");
        EXPECT_EQ(event.payload, "1");
        seen = captured + "; " + text;
      });
  EXPECT_EQ(counts.published, 1);
  EXPECT_THAT(seen, HasSubstr("a's price"));
  EXPECT_THAT(seen, HasSubstr("a capture"));
}

TEST_P(AsyncHandlers, a_coroutine_that_never_waits_is_handled_too) {
  EXPECT_EQ(deliver([](const ReceivedEvent&, HandlerContext&) -> Task<> { co_return; }).published,
            1);
}

TEST_P(AsyncHandlers, what_a_coroutine_throws_fails_the_event) {
  QueueService queue;
  EXPECT_EQ(deliver([&](const ReceivedEvent&, HandlerContext&) -> Task<> {
              auto failing = fail_later(queue);
              co_await std::move(failing);
            }).retried,
            1);
  EXPECT_THAT(error(), HasSubstr("no price"));
}

// Gives the coroutine that waits to the test.
class Parked {
 public:
  explicit Parked(std::coroutine_handle<>& place) : place_(&place) {}
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiting) const noexcept { *place_ = waiting; }
  void await_resume() const noexcept {}

 private:
  std::coroutine_handle<>* place_;
};

TEST_P(AsyncHandlers, a_coroutine_that_is_resumed_after_its_time_out_does_no_harm) {
  write("market", "a", "TICK", "1");
  std::coroutine_handle<> parked;
  Tally resumed;
  std::atomic<int> calls = 0;
  {
    HandlersOptions impatient = options();
    impatient.handler_timeout = 100ms;
    Handlers handlers(impatient);
    handlers.on("TICK", [&](const ReceivedEvent& event, HandlerContext& context) -> Task<> {
      if (++calls > 1) co_return;
      co_await Parked(parked);
      // All of this is still there, though the handlers are gone.
      EXPECT_EQ(event.payload, "1");
      EXPECT_EQ(context.domain, "MARKET");
      EXPECT_TRUE(context.stop.stop_requested());
      resumed.add();
    });
    EXPECT_EQ(handlers.publish_pending_events().retried, 1);
    EXPECT_EQ(handlers.publish_pending_events().published, 1);
  }
  EXPECT_EQ(resumed.count(), 0);
  parked.resume();
  EXPECT_EQ(resumed.count(), 1);
}

TEST_P(AsyncHandlers, handlers_that_wait_for_a_future_keep_nobody_from_ending) {
  write("market", "a", "TICK", "1");
  std::promise<void> never;
  Tally begun;
  const auto before = std::chrono::steady_clock::now();
  {
    HandlersOptions patient = options();
    patient.handler_timeout = 300ms;
    Handlers handlers(patient);
    handlers.on("TICK", [&](const ReceivedEvent&, HandlerContext&) {
      begun.add();
      return begun.count() == 1 ? never.get_future() : std::promise<void>().get_future();
    });
    std::jthread running([&](std::stop_token stop) { handlers.run(stop); });
    EXPECT_TRUE(begun.reaches(1));
  }
  EXPECT_LT(std::chrono::steady_clock::now() - before, 10s);
}

INSTANTIATE_TEST_SUITE_P(each, AsyncHandlers, all_stores(), store_name);

}  // namespace
}  // namespace outbox::testing
