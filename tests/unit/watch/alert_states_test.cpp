// SPDX-License-Identifier: Apache-2.0
//
// The state machine of alerts on a clock of the tests' own (D7).
#include "admin/alert_states.hpp"

#include <gtest/gtest.h>

#include <set>

namespace outbox::admin {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

/// What instances share.
struct SharedMemory {
  std::set<std::string> told;
  const void* leader = nullptr;
  bool is_away = false;
};

class FakeMemory : public AlertMemory {
 public:
  explicit FakeMemory(SharedMemory& shared) : shared_(shared) {}
  bool leads() override { return shared_.leader == nullptr || shared_.leader == this; }
  std::optional<bool> was_told(const AlertRule& rule, AlertChannel channel) override {
    if (shared_.is_away) return std::nullopt;
    return shared_.told.contains(name_of(rule, channel));
  }
  bool remember(const AlertRule& rule, AlertChannel channel, std::chrono::milliseconds) override {
    if (!shared_.is_away) shared_.told.insert(name_of(rule, channel));
    return !shared_.is_away;
  }
  bool forget(const AlertRule& rule, AlertChannel channel) override {
    if (!shared_.is_away) shared_.told.erase(name_of(rule, channel));
    return !shared_.is_away;
  }

 private:
  static std::string name_of(const AlertRule& rule, AlertChannel channel) {
    return rule.name + ":" + word_of(channel);
  }
  SharedMemory& shared_;
};

AlertRule rule_of_dead_letters() {
  AlertRule rule;
  rule.name = "dead";
  rule.when = AlertFigure::dead_letters;
  rule.keep_firing = seconds(0);
  rule.webhook = "http://hooks.example/1";
  rule.repeat_interval = minutes(60);
  return rule;
}

/// One instance with one rule.
class Watcher {
 public:
  explicit Watcher(SharedMemory& shared, AlertRule rule = rule_of_dead_letters())
      : memory_(shared), states_({std::move(rule)}, memory_) {}

