// SPDX-License-Identifier: Apache-2.0
//
// What to do with one batch of messages, as a state machine without I/O, threads, clock or random
// numbers: step(what happened, now) -> what to do next (design, Consume). The shell is runtime.hpp.
//
// First all events in one transaction. Where that fails, event by event with savepoints: the one
// that fails holds back its own partition, the others go on; it is tried again after a back-off,
// and after its last attempt it is dead-lettered. An offset moves only past messages that are
// handled, or whose dead letter was acknowledged.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/backoff.hpp"
#include "core/clock.hpp"

namespace outbox::consume {

struct RetryPolicy {
  int attempts_max = 5;  ///< Of one event, the first included; then it is dead-lettered.
  Backoff backoff{Backoff::Kind::exponential, std::chrono::milliseconds(200),
                  std::chrono::milliseconds(5000), 0.2};
};

/// A message of the batch, in the order of the batch.
struct BatchItem {
  std::pair<std::string, int> partition;  ///< Topic and number: what is kept in order.
  std::string fault;                      ///< Not empty: it can never be handled, and why.
};

enum class Action : std::uint8_t {
  run_together,  ///< Claim and handle the items in one transaction.
  run_singly,    ///< One transaction, a savepoint before each; pass over partitions that failed.
  dead_letter,   ///< Send the first of the items to the dead-letter topic and wait for its answer.
  commit_offsets,  ///< Of the items, each the last of its partition that is done with.
  wait,            ///< Until the moment, then step with TimeCame.
  finished,
};

struct Command {
  Action action = Action::finished;
  std::vector<std::size_t> items;
  Moment until{};  ///< For `wait`.
};

struct Began {};
struct RanTogether {
  bool failed = false;  ///< A handler threw; all was rolled back.
};
struct ItemFailed {
  std::size_t item = 0;
  std::string reason;
};
/// The transaction was committed: everything that was commanded is handled, but these and what
/// stands behind them in their partitions.
struct RanSingly {
  std::vector<ItemFailed> failed;
};
struct DeadLetterAnswered {
  bool acknowledged = false;
};
struct OffsetsCommitted {};
/// Nothing was committed, and no event is to blame.
struct StoreAway {};
struct TimeCame {};

using Happening = std::variant<Began, RanTogether, RanSingly, DeadLetterAnswered, OffsetsCommitted,
                               StoreAway, TimeCame>;

class BatchCore {
 public:
  BatchCore(std::vector<BatchItem> items, const RetryPolicy& policy);

  /// `random` is uniform in [0, 1) and only jitters delays.
  [[nodiscard]] Command step(const Happening& happening, Moment now, double random);

  /// Nothing is left to be handled or dead-lettered; offsets may be.
  [[nodiscard]] bool all_done() const noexcept;

  /// Attempts made so far, and why the last one failed.
  [[nodiscard]] int attempts(std::size_t item) const { return items_.at(item).attempts; }
  [[nodiscard]] const std::string& reason(std::size_t item) const { return items_.at(item).reason; }

 private:
  enum class State : std::uint8_t { open, dead_due, done, committed };

  struct Item {
    std::size_t lane = 0;
    State state = State::open;
    int attempts = 0;
    int dead_letter_attempts = 0;
    Moment not_before{};
    std::string reason;
  };

  void apply(const RanTogether& ran);
  void apply(const RanSingly& ran, Moment now, double random);
  void apply(const DeadLetterAnswered& answer, Moment now, double random);
  void fail(const ItemFailed& failed, Moment now, double random);
  [[nodiscard]] Command decide(Moment now) const;
  [[nodiscard]] Moment next_moment() const;
  /// Of each partition the last item before which all are done with, where that is news.
  [[nodiscard]] std::vector<std::size_t> finished_prefixes() const;
  [[nodiscard]] std::vector<std::size_t> runnable(Moment now) const;

  const RetryPolicy policy_;
  std::vector<Item> items_;
  std::size_t lanes_ = 0;
  bool singly_ = false;
  int store_failures_ = 0;
  Moment store_not_before_{};
  Command last_;
};

}  // namespace outbox::consume
