// SPDX-License-Identifier: Apache-2.0
#include "admin/alerts.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <stdexcept>

#include "fakes.hpp"

namespace outbox::admin {
namespace {

using testing::FakeInstance;
using testing::FakeLocks;
using testing::full_sample;
using ::testing::HasSubstr;
using testing::LockRows;

/// Keeps the messages, and lets a test wait for them.
class Inbox {
 public:
  void put(std::string message) {
    const std::lock_guard lock(mutex_);
    messages_.push_back(std::move(message));
    changed_.notify_all();
  }
  /// The first `count`; fewer where they do not come.
  std::vector<std::string> wait_for(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(30), [&] { return messages_.size() >= count; });
    return messages_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> messages_;
};

AlertRule rule_with_webhook() {
  AlertRule rule;
  rule.name = "dead";
  rule.when = AlertFigure::dead_letters;
  rule.webhook = "http://hooks.example/1";
  return rule;
}

AlertSources sources(const Instance& instance, LockRows& rows, std::int64_t dead) {
  return {&instance,
          [dead] {
            StoreSample sample = full_sample();
            sample.backlog.dead = dead;
            return Samples{{sample}, BrokerSample{true, "", BootClock::now()}};
          },
          [&rows] { return std::make_unique<FakeLocks>(rows); }, "host-1"};
}

TEST(Alerts, post_a_message_that_says_what_and_where) {
  Logger logger(LogLevel::error);
  FakeInstance instance;
  LockRows rows;
  Inbox inbox;
  Alerts alerts(
      {rule_with_webhook()}, sources(instance, rows, 2),
      {[&](const std::string& url, const std::string& body) { inbox.put(url + body); }, {}},
      logger);
  const std::vector<std::string> messages = inbox.wait_for(1);
  ASSERT_EQ(messages.size(), 1U);
  for (const char* part :
       {"http://hooks.example/1{", R"("alert":"dead")", R"("state":"firing")", R"("value":2.0)",
        R"("when":"dead-letters")", R"("host":"host-1")", "store global: 2"}) {
    EXPECT_THAT(messages[0], HasSubstr(part));
  }
  EXPECT_EQ(alerts.document()["items"][0]["state"], "firing");
}

TEST(Alerts, are_sent_again_where_nobody_took_them_and_to_each_channel_once) {
  Logger logger(LogLevel::error);
  FakeInstance instance;
  LockRows rows;
  Inbox inbox;
  std::atomic<int> posts{0};
  AlertRule rule = rule_with_webhook();
  rule.command = {"page", "--now"};
  Alerts alerts({rule}, sources(instance, rows, 1),
                {[&](const std::string&, const std::string&) {
                   if (++posts == 1) throw std::runtime_error("nobody there");
                   inbox.put("post");
                 },
                 [&](const std::vector<std::string>& command, const std::string& input,
                     const std::stop_token&) {
                   EXPECT_THAT(input, HasSubstr(R"("alert":"dead")"));
                   inbox.put(command.at(1));
                 }},
                logger);
  EXPECT_THAT(inbox.wait_for(2), ::testing::ElementsAre("--now", "post"));
}

TEST(Alerts, that_wait_for_a_channel_are_tried_a_last_time_at_the_end) {
  Logger logger(LogLevel::error);
  FakeInstance instance;
  LockRows rows;
  Inbox tries;
  std::atomic<bool> refuses{true};
  std::optional<Alerts> alerts;
  // Several attempts: the next comes in seconds.
  alerts.emplace(std::vector{rule_with_webhook()}, sources(instance, rows, 1),
                 AlertChannels{[&](const std::string&, const std::string&) {
                                 tries.put(refuses ? "refused" : "taken");
                                 if (refuses) throw std::runtime_error("nobody there");
                               },
                               {}},
                 logger);
  ASSERT_EQ(tries.wait_for(3).size(), 3U);
  refuses = false;
  alerts.reset();
  EXPECT_EQ(tries.wait_for(4).at(3), "taken");
  EXPECT_TRUE(rows.held.contains("outboxd_alert:dead:webhook"));
}

TEST(Alerts, that_nobody_took_are_not_remembered_as_told) {
  Logger logger(LogLevel::error);
  FakeInstance instance;
  LockRows rows;
  Inbox tries;
  {
    const Alerts alerts({rule_with_webhook()}, sources(instance, rows, 1),
                        {[&](const std::string&, const std::string&) {
                           tries.put("refused");
                           throw std::runtime_error("nobody there");
                         },
                         {}},
                        logger);
    ASSERT_EQ(tries.wait_for(1).size(), 1U);
  }
  EXPECT_TRUE(rows.held.empty());
}

TEST(Alerts, cut_a_command_short_that_does_not_end_when_they_do) {
  Logger logger(LogLevel::error);
  FakeInstance instance;
  LockRows rows;
  Inbox begun;
  AlertRule rule = rule_with_webhook();
  rule.webhook.clear();
  rule.command = {"page"};
  {
    const Alerts alerts(
        {rule}, sources(instance, rows, 1),
        {{},
         [&](const std::vector<std::string>&, const std::string&, const std::stop_token& cut) {
           begun.put("begun");
           std::mutex mutex;
           std::condition_variable_any never;
           std::unique_lock lock(mutex);
           never.wait(lock, cut, [] { return false; });
           throw std::runtime_error("cut");
         }},
        logger);
    ASSERT_EQ(begun.wait_for(1).size(), 1U);
  }
  EXPECT_TRUE(rows.held.empty());
}

TEST(Alerts, of_two_instances_on_one_store_one_is_told) {
  Logger logger(LogLevel::error);
  FakeInstance instance;
  LockRows rows;
  Inbox inbox;
  const AlertChannels channels{
      [&](const std::string&, const std::string&) { inbox.put("message"); }, {}};
  {
    const Alerts one({rule_with_webhook()}, sources(instance, rows, 1), channels, logger);
    EXPECT_EQ(inbox.wait_for(1).size(), 1U);
    // It knows of the dead letter from its first look on, and says nothing.
    const Alerts two({rule_with_webhook()}, sources(instance, rows, 1), channels, logger);
    while (two.figures()[0].state != AlertState::firing)
      std::this_thread::yield();
  }
  EXPECT_EQ(inbox.wait_for(1).size(), 1U);
}

TEST(Alerts, are_sent_while_the_store_is_away) {
  Logger logger(LogLevel::error);
  FakeInstance instance;
  LockRows rows;
  rows.is_away = true;
  Inbox inbox;
  const Alerts alerts({rule_with_webhook()}, sources(instance, rows, 1),
                      {[&](const std::string&, const std::string&) { inbox.put("message"); }, {}},
                      logger);
  EXPECT_EQ(inbox.wait_for(1).size(), 1U);
}

TEST(ValueOf, takes_each_figure_from_the_samples) {
  StoreSample eu = full_sample();
  eu.store = "eu";
  eu.backlog.dead = 2;
  eu.backlog.retrying = 4;
  eu.held_topics = {"a"};
  StoreSample us;
  us.store = "us";
  us.error = "no route";
  const Samples samples{{eu, us}, BrokerSample{false, "timed out", {}}};
  RelayFigures relay;
  relay.store = "eu";
  relay.held_topics = {"a", "b"};
  const auto value = [&](AlertFigure figure) { return value_of(figure, samples, {relay})->value; };
  EXPECT_EQ(value(AlertFigure::dead_letters), 2);
  EXPECT_EQ(value(AlertFigure::failed_events), 4);
  EXPECT_EQ(value(AlertFigure::pending), 3);
  EXPECT_EQ(value(AlertFigure::oldest_pending_seconds), 4);
  EXPECT_EQ(value(AlertFigure::replication_slot_bytes), 1'048'576);
  EXPECT_EQ(value(AlertFigure::store_down), 1);
  EXPECT_EQ(value(AlertFigure::broker_down), 1);
  EXPECT_EQ(value(AlertFigure::held_topics), 2);
  EXPECT_THAT(value_of(AlertFigure::store_down, samples, {})->detail, HasSubstr("us: no route"));
  EXPECT_TRUE(value_of(AlertFigure::store_down, samples, {})->is_whole);
  for (const AlertFigure figure : {AlertFigure::dead_letters, AlertFigure::oldest_pending_seconds,
                                   AlertFigure::replication_slot_bytes, AlertFigure::held_topics}) {
    EXPECT_FALSE(value_of(figure, samples, {})->is_whole) << word_of(figure);
  }
}

TEST(ValueOf, is_not_known_where_no_store_answers) {
  StoreSample away;
  away.store = "global";
  const Samples samples{{away}, std::nullopt};
  for (const AlertFigure figure : {AlertFigure::dead_letters, AlertFigure::failed_events,
                                   AlertFigure::pending, AlertFigure::oldest_pending_seconds,
                                   AlertFigure::replication_slot_bytes, AlertFigure::broker_down}) {
    EXPECT_FALSE(value_of(figure, samples, {}).has_value()) << word_of(figure);
  }
}

TEST(ValueOf, is_known_in_part_while_stores_are_looked_at_for_the_first_time) {
  Samples samples{{full_sample()}, std::nullopt};
  EXPECT_TRUE(value_of(AlertFigure::dead_letters, samples, {})->is_whole);
  samples.awaited = 1;
  EXPECT_FALSE(value_of(AlertFigure::dead_letters, samples, {})->is_whole);
  EXPECT_FALSE(value_of(AlertFigure::store_down, samples, {})->is_whole);
}

TEST(MessageJson, holds_any_bytes_of_a_detail) {
  const AlertRule rule = rule_with_webhook();
  const Json json = message_json({&rule, MessageKind::resolved, 0, "\xFF\"", 1}, "host", 2);
  EXPECT_THAT(to_text(json), HasSubstr(R"("state":"resolved")"));
}

}  // namespace
}  // namespace outbox::admin
