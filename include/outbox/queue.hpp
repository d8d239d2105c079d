// SPDX-License-Identifier: Apache-2.0
//
// A queue inside the process, with threads of its own and a limit on both sides: so many pieces of
// work wait, so many run. It is what stands behind outbox::Handlers, for a back end's own use.
//
//     outbox::QueueService queue({.name = "mail", .workers = 4, .length_max = 1000});
//     if (!queue.try_push(customer_id, [=](std::stop_token) { send_mail(customer_id, text); })) {
//       throw TooBusy();
//     }
//
// Pieces of one key are done one after the other, in the order in which they were pushed; pieces
// of different keys side by side. Nothing is written down anywhere: what waits is gone with the
// process. What must not be lost is published to the outbox instead.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>

namespace outbox {

/// The bounds of a queue. A value.
struct QueueOptions {
  std::string name = "queue";  ///< For log lines.
  int workers = 4;             ///< Threads; at least 1.
  /// Pieces that wait, at most; at least 1.
  std::size_t length_max = 1000;
  /// A piece that takes longer is given up: counted, logged, asked to stop by its token, and
  /// another thread works in its place. It goes on running meanwhile, and its key waits for it.
  /// Zero: none.
  std::chrono::milliseconds time_limit{0};
  /// Threads left behind in pieces that were given up; beyond, no thread is replaced.
  int stuck_max = 16;
  /// How long the destructor waits for the pieces that still wait; then they are dropped
  /// and logged. What runs is waited for.
  std::chrono::milliseconds drain_timeout{30000};
  /// What is written to standard error: `debug`, `info`, `warn` or `error`, and what is worse.
  std::string log_level = "warn";
};

/// Since the start of the queue, or now where that is said.
struct QueueCounters {
  std::int64_t accepted = 0;   ///< Pieces taken in.
  std::int64_t rejected = 0;   ///< For want of room, or because it was closed.
  std::int64_t done = 0;       ///< Those that failed included.
  std::int64_t failed = 0;     ///< Threw.
  std::int64_t timed_out = 0;  ///< Took longer than time_limit.
  std::int64_t waiting = 0;    ///< Now.
  std::int64_t running = 0;    ///< Now, those that were given up and have not ended included.
};

/// Thread-safety: any number of threads at once.
class QueueService {
 public:
  /// Asked to stop when the piece was given up or the queue is being destroyed and its
  /// drain_timeout is over. What the piece throws is logged and counted, and nothing else.
  using Work = std::function<void(std::stop_token)>;

  /// The threads begin at once. Throws Error(configuration), naming the option, where one makes no
  /// sense.
  explicit QueueService(QueueOptions options = {});
  /// Takes nothing more, drains, and waits for what runs: a piece that never ends keeps it waiting,
  /// for nothing else would be safe.
  ~QueueService();
  QueueService(const QueueService&) = delete;
  QueueService& operator=(const QueueService&) = delete;

  /// False where the queue is full: nothing waits. An empty key has no order with any other piece.
  /// Throws Error(usage) for work that is empty.
  [[nodiscard]] bool try_push(std::string key, Work work);

  /// Waits for room, with milliseconds::max() without a limit.
  /// Throws Error(conflict) where none came within `timeout`, Error(usage) after
  /// close() and for work that is empty. Not from within a piece of this queue: when all threads
  /// wait for room, none makes any.
  void push(std::string key, Work work, std::chrono::milliseconds timeout);

  /// Takes nothing more; what waits is still done.
  void close();

  /// Until nothing waits and nothing runs (pieces that were given up left aside); false after
  /// `timeout` (milliseconds::max(): never).
  [[nodiscard]] bool drain(std::chrono::milliseconds timeout);

  /// Taken at one moment.
  [[nodiscard]] QueueCounters counters() const;

 private:
  class Parts;
  const std::unique_ptr<Parts> parts_;
};

}  // namespace outbox
