// SPDX-License-Identifier: Apache-2.0
//
// The coroutine that a handler may be (<outbox/handlers.hpp>):
//
//     outbox::Task<> notify(const outbox::ReceivedEvent& event, outbox::HandlerContext&) {
//       const auto customer = co_await load_customer(event.aggregate_id);  // a Task<Customer>
//       co_await send_mail(customer);                                      // an awaitable of yours
//     }
//
// A Task does nothing until it is awaited, or until it was returned by a handler. It is awaited
// once. What its body throws comes out of the co_await. A Task has no thread: after a co_await of
// an awaitable of yours it goes on wherever that one resumes it; `co_await
// outbox::resume_on(queue)` goes on in a thread of a QueueService.
//
// With g++ 12 mind three faults of that compiler and of coroutines as such. (1) A lambda
// coroutine's captures live in the lambda, not in the coroutine: handlers registered here are kept
// alive long enough, others may not be. (2) Write `auto task = f(x); co_await std::move(task);`
// rather than braces in a co_await, `co_await f({a, b})`: temporaries made there can be destroyed
// twice. (3) Parameters by reference dangle where what they refer to is gone before the coroutine
// is done.
//
// Thread-safety: a Task is used by one thread at a time.
#pragma once

#include <coroutine>
#include <exception>
#include <optional>
#include <utility>

#include <outbox/queue.hpp>

namespace outbox {

template <class T>
class Task;

namespace task_detail {

/// What all promises have: who waits, and what was thrown.
class PromiseBase {
 public:
  /// Goes on with whoever waits, without growing the stack. Trivially destructible, as all
  /// awaiters here: g++ 12 may destroy one in a co_await twice.
  struct Final {
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> done) const noexcept {
      return done.promise().continuation_;
    }
    void await_resume() const noexcept {}
  };

  [[nodiscard]] std::suspend_always initial_suspend() const noexcept { return {}; }
  [[nodiscard]] Final final_suspend() const noexcept { return {}; }
  void unhandled_exception() noexcept { thrown_ = std::current_exception(); }

  std::coroutine_handle<> continuation_ = std::noop_coroutine();
  std::exception_ptr thrown_;
};

template <class T>
class Promise : public PromiseBase {
 public:
  Task<T> get_return_object() noexcept;
  template <class U>
  void return_value(U&& value) {
    value_.emplace(std::forward<U>(value));
  }
  T take() {
    if (thrown_) std::rethrow_exception(thrown_);
    return std::move(*value_);
  }

 private:
  std::optional<T> value_;
};

template <>
class Promise<void> : public PromiseBase {
 public:
  Task<void> get_return_object() noexcept;
  void return_void() const noexcept {}
  void take() const {
    if (thrown_) std::rethrow_exception(thrown_);
  }
};

}  // namespace task_detail

/// Owns its coroutine, move-only. Destroyed before it is done, it takes the coroutine with it:
/// whatever was going to resume it must be gone by then.
template <class T = void>
class [[nodiscard]] Task {
 public:
  /// For the compiler.
  using promise_type = task_detail::Promise<T>;

  /// For the promise.
  explicit Task(std::coroutine_handle<promise_type> coroutine) noexcept : coroutine_(coroutine) {}
  /// The other one owns nothing from then on.
  Task(Task&& other) noexcept : coroutine_(std::exchange(other.coroutine_, nullptr)) {}
  /// The two change places.
  Task& operator=(Task&& other) noexcept {
    std::swap(coroutine_, other.coroutine_);
    return *this;
  }
  /// Takes a coroutine that is not done with it.
  ~Task() {
    if (coroutine_) coroutine_.destroy();
  }

  /// What co_await waits with.
  class Awaiter {
   public:
    /// For the Task.
    explicit Awaiter(std::coroutine_handle<promise_type> coroutine) noexcept
        : coroutine_(coroutine) {}
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    /// Starts the coroutine.
    std::coroutine_handle<> await_suspend(std::coroutine_handle<> waiting) const noexcept {
      coroutine_.promise().continuation_ = waiting;
      return coroutine_;
    }
    T await_resume() const { return coroutine_.promise().take(); }

   private:
    std::coroutine_handle<promise_type> coroutine_;
  };

  /// Starts it and waits for it: `co_await std::move(task)`.
  Awaiter operator co_await() && noexcept { return Awaiter(coroutine_); }

 private:
  std::coroutine_handle<promise_type> coroutine_;
};

template <class T>
Task<T> task_detail::Promise<T>::get_return_object() noexcept {
  return Task<T>(std::coroutine_handle<Promise<T>>::from_promise(*this));
}

inline Task<void> task_detail::Promise<void>::get_return_object() noexcept {
  return Task<void>(std::coroutine_handle<Promise<void>>::from_promise(*this));
}

/// Goes on in a thread of the queue, which must outlive that. Throws Error(conflict) into the
/// coroutine where the queue is full or closed.
class ResumeOn {
 public:
  /// The queue must outlive the waiting.
  explicit ResumeOn(QueueService& queue) noexcept : queue_(&queue) {}
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiting) const;
  void await_resume() const noexcept {}

 private:
  QueueService* queue_;
};

[[nodiscard]] inline ResumeOn resume_on(QueueService& queue) noexcept {
  return ResumeOn(queue);
}

}  // namespace outbox
