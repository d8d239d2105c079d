// SPDX-License-Identifier: Apache-2.0
//
// A consumer that takes each event once in effect: the claim on the event in the inbox
// (`processed_events`, made by `outboxd migrate`) and what the handlers write are one transaction,
// and offsets are committed only after it (design, promise 3; rows B6, E2, E3).
//
//     outbox::Consumer consumer({.database_url = "postgresql://localhost/shop",
//                                .kafka = {.bootstrap_servers = "localhost:9092"},
//                                .group_id = "stock-consumer",
//                                .topics = {"order.events", "stock.events"}});
//     consumer.on<Restocked>("RESTOCKED", [](const Restocked& restocked,
//                                            const outbox::ReceivedEvent&,
//                                            outbox::Transaction& transaction) {
//       transaction.execute("UPDATE products SET stock = stock + $1 WHERE id = $2",
//                           restocked.qty, restocked.product_id);
//     });
//     consumer.run(stop_token);
//
// What a handler throws undoes all it wrote and fails the event. A failed event is tried again by
// the retry policy and then goes to the dead-letter topic; later events of its partition wait for
// it meanwhile, other partitions do not. An Error(unreachable) blames no event: the consumer waits
// and tries again for as long as it takes. The same holds where its own database is away.
//
// A handler may be called again for the same event, after everything it wrote was undone: what it
// does elsewhere (a cache, a mail) it may therefore do twice.
#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include <outbox/kafka.hpp>
#include <outbox/publish.hpp>
#include <outbox/received_event.hpp>
#include <outbox/transaction.hpp>

namespace outbox {

/// How often an event is tried, and how long its partition waits in between: `initial`, then twice
/// as long each time, at most `max`, give or take the share `jitter`.
struct RetryPolicy {
  int max_attempts = 5;  ///< The first included; then it is dead-lettered. 1: no retry.
  std::chrono::milliseconds initial{200};  ///< The first wait.
  std::chrono::milliseconds max{5000};     ///< The longest wait.
  double jitter = 0.2;                     ///< Share of a wait, 0 to 1.
};

/// What a claim in the inbox is made on.
enum class InboxKey : std::uint8_t {
  event_id,
  /// Event type, aggregate type, aggregate id and version together (E3): a second event with the
  /// same four is a duplicate, whatever its id.
  /// The writer counts it in the header `event_version`; an event without one is dead-lettered.
  aggregate_version,
};

/// What becomes of an event for which no handler is registered.
enum class UnknownEvents : std::uint8_t { ignore, dead_letter };

/// How a consumer takes part. A value; each field says its unit.
struct ConsumerOptions {
  /// As DatabaseOptions::url; the database that the handlers write to and the inbox stands in.
  std::string database_url = {};
  PublishOptions publish = {};  ///< For events that handlers write themselves.
  KafkaConnection kafka = {};   ///< The brokers it reads from.
  /// Each group gets all messages; members of one share the partitions.
  std::string group_id = {};
  /// Under which the inbox keeps its claims; empty: group_id.
  std::string consumer_name = {};
  std::vector<std::string> topics = {};  ///< At least one; each must exist.
  /// Static membership: a restart within Kafka's session time-out moves no partition. Unique in the
  /// group; empty: none.
  std::string instance_id = {};
  InboxKey inbox_key = InboxKey::event_id;               ///< What makes two events one.
  UnknownEvents unknown_events = UnknownEvents::ignore;  ///< Without a handler.
  /// Where a group that has no offsets yet begins: `earliest`, `latest`, or `error`.
  std::string offset_reset = "earliest";
  int batch_size = 500;  ///< Events in one transaction, at most.
  int workers = 1;  ///< Partitions worked at the same time, each in order, each its connection.
  /// Messages fetched and not yet done with, all partitions together; each may have 1 MiB at least.
  std::size_t in_hand_bytes_max = std::size_t{64} << 20U;
  RetryPolicy retry;  ///< Where no on_error() fits the exception.
  /// False: a failed event goes to `delay_topic` and comes back after its back-off, and later ones
  /// of its partition go on without it. Only for handlers that need no order.
  bool ordered = true;
  std::string delay_topic = {};  ///< Must exist; empty: `<group_id>.retry`.
  /// For all dead letters; `{topic}` in it stands for the topic the message came from, so that
  /// `{topic}-dlq` gives each its own (E5). Must exist.
  std::string dead_letter_topic = "deadletter.events";
  /// What is written to standard error: `debug`, `info`, `warn` or `error`, and what is worse.
  std::string log_level = "warn";
};

/// Of one consumer since it began. A value, taken at one moment.
struct ConsumerCounters {
  std::int64_t handled = 0;        ///< New events whose transaction committed.
  std::int64_t duplicates = 0;     ///< Skipped: claimed before.
  std::int64_t ignored = 0;        ///< No handler is registered for them.
  std::int64_t failures = 0;       ///< Attempts that a handler failed.
  std::int64_t dead_lettered = 0;  ///< Acknowledged by the dead-letter topic.
  std::int64_t delayed = 0;        ///< Sent to the delay topic.
  std::int64_t rebalances = 0;     ///< Partitions were taken away.
  std::int64_t lag = 0;            ///< Messages in the partitions assigned, not yet done with.
  std::int64_t working_us = 0;     ///< In transactions, microseconds of all workers together.
};

/// Takes events of a group's partitions and runs the handlers in the transaction of the claim.
/// Thread-safety: handlers are registered before run(); stop, counters and run() from any thread.
/// Lifetime: what a handler refers to outlives run().
class Consumer {
 public:
  /// The work for one event, in its transaction. What it throws undoes that work.
  using Handler = std::function<void(const ReceivedEvent&, Transaction&)>;
  /// The work for several events, in their order and one transaction.
  using BatchHandler = std::function<void(std::span<const ReceivedEvent>, Transaction&)>;

