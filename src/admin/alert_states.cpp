// SPDX-License-Identifier: Apache-2.0
#include "admin/alert_states.hpp"

#include <array>
#include <utility>

namespace outbox::admin {
namespace {

// Longer than it takes until it is told again, so that what goes on is never forgotten in between.
constexpr std::chrono::hours memory_margin{1};
constexpr std::chrono::hours memory_without_repeat{30 * 24};

constexpr std::array figure_words = {
    std::pair{AlertFigure::failed_events, "failed-events"},
    std::pair{AlertFigure::dead_letters, "dead-letters"},
    std::pair{AlertFigure::oldest_pending_seconds, "oldest-pending-seconds"},
    std::pair{AlertFigure::pending, "pending"},
    std::pair{AlertFigure::replication_slot_bytes, "replication-slot-bytes"},
    std::pair{AlertFigure::store_down, "store-down"},
    std::pair{AlertFigure::broker_down, "broker-down"},
    std::pair{AlertFigure::held_topics, "held-topics"},
    std::pair{AlertFigure::consumer_lag, "consumer-lag"},
    std::pair{AlertFigure::consumer_dead_letters, "consumer-dead-letters"},
};

std::chrono::milliseconds memory_of(const AlertRule& rule) {
  if (rule.repeat_interval.count() == 0) return memory_without_repeat;
  return rule.repeat_interval + memory_margin;
}

}  // namespace

const char* word_of(AlertFigure figure) {
  for (const auto& [one, word] : figure_words) {
    if (one == figure) return word;
  }
  return "";
}

std::optional<AlertFigure> alert_figure_of(const std::string& word) {
  for (const auto& [figure, one] : figure_words) {
    if (word == one) return figure;
  }
  return std::nullopt;
}

bool is_common(AlertFigure figure) {
  return figure != AlertFigure::consumer_lag && figure != AlertFigure::consumer_dead_letters;
}

const char* word_of(AlertState state) {
  switch (state) {
    case AlertState::ok:
      return "ok";
    case AlertState::pending:
      return "pending";
    case AlertState::firing:
      return "firing";
  }
  return "";
}

const char* word_of(MessageKind kind) {
  switch (kind) {
    case MessageKind::firing:
      return "firing";
    case MessageKind::still_firing:
      return "still_firing";
    case MessageKind::resolved:
      return "resolved";
  }
  return "";
}

AlertStates::AlertStates(std::vector<AlertRule> rules, AlertMemory& memory)
    : rules_(std::move(rules)), memory_(memory), standings_(rules_.size()) {}

std::optional<AlertMessage> AlertStates::step(std::size_t index,
                                              const std::optional<AlertValue>& value, Moment now,
                                              std::int64_t wall_now_us) {
  const AlertRule& rule = rules_.at(index);
  Standing standing;
  {
    const std::lock_guard lock(mutex_);
    if (!value) return std::nullopt;
    standings_[index].value = value;
    move(standings_[index], rule, now, wall_now_us);
    standing = standings_[index];
  }
  // The memory may wait for a database, which whoever shows the states must not.
  const std::int64_t since_us = standing.since_us;
  const std::optional<MessageKind> kind = due(standing, rule, now);
  const std::lock_guard lock(mutex_);
  Standing& kept = standings_[index];
  kept.told = standing.told;
  kept.told_at = standing.told_at;
  kept.looked = standing.looked;
  if (!kind) return std::nullopt;
  return AlertMessage{&rule, *kind, value->value, value->detail, since_us};
}

void AlertStates::move(Standing& standing, const AlertRule& rule, Moment now,
                       std::int64_t wall_now_us) const {
  if (standing.value->value <= rule.above) {
    standing.state = AlertState::ok;
    return;
  }
  if (standing.state == AlertState::ok) {
    standing.state = AlertState::pending;
    standing.above_since = now;
    standing.since_us = wall_now_us;
  }
  if (now - standing.above_since >= rule.hold) standing.state = AlertState::firing;
}

std::optional<MessageKind> AlertStates::due(Standing& standing, const AlertRule& rule, Moment now) {
  if (standing.state == AlertState::pending) return std::nullopt;
  const bool fires = standing.state == AlertState::firing;
  const bool repeats = fires && standing.told && rule.repeat_interval.count() > 0 &&
                       now - standing.told_at >= rule.repeat_interval;
  const bool nothing_to_do = fires ? standing.told && !repeats : !standing.told && standing.looked;
  if (nothing_to_do || (is_common(rule.when) && !memory_.leads())) {
    // Whoever tells it now also says when it is over; were it to be us again, we look again.
    if (!nothing_to_do) standing.told = standing.looked = false;
    return std::nullopt;
  }
  if (!fires) {
    const bool was_told = memory_.forget(rule) || standing.told;
    standing.told = false;
    standing.looked = true;
    return was_told && rule.tells_recovery ? std::optional(MessageKind::resolved) : std::nullopt;
  }
  if (repeats) memory_.forget(rule);
  const bool is_news = memory_.remember(rule, memory_of(rule));
  standing.told = true;
  standing.told_at = now;
  if (!is_news) return std::nullopt;
  return repeats ? MessageKind::still_firing : MessageKind::firing;
}

void AlertStates::note(std::size_t rule, const std::string& error) {
  const std::lock_guard lock(mutex_);
  Standing& standing = standings_.at(rule);
  ++(error.empty() ? standing.sent : standing.failed);
  standing.error = error;
}

std::vector<AlertFigures> AlertStates::figures() const {
  std::vector<AlertFigures> all;
  const std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < rules_.size(); ++i) {
    const Standing& standing = standings_[i];
    AlertFigures figures;
    figures.name = rules_[i].name;
    figures.when = word_of(rules_[i].when);
    figures.state = standing.state;
    if (standing.value) {
      figures.value = standing.value->value;
      figures.detail = standing.value->detail;
    }
    figures.threshold = rules_[i].above;
    if (standing.state != AlertState::ok) figures.since_us = standing.since_us;
    figures.sent = standing.sent;
    figures.failed = standing.failed;
    figures.error = standing.error;
    all.push_back(std::move(figures));
  }
  return all;
}

}  // namespace outbox::admin
