// SPDX-License-Identifier: Apache-2.0
//
// Futures and coroutines brought to the form of a plain call: the thread that made it waits for
// them, but no longer than until it is asked to stop.
#include <outbox/handlers.hpp>

#include <atomic>
#include <condition_variable>
#include <coroutine>
#include <mutex>
#include <utility>

#include <outbox/error.hpp>

namespace outbox {

namespace {

using namespace std::chrono_literals;

// How soon a future that nobody will fulfil is let go of.
constexpr auto look_at_stop = 20ms;

// Coroutines that were given up keep their frames until somebody resumes them. Beyond this many the
// caller waits as for a function that blocks.
constexpr int abandoned_max = 100;
std::atomic<int> abandoned = 0;

[[noreturn]] void given_up() {
  throw Error(ErrorKind::failed, "the handler was given up");
}

/// How a coroutine ended, shared by whoever waits and the coroutine itself.
class Outcome {
 public:
  void finish(std::exception_ptr thrown) {
    const std::lock_guard lock(mutex_);
    thrown_ = std::move(thrown);
    done_ = true;
    if (left_) --abandoned;
    changed_.notify_all();
  }

  void look() {
    const std::lock_guard lock(mutex_);
    changed_.notify_all();
  }

  void wait(const std::stop_token& stop, const std::stop_token& ending) {
    const auto wake = [this] { look(); };
    const std::stop_callback at_stop(stop, wake);
    const std::stop_callback at_end(ending, wake);
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] {
      return done_ || ending.stop_requested() ||
             (stop.stop_requested() && abandoned < abandoned_max);
    });
    if (!done_) {
      left_ = true;
      ++abandoned;
      given_up();
    }
    if (thrown_) std::rethrow_exception(thrown_);
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::exception_ptr thrown_;
  bool done_ = false;
  bool left_ = false;
};

/// A coroutine that nobody owns: it begins at once and is gone when it has ended.
struct Unowned {
  struct promise_type {
    [[nodiscard]] Unowned get_return_object() const noexcept { return {}; }
    [[nodiscard]] std::suspend_never initial_suspend() const noexcept { return {}; }
    [[nodiscard]] std::suspend_never final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    void unhandled_exception() const noexcept { std::terminate(); }
  };
};

// `keeps_alive` is what the task's body looks at: the handler, the event, the context.
Unowned run_to_the_end(Task<> task, std::shared_ptr<Outcome> outcome,
                       [[maybe_unused]] std::shared_ptr<const void> handler,
                       [[maybe_unused]] std::shared_ptr<const void> keeps_alive) {
  std::exception_ptr thrown;
  try {
    // Gone before its end is told.
    Task<> running = std::move(task);
    co_await std::move(running);
  } catch (...) {  // thread entry: somebody else's code ends here
    thrown = std::current_exception();
  }
  outcome->finish(std::move(thrown));
}

}  // namespace

void HandlerCall::prepare(HandlerContext& context, std::shared_ptr<const void> keeps_alive,
                          std::stop_token ending) {
  context.keeps_alive_ = std::move(keeps_alive);
  context.ending_ = std::move(ending);
}

HandlerCall::Plain HandlerCall::waiting_for(Future handler) {
  return [handler = std::move(handler)](const ReceivedEvent& event, HandlerContext& context) {
    const std::stop_token stop = context.stop;
    const std::stop_token ending = context.ending_;
    std::future<void> future = handler(event, context);
    if (!future.valid()) {
      throw Error(ErrorKind::failed, "the handler returned a future without a state",
                  "return the future of a promise, a packaged_task or std::async");
    }
    // A deferred one runs here and now.
    while (future.wait_for(look_at_stop) == std::future_status::timeout) {
      if (stop.stop_requested() || ending.stop_requested()) given_up();
    }
    future.get();
  };
}

HandlerCall::Plain HandlerCall::running(Coroutine handler) {
  // The captures of a lambda coroutine live in the lambda: it has to outlive what it began.
  const auto kept = std::make_shared<const Coroutine>(std::move(handler));
  return [kept](const ReceivedEvent& event, HandlerContext& context) {
    const std::stop_token stop = context.stop;
    const std::stop_token ending = context.ending_;
    const auto outcome = std::make_shared<Outcome>();
    run_to_the_end((*kept)(event, context), outcome, kept, context.keeps_alive_);
    outcome->wait(stop, ending);
  };
}

void ResumeOn::await_suspend(std::coroutine_handle<> waiting) const {
  if (queue_->try_push({}, [waiting](const std::stop_token&) { waiting.resume(); })) return;
  throw Error(ErrorKind::conflict, "resume_on(): the queue is full or closed",
              "let it hold more (QueueOptions::length_max), or begin less at once");
}

}  // namespace outbox
