// SPDX-License-Identifier: Apache-2.0
//
// Virtual time and all the chance there is in a simulated run: one seed, one order of events, one
// trace.
#pragma once

#include <cstdint>
#include <functional>
#include <queue>
#include <random>
#include <string>
#include <vector>

#include "core/clock.hpp"

namespace outbox::simulation {

/// What may go wrong in a run, drawn per seed; rates are chances per call or per message.
struct Faults {
  double call_fails = 0;        ///< A store call fails before it did anything.
  double call_in_doubt = 0;     ///< A store call is done, but its answer is lost.
  double crash_per_second = 0;  ///< Of one relay; it comes back after a while.
  double pause_per_second = 0;  ///< Of one relay, for up to three lease times.
  double refused = 0;           ///< Rows that the broker refuses (for some attempts, or for ever).
  double defect = 0;            ///< Rows that can never be sent.
  double stall_per_second = 0;  ///< Of one partition: acknowledgements stay away for a while.
  double late_commit = 0;       ///< Transactions that commit long after they drew their ids.
  double slow_batch = 0;        ///< Batches that are seconds on their way.
  double disconnect_per_second = 0;  ///< A handle breaks with everything in flight in doubt.
  double pauses_unknown = 0;         ///< Heartbeats that cannot read the pauses.
  double halt_per_second = 0;  ///< An operator pauses the relay, a topic or a key for a while.
};

class World {
 public:
  explicit World(std::uint64_t seed) : random_(seed) {}

  [[nodiscard]] Moment now() const { return now_; }

  void at(Moment when, std::function<void()> what) {
    queue_.push({std::max(when, now_), random_(), ++count_, std::move(what)});
  }
  void after(Duration delay, std::function<void()> what) { at(now_ + delay, std::move(what)); }

  /// Runs what is due until `end`; false where nothing was left before.
  bool run_until(Moment end) {
    while (!queue_.empty() && queue_.top().when <= end) {
      auto next = queue_.top();
      queue_.pop();
      now_ = next.when;
      next.what();
    }
    now_ = std::max(now_, end);
    return !queue_.empty();
  }

  [[nodiscard]] std::uint64_t number(std::uint64_t below) { return random_() % below; }
  [[nodiscard]] bool chance(double rate) {
    return std::uniform_real_distribution<double>(0.0, 1.0)(random_) < rate;
  }
  [[nodiscard]] Duration between(std::int64_t least_us, std::int64_t most_us) {
    const auto span = static_cast<std::uint64_t>(most_us - least_us + 1);
    return std::chrono::microseconds{least_us + static_cast<std::int64_t>(number(span))};
  }

  /// A line of the trace; runs of one seed must give the same hash.
  void trace(std::string_view line) {
    for (const char character : line) {
      trace_hash_ = (trace_hash_ ^ static_cast<unsigned char>(character)) * 0x100000001b3ULL;
    }
    if (keep_trace)
      lines.push_back(std::to_string(now_.time_since_epoch().count() / 1000) + " " +
                      std::string(line));
  }
  [[nodiscard]] std::uint64_t trace_hash() const { return trace_hash_; }

  /// An invariant that did not hold; the first one is what the test reports.
  void broken(const std::string& what) {
    if (violation.empty()) violation = what;
    trace("BROKEN " + what);
  }

  Faults faults;
  bool keep_trace = false;
  std::vector<std::string> lines;
  std::string violation;

 private:
  struct Entry {
    Moment when;
    std::uint64_t tie;  ///< Drawn, so that equal times happen in any order.
    std::uint64_t count;
    std::function<void()> what;
    bool operator<(const Entry& other) const {
      if (when != other.when) return when > other.when;
      return tie != other.tie ? tie > other.tie : count > other.count;
    }
  };

  Moment now_{std::chrono::seconds{1000}};
  std::priority_queue<Entry> queue_;
  std::mt19937_64 random_;
  std::uint64_t count_ = 0;
  std::uint64_t trace_hash_ = 0xcbf29ce484222325ULL;
};

}  // namespace outbox::simulation
