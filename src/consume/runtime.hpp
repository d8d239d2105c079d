// SPDX-License-Identifier: Apache-2.0
//
// A consumer that takes each event once in effect: the claim on the event in the inbox and what the
// handler does are one transaction, and offsets are committed after it (design, promise 3; row B6).
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "broker/home.hpp"
#include "consume/batch_core.hpp"
#include "consume/dead_letters.hpp"
#include "consume/event.hpp"
#include "core/log.hpp"
#include "store/home.hpp"

namespace outbox::consume {

/// Does an event's work by `transaction` and nothing else that must not happen twice. It may be
/// called again for the same event, after everything it did was rolled back. What it throws fails
/// the event, save an Error(unreachable), which blames the database.
using Handler = std::function<void(const Event& event, store::InboxTransaction& transaction)>;

struct RuntimeOptions {
  std::string group_id;
  std::vector<std::string> topics;
  std::string dead_letter_topic = "deadletter.events";
  int batch_size = 500;
  std::chrono::milliseconds poll_timeout{500};
  RetryPolicy retry;
  /// Called after each commit with the events that were new, on the consuming thread; may be empty.
  std::function<void(std::span<const Event> handled)> after_commit;
};

struct RuntimeCounters {
  std::int64_t handled = 0;        ///< New events whose transaction committed.
  std::int64_t duplicates = 0;     ///< Skipped: claimed before.
  std::int64_t failures = 0;       ///< Attempts that a handler failed.
  std::int64_t dead_lettered = 0;  ///< Acknowledged by the dead-letter topic.
  std::int64_t revocations = 0;    ///< Partitions were taken away with messages in hand or not.
};

class Runtime {
 public:
  /// `store` was made with the consumer's name, which the inbox keeps its claims under. Throws
  /// Error(configuration) where a group, a topic or the dead-letter topic is missing.
  Runtime(store::Home store, broker::Home broker, RuntimeOptions options, Handler handler,
          Logger& log);

  /// Consumes until a stop is requested; the transaction under way is finished first. Brokers or
  /// database away are waited for. Throws Error(configuration) where login or rights are refused.
  void run(std::stop_token stop);

  /// From any thread.
  [[nodiscard]] RuntimeCounters counters() const noexcept;

 private:
  struct Batch;
  enum class Outcome : std::uint8_t { worked, abandoned };

  void consume_until_lost(const std::stop_token& stop);
  [[nodiscard]] Outcome work(Batch& batch, broker::Consumer& consumer, const std::stop_token& stop);
  [[nodiscard]] Happening run_together(Batch& batch, const std::vector<std::size_t>& items);
  [[nodiscard]] Happening run_singly(Batch& batch, const std::vector<std::size_t>& items);
  [[nodiscard]] Happening send_dead_letter(Batch& batch, std::size_t item,
                                           const std::stop_token& stop);
  [[nodiscard]] bool commit_offsets(const Batch& batch, const std::vector<std::size_t>& items,
                                    broker::Consumer& consumer, const std::stop_token& stop);
  void committed(std::span<const Event> handled, std::int64_t duplicates);
  void note_failure(const Event& event, const std::string& reason);
  void warn(const std::string& subject, const std::string& message, const std::string& reason);
  [[nodiscard]] double random();

  const store::Home store_;
  const broker::Home broker_;
  const RuntimeOptions options_;
  const Handler handler_;
  Logger& log_;
  DeadLetterSender dead_letters_;
  std::unique_ptr<store::Inbox> inbox_;
  std::minstd_rand generator_;
  std::atomic<std::int64_t> handled_{0};
  std::atomic<std::int64_t> duplicates_{0};
  std::atomic<std::int64_t> failures_{0};
  std::atomic<std::int64_t> dead_lettered_{0};
  std::atomic<std::int64_t> revocations_{0};
};

}  // namespace outbox::consume
