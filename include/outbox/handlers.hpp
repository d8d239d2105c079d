// SPDX-License-Identifier: Apache-2.0
//
// Events delivered to functions in this process, without a broker (rows C4 to C7, C9): rows of the
// outbox go to the handlers registered for them, each at least once, in order per key.
//
//     outbox::Handlers handlers({.database_url = "postgresql://localhost/trading"});
//     handlers.on("ORDER_PLACED", [&](const outbox::ReceivedEvent& event,
//                                     outbox::HandlerContext&) { book(event); });
//     handlers.on("CHAT", "MESSAGE_SENT", notify);   // only in this domain
//     handlers.run(stop_token);                      // or: handlers.publish_pending_events();
//
// An event's domain is its aggregate type in upper case, unless map() says otherwise. Each domain
// is worked by one instance of all at a time, under the lock `outbox_consumer:{domain}`, and by a
// task of its own: what fails or blocks in one leaves the others untouched.
//
// What a handler throws fails the event: its row gets the table's word for "to be tried again" and
// its key waits, doubling, until the row's own maximum of attempts is reached or that of the
// options; then the row is a dead letter (`FAILED` or `DEAD`, as the table has it) with the reason,
// and the key goes on. Error(unreachable) blames no event and counts no attempt: its key waits and
// tries again for as long as it takes. A handler that takes longer than `handler_timeout` has
// failed as if it had thrown; its context asks it to stop, and its key waits until it has ended.
//
// A handler may be called again for an event that it has handled: after a crash between its end and
// the row's change, after a time-out, and while an instance that was paused does not yet know that
// it lost its lock. What must happen once in effect is tied to the event's id: claim it in
// `processed_events` in the transaction of the work, or have what is written to refuse a
// `fencing_number` smaller than it has seen (docs/handlers.md has both).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <outbox/received_event.hpp>
#include <outbox/task.hpp>

namespace outbox {

/// What becomes of an event for which no handler is registered, in a domain that has one.
enum class UnhandledEvents : std::uint8_t {
  keep,     ///< It stays pending, for an instance that has its handler; logged and counted. Later
            ///< events of its key do not wait for it.
  publish,  ///< There is nothing to do, so it is done.
  dead_letter,
};

/// How handlers are run. A value; each field says its unit.
struct HandlersOptions {
  /// As DatabaseOptions::url; `outboxd migrate` or outbox::migrate() made the tables.
  std::string database_url = {};
  /// `table` or `schema.table`; empty: the preset's, or `outbox_events`.
  std::string table = {};
  /// One of the table shapes that outboxd knows (`outboxd config presets`), e.g. `trading`; empty:
  /// the product's own table.
  std::string preset = {};
  /// For one call of a handler, one future, one coroutine. milliseconds::max(), here and below, is
  /// no limit.
  std::chrono::milliseconds handler_timeout{30000};
  /// Of a domain's lock, which is renewed at a third of it. 100 ms to 365 days.
  std::chrono::milliseconds lock_ttl{30000};
  /// How long a lock that another instance holds is waited for before the next look.
  std::chrono::milliseconds lock_timeout{1000};
  /// How long a domain sleeps where there was nothing to do.
  std::chrono::milliseconds polling_interval{200};
  /// After an error that is no handler's: the database away, other terms elsewhere.
  std::chrono::milliseconds pause_after_error{10000};
  /// Attempts, the first included, where the row has no maximum of its own.
  int max_attempts = 3;
  /// What a key waits after its first failure; twice as long after each further one.
  std::chrono::milliseconds retry_initial{1000};
  /// The longest wait.
  std::chrono::milliseconds retry_max{300000};
  double retry_jitter = 0.2;  ///< The share by which a wait may be shorter or longer, 0 to 1.
  /// Events of one domain handled at the same time; those of one key one after the other.
  int workers = 1;
  /// Domains worked at the same time by this instance, each with four connections and at least
  /// `workers` + 5 threads. Where more have events they take turns: a domain gives its place to
  /// another that waits when it has nothing to do, or after a second. So `4 * domains_max + 1` is
  /// what this instance asks of the database at most.
  int domains_max = 8;
  int batch_size = 100;  ///< Rows of one read; at most twice as many are in hand in a domain.
  /// Calls of a domain that were given up and have not ended; beyond, the domain waits for one.
  int stuck_max = 16;
  /// Events of one domain in one publish_pending_events(), so that it ends while more are written.
  std::size_t pass_limit = 10'000;
  /// Events that no handler is registered for.
  UnhandledEvents unhandled = UnhandledEvents::keep;
  /// What is written to standard error: `debug`, `info`, `warn` or `error`, and what is worse.
  std::string log_level = "warn";
};

/// What a handler is told besides the event. Lives as long as the call, the future or the coroutine
/// it was given to; a future that was given up after its time-out must not use it any more.
class HandlerContext {
 public:
  /// The event's, in capitals.
  std::string_view domain;
  /// Of the lock `outbox_consumer:{domain}`: greater than that of every holder before.
  std::int64_t fencing_number = 0;
  /// The row's primary key, as text.
  std::string_view row_id;
  /// The time is up, or the lock is lost. To be looked at by what takes long.
  std::stop_token stop;

