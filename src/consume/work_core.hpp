// SPDX-License-Identifier: Apache-2.0
//
// What one worker of a consumer does with its messages, as a state machine without I/O, threads,
// clock or random numbers: tell it what happened, ask what to do next (design, Consume). The shell
// is worker.hpp.
//
// Messages stand in lanes, one a partition, each in order. As many as fit are run in one
// transaction. Where that fails they are run event by event with savepoints: the one that fails
// holds back its own lane, the others go on; it is tried again after a back-off, and after its last
// attempt it is dead-lettered. Without order it goes to the delay topic instead, and its lane goes
// on. A lane moves only past messages that are handled, or whose dead letter was acknowledged.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "core/backoff.hpp"
#include "core/clock.hpp"

namespace outbox::consume {

struct AttemptPolicy {
  int attempts_max = 5;  ///< Of one event, the first included; then it is dead-lettered.
  Backoff backoff{Backoff::Kind::exponential, std::chrono::milliseconds(200),
                  std::chrono::milliseconds(5000), 0.2};
};

struct WorkOptions {
  std::size_t batch_size = 500;  ///< Events in one transaction, at most.
  bool ordered = true;           ///< False: failed events go to the delay topic.
  /// The first is for failures that say no other; never empty.
  std::vector<AttemptPolicy> policies{AttemptPolicy{}};
};

using LaneId = int;

/// A message in hand; numbers of a lane follow each other without gaps, from 0.
struct ItemName {
  LaneId lane = 0;
  std::uint64_t number = 0;
};

struct NewItem {
  std::int64_t offset = 0;
  std::string fault;        ///< Not empty: it can never be handled, and why.
  int attempts_before = 0;  ///< Made before it came here by the delay topic.
  Moment not_before{};
};

enum class Action : std::uint8_t {
  run_together,  ///< Claim and handle the items in one transaction.
  run_singly,    ///< One transaction, a savepoint before each; pass over lanes that failed.
  dead_letter,   ///< Send the item to the dead-letter topic and wait for its answer.
  delay,         ///< The same to the delay topic, due at `until`.
  wait,          ///< Nothing to do before `until`, unless messages come.
};

struct Command {
  Action action = Action::wait;
  std::vector<ItemName> items;  ///< In order per lane; exactly one for dead_letter and delay.
  Moment until = Moment::max();
};

struct ItemFailed {
  ItemName item;
  std::string reason;
  std::size_t policy = 0;  ///< Index in WorkOptions::policies.
};

/// The transaction of all items was committed, or rolled back: because a handler threw, or because
/// one said that something which it needs is away.
enum class Together : std::uint8_t { committed, failed, away };
/// The transaction was committed: everything that was commanded is handled, but these and what
/// stands behind them in their lanes.
struct RanSingly {
  std::vector<ItemFailed> failed;
  std::vector<ItemName> waiting;  ///< What they need is away: not to blame, tried again later.
  /// Only so many of the commanded were looked at.
  std::size_t looked_at = std::numeric_limits<std::size_t>::max();
};
/// All was rolled back because it met another transaction's lock, which may end by trying again.
struct Conflict {
  std::string reason;
};
/// The database took the statements and refused the COMMIT, e.g. for a deferred constraint.
struct CommitRefused {
  std::string reason;
};
/// Of `dead_letter` and `delay`.
struct Forwarded {
  bool acknowledged = false;
};
/// Nothing was committed, and no event is to blame.
struct Away {};

using Happening = std::variant<Together, RanSingly, Conflict, CommitRefused, Forwarded, Away>;

/// How far a lane has moved.
struct Progress {
  LaneId lane = 0;
  std::size_t count = 0;         ///< Items at its front that are gone now.
  std::int64_t next_offset = 0;  ///< May be committed.
};

class WorkCore {
 public:
  explicit WorkCore(WorkOptions options);

  void add(LaneId lane, NewItem item);
  /// The partition is another member's; no command may be under way.
  void drop(LaneId lane);

  /// What to do now. Commands are carried out one at a time, each answered by happened().
  [[nodiscard]] Command next(Moment now);
  /// The answer to the last command. `random` is uniform in [0, 1) and only jitters delays.
  void happened(const Happening& happening, Moment now, double random);

  /// Since it was asked last.
  [[nodiscard]] std::vector<Progress> take_progress();

  [[nodiscard]] std::size_t waiting(LaneId lane) const;
  /// Attempts made so far, and why the last one failed.
  [[nodiscard]] int attempts(const ItemName& item) const { return at(item).attempts; }
  [[nodiscard]] const std::string& reason(const ItemName& item) const { return at(item).reason; }

 private:
  enum class State : std::uint8_t { open, delay_due, dead_due, done };
  /// With whom an item may share a transaction: with any, with such as have savepoints, with none.
  enum class Company : std::uint8_t { any, singly, none };

  struct Item {
    std::int64_t offset = 0;
    State state = State::open;
    Company company = Company::any;
    int attempts = 0;
    int forward_attempts = 0;
    int waits = 0;
    Moment not_before{};
    Moment delayed_until{};
    std::string reason;
  };
  struct Lane {
    std::deque<Item> items;
    std::uint64_t first_number = 0;
  };

  [[nodiscard]] const Item& at(const ItemName& item) const;
  [[nodiscard]] Item& at(const ItemName& item);
  void apply(Together together, Moment now, double random);
  void apply(const RanSingly& ran, Moment now, double random);
  void apply(const Conflict& conflict, Moment now, double random);
  void apply(const CommitRefused& refused, Moment now, double random);
  void apply(Forwarded answer, Moment now, double random);
  void apply(Away away, Moment now, double random);
  void fail(const ItemFailed& failed, Moment now, double random);
  void keep_company(Company company);
  void store_answered();
  [[nodiscard]] bool find_forward(Moment now, Command& command) const;
  [[nodiscard]] std::vector<ItemName> runnable(Company company, Moment now) const;
  [[nodiscard]] Moment next_moment() const;

  const WorkOptions options_;
  std::map<LaneId, Lane> lanes_;
  LaneId turn_ = 0;  ///< The lane that a transaction is filled from first.
  int store_failures_ = 0;
  int conflicts_ = 0;
  Moment store_not_before_{};
  bool forward_waits_ = false;  ///< The last one got no answer: first what else can be done.
  Command last_;
};

}  // namespace outbox::consume