  /// Throws Error(configuration), naming the option, where one is missing or makes no sense.
  explicit Consumer(ConsumerOptions options);
  ~Consumer();
  Consumer(const Consumer&) = delete;
  Consumer& operator=(const Consumer&) = delete;

  /// Register handlers before run(); a second one for the same type is refused with Error(usage).
  Consumer& on(std::string event_type, Handler handler);

  /// The same with the payload read by Serializer<T>.
  template <class T, class Typed>
  Consumer& on(std::string event_type, Typed handler) {
    return on(std::move(event_type),
              Handler([handler = std::move(handler)](const ReceivedEvent& event,
                                                     Transaction& transaction) {
                handler(event.template payload_as<T>(), event, transaction);
              }));
  }

  /// Gets events that follow each other in a batch at once, for statements over many rows. Where it
  /// throws, all of them are undone and it is called again with one event at a time, to find out
  /// which one is to blame.
  Consumer& on_batch(std::vector<std::string> event_types, BatchHandler handler);

  /// For all events without a handler of their own.
  Consumer& on_any(Handler handler);
  /// The same, for several at once, as on_batch().
  Consumer& on_any_batch(BatchHandler handler);

  /// A retry policy of its own for what is thrown as E or derived from it; the first one that was
  /// given and fits is taken. `consumer.retry<OutOfStock>({.max_attempts = 1})` sends it to the
  /// dead-letter topic at once.
  template <class E>
  Consumer& retry(RetryPolicy policy) {
    return retry_where(
        [](const std::exception& error) { return dynamic_cast<const E*>(&error) != nullptr; },
        policy);
  }

  /// Called after each commit with the events that were new, on the thread that handled them. It
  /// must not throw. For figures, not for work: it is not called again after a crash.
  Consumer& on_commit(std::function<void(std::span<const ReceivedEvent>)> hook);

  /// Consumes until a stop is requested; transactions under way are finished first. Brokers or the
  /// database being away are waited for, a topic that is not there yet too. Throws
  /// Error(configuration) where login or rights are refused, Error(not_found) without the inbox,
  /// Error(conflict) where another member
  /// took over this one's instance_id. Call it once at a time.
  void run(std::stop_token stop);

  /// From any thread.
  [[nodiscard]] ConsumerCounters counters() const;

 private:
  using Matches = std::function<bool(const std::exception&)>;
  Consumer& retry_where(Matches matches, RetryPolicy policy);

  class Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace outbox