  /// The messages that follow, as words, each taken at once where `is_taken`; empty: none.
  std::string at(std::chrono::milliseconds time, std::optional<double> value,
                 bool is_whole = true) {
    std::optional<AlertValue> known;
    if (value) known = AlertValue{*value, "store global", is_whole};
    std::string words;
    for (const AlertOrder& order : states_.step(0, known, Moment{time}, time.count() * 1'000)) {
      if (!words.empty()) words += " ";
      words += order.message ? word_of(order.message->kind) : "nothing";
      if (!order.message || refusing == order.channel) continue;
      states_.taken(0, order.channel, order.message->kind, Moment{time});
    }
    states_.remember_all();
    return words;
  }
  std::optional<AlertChannel> refusing;
  [[nodiscard]] AlertState state() const { return states_.figures().front().state; }
  AlertStates& states() { return states_; }
  FakeMemory& memory() { return memory_; }

 private:
  FakeMemory memory_;
  AlertStates states_;
};

TEST(AlertStates, tell_once_that_it_fires_and_once_that_it_is_over) {
  SharedMemory shared;
  Watcher watcher(shared);
  EXPECT_EQ(watcher.at(seconds(0), 0), "");
  EXPECT_EQ(watcher.at(seconds(5), 1), "firing");
  EXPECT_EQ(watcher.at(seconds(10), 1), "");
  EXPECT_EQ(watcher.at(seconds(15), 3), "");
  EXPECT_EQ(watcher.state(), AlertState::firing);
  EXPECT_EQ(watcher.at(seconds(20), 0), "resolved");
  EXPECT_EQ(watcher.at(seconds(25), 0), "");
  EXPECT_EQ(watcher.state(), AlertState::ok);
  EXPECT_EQ(watcher.at(seconds(30), 1), "firing");
}

TEST(AlertStates, are_pending_until_the_figure_has_stayed_above_long_enough) {
  SharedMemory shared;
  AlertRule rule = rule_of_dead_letters();
  rule.above = 10;
  rule.hold = minutes(2);
  Watcher watcher(shared, rule);
  EXPECT_EQ(watcher.at(seconds(0), 11), "");
  EXPECT_EQ(watcher.state(), AlertState::pending);
  EXPECT_EQ(watcher.at(seconds(60), 10), "");  // Not above: it begins anew.
  EXPECT_EQ(watcher.state(), AlertState::ok);
  EXPECT_EQ(watcher.at(seconds(70), 11), "");
  EXPECT_EQ(watcher.at(seconds(180), 11), "");
  EXPECT_EQ(watcher.at(seconds(190), 11), "firing");
}

TEST(AlertStates, repeat_while_it_lasts) {
  SharedMemory shared;
  Watcher watcher(shared);
  EXPECT_EQ(watcher.at(minutes(0), 1), "firing");
  EXPECT_EQ(watcher.at(minutes(59), 1), "");
  EXPECT_EQ(watcher.at(minutes(60), 1), "still_firing");
  EXPECT_EQ(watcher.at(minutes(61), 1), "");
  EXPECT_EQ(watcher.at(minutes(120), 1), "still_firing");
  EXPECT_EQ(watcher.at(minutes(121), 0), "resolved");
}

TEST(AlertStates, never_repeat_with_an_interval_of_zero) {
  SharedMemory shared;
  AlertRule rule = rule_of_dead_letters();
  rule.repeat_interval = seconds(0);
  Watcher watcher(shared, rule);
  EXPECT_EQ(watcher.at(minutes(0), 1), "firing");
  EXPECT_EQ(watcher.at(std::chrono::hours(1'000), 1), "");
}

TEST(AlertStates, say_nothing_of_recovery_where_that_is_not_wished) {
  SharedMemory shared;
  AlertRule rule = rule_of_dead_letters();
  rule.tells_recovery = false;
  Watcher watcher(shared, rule);
  EXPECT_EQ(watcher.at(seconds(0), 1), "firing");
  EXPECT_EQ(watcher.at(seconds(5), 0), "");
  EXPECT_EQ(watcher.at(seconds(10), 1), "firing");
}

TEST(AlertStates, stay_as_they_are_while_the_figure_is_not_known) {
  SharedMemory shared;
  Watcher watcher(shared);
  EXPECT_EQ(watcher.at(seconds(0), 1), "firing");
  EXPECT_EQ(watcher.at(seconds(5), std::nullopt), "");
  EXPECT_EQ(watcher.state(), AlertState::firing);
  EXPECT_EQ(watcher.at(seconds(10), 1), "");
}

TEST(AlertStates, tell_nothing_twice_after_a_restart) {
  SharedMemory shared;
  {
    Watcher before(shared);
    EXPECT_EQ(before.at(seconds(0), 1), "firing");
  }
  Watcher after(shared);
  EXPECT_EQ(after.at(seconds(0), 1), "");
  EXPECT_EQ(after.state(), AlertState::firing);
  EXPECT_EQ(after.at(seconds(5), 0), "resolved");
}

TEST(AlertStates, tell_after_a_restart_that_it_was_over_meanwhile) {
  SharedMemory shared;
  {
    Watcher before(shared);
    EXPECT_EQ(before.at(seconds(0), 1), "firing");
  }
  Watcher after(shared);
  EXPECT_EQ(after.at(seconds(0), 0), "resolved");
  EXPECT_EQ(after.at(seconds(5), 0), "");
}

TEST(AlertStates, of_two_instances_one_tells) {
  SharedMemory shared;
  Watcher one(shared);
  Watcher two(shared);
  shared.leader = &one.memory();
  EXPECT_EQ(two.at(seconds(0), 1), "");
  EXPECT_EQ(one.at(seconds(0), 1), "firing");
  EXPECT_EQ(two.state(), AlertState::firing);
  // The leader goes; who takes over knows that it was told, and says when it is over.
  shared.leader = &two.memory();
  EXPECT_EQ(two.at(seconds(5), 1), "");
  EXPECT_EQ(one.at(seconds(5), 1), "");
  EXPECT_EQ(two.at(seconds(10), 0), "resolved");
  EXPECT_EQ(one.at(seconds(10), 0), "");
}

TEST(AlertStates, an_instance_that_led_before_repeats_nothing_when_it_leads_again) {
  SharedMemory shared;
  Watcher one(shared);
  Watcher two(shared);
  shared.leader = &one.memory();
  EXPECT_EQ(one.at(seconds(0), 1), "firing");
  shared.leader = &two.memory();
  EXPECT_EQ(one.at(minutes(61), 1), "");
  EXPECT_EQ(two.at(minutes(61), 1), "");
  EXPECT_EQ(two.at(minutes(62), 0), "resolved");
  EXPECT_EQ(one.at(minutes(62), 0), "");
  shared.leader = &one.memory();
  EXPECT_EQ(one.at(minutes(63), 0), "");
}

TEST(AlertStates, take_for_told_only_what_the_channel_took) {
  SharedMemory shared;
  {
    Watcher before(shared);
    before.refusing = AlertChannel::webhook;
    EXPECT_EQ(before.at(seconds(0), 1), "firing");
    EXPECT_EQ(before.at(seconds(5), 1), "");  // The sender still tries.
  }
  Watcher after(shared);
  EXPECT_EQ(after.at(seconds(0), 1), "firing");
  EXPECT_EQ(after.at(seconds(5), 0), "resolved");
}

TEST(AlertStates, drop_a_message_that_nobody_took_when_it_is_over) {
  SharedMemory shared;
  Watcher watcher(shared);
  watcher.refusing = AlertChannel::webhook;
  EXPECT_EQ(watcher.at(seconds(0), 1), "firing");
  EXPECT_EQ(watcher.at(seconds(5), 0), "nothing");
  EXPECT_EQ(watcher.at(seconds(10), 0), "");
}

TEST(AlertStates, say_the_end_again_and_again_until_it_is_taken_or_fires_anew) {
  SharedMemory shared;
  Watcher watcher(shared);
  EXPECT_EQ(watcher.at(seconds(0), 1), "firing");
  watcher.refusing = AlertChannel::webhook;
  EXPECT_EQ(watcher.at(seconds(5), 0), "resolved");
  EXPECT_EQ(watcher.at(seconds(10), 1), "nothing");  // As far as it knows it never was over.
  EXPECT_EQ(watcher.at(seconds(15), 0), "resolved");
}

TEST(AlertStates, remember_for_each_channel_what_it_took) {
  SharedMemory shared;
  AlertRule rule = rule_of_dead_letters();
  rule.command = {"page"};
  {
    Watcher before(shared, rule);
    before.refusing = AlertChannel::command;
    EXPECT_EQ(before.at(seconds(0), 1), "firing firing");
  }
  Watcher after(shared, rule);
  const auto orders =
      after.states().step(0, AlertValue{1, "store global", true}, Moment{seconds(9)}, 0);
  ASSERT_EQ(orders.size(), 1U);
  EXPECT_EQ(orders[0].channel, AlertChannel::command);
}

TEST(AlertStates, take_part_of_a_figure_for_firing_but_not_for_its_end) {
  SharedMemory shared;
  Watcher watcher(shared);
  EXPECT_EQ(watcher.at(seconds(0), 1, false), "firing");
  EXPECT_EQ(watcher.at(seconds(5), 0, false), "");
  EXPECT_EQ(watcher.state(), AlertState::firing);
  EXPECT_EQ(watcher.at(seconds(10), 0), "resolved");
}

TEST(AlertStates, are_over_once_the_figure_was_down_for_long_enough_without_a_gap) {
  SharedMemory shared;
  AlertRule rule = rule_of_dead_letters();
  rule.keep_firing = seconds(60);
  Watcher watcher(shared, rule);
  EXPECT_EQ(watcher.at(seconds(0), 1), "firing");
  EXPECT_EQ(watcher.at(seconds(10), 0), "");
  EXPECT_EQ(watcher.at(seconds(60), 1), "");
  EXPECT_EQ(watcher.at(seconds(70), 0), "");
  EXPECT_EQ(watcher.at(seconds(100), std::nullopt), "");
  EXPECT_EQ(watcher.at(seconds(130), 0), "");
  EXPECT_EQ(watcher.state(), AlertState::firing);
  EXPECT_EQ(watcher.at(seconds(190), 0), "resolved");
}

TEST(AlertStates, hold_the_end_after_a_restart_too) {
  SharedMemory shared;
  AlertRule rule = rule_of_dead_letters();
  rule.keep_firing = seconds(60);
  {
    Watcher before(shared, rule);
    EXPECT_EQ(before.at(seconds(0), 1), "firing");
  }
  // What is looked at is not all there yet: a held topic is held when it is met again.
  Watcher after(shared, rule);
  EXPECT_EQ(after.at(seconds(0), 0), "");
  EXPECT_EQ(after.state(), AlertState::firing);
  EXPECT_EQ(after.at(seconds(30), 1), "");
  EXPECT_EQ(after.at(seconds(40), 0), "");
  EXPECT_EQ(after.at(seconds(100), 0), "resolved");
}

TEST(AlertStates, are_told_while_the_memory_is_away_and_remembered_when_it_is_back) {
  SharedMemory shared;
  shared.is_away = true;
  Watcher watcher(shared);
  EXPECT_EQ(watcher.at(seconds(0), 1), "firing");
  EXPECT_EQ(watcher.at(seconds(5), 1), "");
  EXPECT_TRUE(shared.told.empty());
  shared.is_away = false;
  EXPECT_EQ(watcher.at(seconds(10), 1), "");
  EXPECT_EQ(shared.told.size(), 1U);
}

TEST(AlertStates, count_what_became_of_messages) {
  SharedMemory shared;
  Watcher watcher(shared);
  watcher.states().taken(0, AlertChannel::webhook, MessageKind::firing, Moment{});
  watcher.states().refused(0, "nobody there");
  const AlertFigures figures = watcher.states().figures().front();
  EXPECT_EQ(figures.sent, 1U);
  EXPECT_EQ(figures.failed, 1U);
  EXPECT_EQ(figures.error, "nobody there");
}

TEST(AlertFigure, has_a_word_that_leads_back_to_it) {
  for (int i = 0; i <= static_cast<int>(AlertFigure::consumer_dead_letters); ++i) {
    const auto figure = static_cast<AlertFigure>(i);
    EXPECT_EQ(alert_figure_of(word_of(figure)), figure);
  }
  EXPECT_EQ(alert_figure_of("moon"), std::nullopt);
}

}  // namespace
}  // namespace outbox::admin
