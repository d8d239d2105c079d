// SPDX-License-Identifier: Apache-2.0
#include "admin/alert_states.hpp"

#include <array>
#include <utility>

namespace outbox::admin {
namespace {

// Longer than it takes until it is told again, so that what goes on is never forgotten in between.
constexpr std::chrono::hours memory_margin{1};
constexpr std::chrono::milliseconds memory_without_repeat{std::chrono::hours(30 * 24)};

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
  const auto told_for =
      rule.repeat_interval.count() == 0 ? memory_without_repeat : rule.repeat_interval;
  return told_for + rule.keep_firing + memory_margin;
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

const char* word_of(AlertChannel channel) {
  return channel == AlertChannel::webhook ? "webhook" : "command";
}

AlertStates::AlertStates(std::vector<AlertRule> rules, AlertMemory& memory)
    : rules_(std::move(rules)), memory_(memory), standings_(rules_.size()) {
  for (std::size_t i = 0; i < rules_.size(); ++i) {
    const auto add = [&](AlertChannel channel) {
      standings_[i].channels.emplace_back().channel = channel;
    };
    if (!rules_[i].webhook.empty()) add(AlertChannel::webhook);
    if (!rules_[i].command.empty()) add(AlertChannel::command);
  }
}

std::vector<AlertOrder> AlertStates::step(std::size_t index, const std::optional<AlertValue>& value,
                                          Moment now, std::int64_t wall_now_us) {
  const AlertRule& rule = rules_.at(index);
  // The memory may wait for a database, which whoever shows the states must not.
  remember(index);
  const bool leads = !is_common(rule.when) || memory_.leads();
  if (leads) find_out(index, now);
  const std::lock_guard lock(mutex_);
  Standing& standing = standings_[index];
  if (value) {
    standing.value = value;
    move(standing, rule, now, wall_now_us);
  } else {
    standing.below_since.reset();
  }
  if (!leads) return release(standing);
  std::vector<AlertOrder> orders;
  for (Told& told : standing.channels) {
    const std::optional<MessageKind> kind = due(told, standing, rule, now);
    if (kind == told.ordered) continue;
    told.ordered = kind;
    AlertOrder& order = orders.emplace_back();
    order.channel = told.channel;
    if (!kind) continue;
    const AlertValue figure = standing.value.value_or(AlertValue{});
    order.message = AlertMessage{&rule, *kind, figure.value, figure.detail, standing.since_us};
  }
  return orders;
}

void AlertStates::move(Standing& standing, const AlertRule& rule, Moment now,
                       std::int64_t wall_now_us) {
  if (standing.value->value > rule.above) {
    standing.below_since.reset();
    if (standing.state == AlertState::ok) {
      standing.state = AlertState::pending;
      standing.above_since = now;
      standing.since_us = wall_now_us;
    }
    if (standing.since_us == 0) standing.since_us = wall_now_us;
    if (now - standing.above_since >= rule.hold) standing.state = AlertState::firing;
    return;
  }
  // Who does not answer may be the one that is above.
  if (!standing.value->is_whole) {
    standing.below_since.reset();
    return;
  }
  if (standing.state == AlertState::pending) standing.state = AlertState::ok;
  if (standing.state != AlertState::firing) return;
  if (!standing.below_since) standing.below_since = now;
  if (now - *standing.below_since >= rule.keep_firing) standing.state = AlertState::ok;
}

std::optional<MessageKind> AlertStates::due(Told& told, const Standing& standing,
                                            const AlertRule& rule, Moment now) {
  switch (standing.state) {
    case AlertState::pending:
      break;
    case AlertState::firing:
      if (!told.told) return MessageKind::firing;
      if (rule.repeat_interval.count() > 0 && now - told.told_at >= rule.repeat_interval) {
        return MessageKind::still_firing;
      }
      break;
    case AlertState::ok:
      if (!told.told) break;
      if (rule.tells_recovery) return MessageKind::resolved;
      told.told = false;
      told.to_remember = false;
      break;
  }
  return std::nullopt;
}

/// Another instance tells it: were it to be us again, we find out anew what was told.
std::vector<AlertOrder> AlertStates::release(Standing& standing) {
  std::vector<AlertOrder> orders;
  for (Told& told : standing.channels) {
    told.told = told.known = false;
    if (!std::exchange(told.ordered, std::nullopt)) continue;
    orders.push_back({told.channel, std::nullopt});
  }
  return orders;
}

void AlertStates::find_out(std::size_t index, Moment now) {
  const AlertRule& rule = rules_[index];
  const std::size_t count = standings_[index].channels.size();
  for (std::size_t i = 0; i < count; ++i) {
    AlertChannel channel{};
    {
      const std::lock_guard lock(mutex_);
      if (standings_[index].channels[i].known) continue;
      channel = standings_[index].channels[i].channel;
    }
    const std::optional<bool> was_told = memory_.was_told(rule, channel);
    const std::lock_guard lock(mutex_);
    Standing& standing = standings_[index];
    Told& told = standing.channels[i];
    if (!was_told || told.known) continue;
    told.known = true;
    if (!*was_told) continue;
    told.told = true;
    told.told_at = now;
    // It fires until the figure has been seen not to be above for long enough, by us.
    if (standing.state == AlertState::ok) standing.since_us = 0;
    if (standing.state != AlertState::firing) standing.above_since = now - rule.hold;
    standing.state = AlertState::firing;
  }
}

void AlertStates::taken(std::size_t rule, AlertChannel channel, MessageKind kind, Moment now) {
  const std::lock_guard lock(mutex_);
  Standing& standing = standings_.at(rule);
  ++standing.sent;
  standing.error.clear();
  for (Told& told : standing.channels) {
    if (told.channel != channel) continue;
    told.told = kind != MessageKind::resolved;
    told.known = true;
    told.told_at = now;
    told.to_remember = told.told;
    if (told.ordered == kind) told.ordered.reset();
  }
}

void AlertStates::refused(std::size_t rule, const std::string& error) {
  const std::lock_guard lock(mutex_);
  Standing& standing = standings_.at(rule);
  ++standing.failed;
  standing.error = error;
}

void AlertStates::remember(std::size_t index) {
  const AlertRule& rule = rules_[index];
  const std::size_t count = standings_[index].channels.size();
  for (std::size_t i = 0; i < count; ++i) {
    AlertChannel channel{};
    std::optional<bool> news;
    {
      const std::lock_guard lock(mutex_);
      channel = standings_[index].channels[i].channel;
      news = standings_[index].channels[i].to_remember;
    }
    if (!news) continue;
    const bool done =
        *news ? memory_.remember(rule, channel, memory_of(rule)) : memory_.forget(rule, channel);
    const std::lock_guard lock(mutex_);
    Told& told = standings_[index].channels[i];
    if (done && told.to_remember == news) told.to_remember.reset();
  }
}

void AlertStates::remember_all() {
  for (std::size_t i = 0; i < rules_.size(); ++i)
    remember(i);
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
    if (standing.state != AlertState::ok && standing.since_us != 0) {
      figures.since_us = standing.since_us;
    }
    figures.sent = standing.sent;
    figures.failed = standing.failed;
    figures.error = standing.error;
    all.push_back(std::move(figures));
  }
  return all;
}

}  // namespace outbox::admin
