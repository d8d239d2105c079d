// SPDX-License-Identifier: Apache-2.0
//
// Alerts as a state machine without I/O, threads or clock: told the value of each rule's figure
// and the time, it says which messages are to be sent (D7).
//
// A rule fires when its figure has been above the threshold for `hold`, once; again after
// `repeat_interval` while it lasts; and where it is wished, when it is over, which it is once the
// figure has not been above for `keep_firing`. A figure that is not known just now changes nothing,
// and one that is known in part only what that part alone decides.
//
// Told is what a channel took, each for itself: until then it is still to be told, however often
// that was tried. What was told is remembered elsewhere too (AlertMemory), so that neither a
// restart nor another instance that takes over tells it twice, or forgets to say that it is over.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/clock.hpp"

namespace outbox::admin {

enum class AlertFigure : std::uint8_t {
  failed_events,           ///< Events that failed at least once and wait to be tried again.
  dead_letters,            ///< Rows that are dead letters, in all stores.
  oldest_pending_seconds,  ///< Of all stores the oldest.
  pending,                 ///< Of all stores.
  replication_slot_bytes,  ///< What the worst slot keeps from being removed.
  store_down,              ///< Stores that do not answer.
  broker_down,             ///< 1 where the brokers do not answer.
  held_topics,             ///< Topics whose events wait.
  consumer_lag,            ///< Messages; this process's consumer that is furthest behind.
  consumer_dead_letters,   ///< Of this process's consumers in the last five minutes.
};

/// The word in a configuration, such as `oldest-pending-seconds`.
[[nodiscard]] const char* word_of(AlertFigure figure);
[[nodiscard]] std::optional<AlertFigure> alert_figure_of(const std::string& word);
/// All instances see the same, so that one of them tells it; else each tells its own.
[[nodiscard]] bool is_common(AlertFigure figure);

enum class AlertChannel : std::uint8_t { webhook, command };
[[nodiscard]] const char* word_of(AlertChannel channel);

struct AlertRule {
  std::string name;
  AlertFigure when = AlertFigure::dead_letters;
  double above = 0;
  std::chrono::milliseconds hold{0};
  std::chrono::milliseconds keep_firing{std::chrono::minutes(1)};
  std::string webhook;               ///< A URL; empty: none.
  std::vector<std::string> command;  ///< With its arguments; empty: none.
  std::chrono::milliseconds repeat_interval{std::chrono::hours(4)};  ///< Zero: never again.
  bool tells_recovery = true;
};

enum class AlertState : std::uint8_t { ok, pending, firing };
[[nodiscard]] const char* word_of(AlertState state);

enum class MessageKind : std::uint8_t { firing, still_firing, resolved };
[[nodiscard]] const char* word_of(MessageKind kind);

struct AlertMessage {
  const AlertRule* rule = nullptr;
  MessageKind kind = MessageKind::firing;
  double value = 0;
  std::string detail;         ///< Where the value comes from: stores, topics; may be empty.
  std::int64_t since_us = 0;  ///< Since when it is above, by the wall clock.
};

/// What a rule's channel is to be told from now on, in place of what it has not taken yet.
struct AlertOrder {
  AlertChannel channel = AlertChannel::webhook;
  std::optional<AlertMessage> message;  ///< None: nothing more.
};

/// How a rule stands, for the API and for metrics.
struct AlertFigures {
  std::string name;
  std::string when;
  AlertState state = AlertState::ok;
  std::optional<double> value;
  std::string detail;  ///< Where the value comes from.
  double threshold = 0;
  std::optional<std::int64_t> since_us;  ///< Of pending and firing.
  std::uint64_t sent = 0;                ///< Messages that a channel took.
  std::uint64_t failed = 0;              ///< Attempts that no channel took; others follow.
  std::string error;                     ///< Of the last attempt, where it failed.
};

/// A figure's value as it is known just now.
struct AlertValue {
  double value = 0;
  std::string detail;
  bool is_whole = true;  ///< False: some do not answer, it may be more.
};

/// What channels took, remembered beyond this process. May wait for a database.
class AlertMemory {
 public:
  virtual ~AlertMemory() = default;

  /// True: this instance is the one that tells what all of them see.
  virtual bool leads() = 0;
  /// Whether the channel knows that the rule fires; none: that cannot be found out now.
  virtual std::optional<bool> was_told(const AlertRule& rule, AlertChannel channel) = 0;
  /// Remembers for `how_long` that it does; false: not now.
  virtual bool remember(const AlertRule& rule, AlertChannel channel,
                        std::chrono::milliseconds how_long) = 0;
  /// Remembers that it was told the end; false: not now.
  virtual bool forget(const AlertRule& rule, AlertChannel channel) = 0;
};

/// Thread-safety: step() and remember_all() from one thread at a time, all else from any.
class AlertStates {
 public:
  /// Borrows `memory`.
  AlertStates(std::vector<AlertRule> rules, AlertMemory& memory);

  [[nodiscard]] const std::vector<AlertRule>& rules() const { return rules_; }

  /// What follows from the figure of the rule with this index. `now` never goes back.
  [[nodiscard]] std::vector<AlertOrder> step(std::size_t rule,
                                             const std::optional<AlertValue>& value, Moment now,
                                             std::int64_t wall_now_us);

  /// A channel took the message of an order.
  void taken(std::size_t rule, AlertChannel channel, MessageKind kind, Moment now);
  /// It did not; it is tried again.
  void refused(std::size_t rule, const std::string& error);

  /// Has the memory remember what was taken since the last step.
  void remember_all();

  [[nodiscard]] std::vector<AlertFigures> figures() const;

 private:
  struct Told {
    AlertChannel channel = AlertChannel::webhook;
    bool told = false;   ///< It knows that the rule fires.
    bool known = false;  ///< Whether it does was found out.
    Moment told_at{};
    std::optional<MessageKind> ordered;  ///< And not taken yet.
    std::optional<bool> to_remember;     ///< What the memory does not know yet.
  };
  struct Standing {
    AlertState state = AlertState::ok;
    std::optional<AlertValue> value;
    Moment above_since{};
    std::optional<Moment> below_since;  ///< While it fires.
    std::int64_t since_us = 0;          ///< Zero: from before this process.
    std::vector<Told> channels;
    std::uint64_t sent = 0;
    std::uint64_t failed = 0;
    std::string error;
  };

  void remember(std::size_t rule);
  void find_out(std::size_t rule, Moment now);
  static void move(Standing& standing, const AlertRule& rule, Moment now, std::int64_t wall_now_us);
  [[nodiscard]] static std::optional<MessageKind> due(Told& told, const Standing& standing,
                                                      const AlertRule& rule, Moment now);
  [[nodiscard]] static std::vector<AlertOrder> release(Standing& standing);

  const std::vector<AlertRule> rules_;
  AlertMemory& memory_;
  mutable std::mutex mutex_;
  std::vector<Standing> standings_;
};

}  // namespace outbox::admin