 private:
  friend class HandlerCall;
  std::shared_ptr<const void> keeps_alive_;
  std::stop_token ending_;
};

/// What events were made of it. processed = published + failed + retried.
struct HandledCounts {
  std::int64_t processed = 0;  ///< All of them.
  std::int64_t published = 0;  ///< Handled; the row says so.
  std::int64_t failed = 0;     ///< The last attempt failed: dead letters.
  std::int64_t retried = 0;    ///< Failed, to be tried again.
};

/// Since the start of this instance, or now where that is said.
struct HandlersCounters : HandledCounts {
  std::int64_t timed_out = 0;  ///< Of those that failed, and of the stuck ones.
  std::int64_t unhandled = 0;  ///< Found without a handler.
  std::int64_t unsettled = 0;  ///< Handled, but the domain was another's by then: delivered again.
  std::int64_t errors = 0;     ///< After each of which a domain paused.
  std::int64_t stuck = 0;      ///< Now: given up and not ended.
  std::int64_t domains_held = 0;  ///< Now: domains whose lock is this instance's.
};

/// A handler in the one form that all others are brought to. For on().
class HandlerCall {
 public:
  /// Done when it returns.
  using Plain = std::function<void(const ReceivedEvent&, HandlerContext&)>;
  /// Done when the future is ready.
  using Future = std::function<std::future<void>(const ReceivedEvent&, HandlerContext&)>;
  /// Done when the coroutine has ended.
  using Coroutine = std::function<Task<>(const ReceivedEvent&, HandlerContext&)>;

  /// Does not compile for what is none of the three.
  template <class F>
  [[nodiscard]] static Plain of(F handler) {
    static_assert(std::is_invocable_v<F&, const ReceivedEvent&, HandlerContext&>,
                  "a handler takes (const outbox::ReceivedEvent&, outbox::HandlerContext&)");
    using Result = std::invoke_result_t<F&, const ReceivedEvent&, HandlerContext&>;
    if constexpr (std::is_void_v<Result>) {
      return Plain(std::move(handler));
    } else if constexpr (std::is_same_v<Result, std::future<void>>) {
      return waiting_for(Future(std::move(handler)));
    } else {
      static_assert(std::is_same_v<Result, Task<>>,
                    "a handler returns void, std::future<void> or outbox::Task<>");
      return running(Coroutine(std::move(handler)));
    }
  }

  /// Used by the deliverer, before the call.
  static void prepare(HandlerContext& context, std::shared_ptr<const void> keeps_alive,
                      std::stop_token ending);

 private:
  static Plain waiting_for(Future handler);
  static Plain running(Coroutine handler);
};

/// Delivers rows of the outbox to functions of the process.
/// Thread-safety: handlers are registered before the first pass; run() and publish_pending_events()
/// once at a time; counters from any thread. Lifetime: what a handler refers to outlives this.
class Handlers {
 public:
  /// Connects to nothing yet. Throws Error(configuration), naming the option, where one is missing
  /// or makes no sense.
  explicit Handlers(HandlersOptions options);
  /// Waits for handlers that still run, since nothing else would be safe. Futures and coroutines
  /// are not waited for, but a future of std::async is: its own destructor waits for its function.
  ~Handlers();
  Handlers(const Handlers&) = delete;
  Handlers& operator=(const Handlers&) = delete;

  /// Register before the first run() or publish_pending_events(). A handler is a function of
  /// (const ReceivedEvent&, HandlerContext&) that returns nothing, a std::future<void> or a Task<>
  /// (<outbox/task.hpp>). The event's views live as long as the context. An event goes to one
  /// handler: the domain's own for its type, else the type's, else on_any's.
  ///
  /// Throws Error(usage) for a second one of the same kind, for an empty name, and after the first
  /// delivery.
  template <class F>
  Handlers& on(std::string event_type, F handler) {
    return add({}, std::move(event_type), HandlerCall::of(std::move(handler)));
  }

  /// `domain`: in any case; CHAT, PORTFOLIO, MARKET, NOTIFICATION, SIGNAL or one's own.
  template <class F>
  Handlers& on(std::string domain, std::string event_type, F handler) {
    check_domain(domain);
    return add(std::move(domain), std::move(event_type), HandlerCall::of(std::move(handler)));
  }

  /// For every event without a handler of its own, in all domains that have rows.
  template <class F>
  Handlers& on_any(F handler) {
    return add({}, {}, HandlerCall::of(std::move(handler)));
  }

  /// Events of this aggregate type (case does not count) belong to that domain. The same on all
  /// instances, or two of them would work one event in two domains: the second to come is refused
  /// with Error(conflict).
  Handlers& map(std::string aggregate_type, std::string domain);

  /// One pass over all domains, `domains_max` at a time: what is pending now is handled, each event
  /// at most once; domains that another instance works are left to it. Returns what was made of
  /// them. Throws what the
  /// database says after the other domains are done: Error(unreachable), Error(configuration),
  /// Error(not_found) without the tables, Error(conflict) where a relay takes these events, too.
  HandledCounts publish_pending_events(const std::stop_token& stop = {});

  /// Delivers until a stop is requested, up to `domains_max` domains at the same time; then waits
  /// for the handlers that run, at most for handler_timeout, and gives the domains back. No outage
  /// ends it once it runs; at the start it throws what publish_pending_events() would, but waits
  /// for a database that is away. Four connections for each domain that it works, one to look for
  /// domains. On SQLite one process may deliver or relay. Call it once at a time.
  void run(const std::stop_token& stop);

  /// From any thread; since the object was made. Waits for no database.
  [[nodiscard]] HandlersCounters counters() const;

 private:
  static void check_domain(const std::string& domain);
  Handlers& add(std::string domain, std::string event_type, HandlerCall::Plain handler);

  class Parts;
  const std::unique_ptr<Parts> parts_;
};

}  // namespace outbox
