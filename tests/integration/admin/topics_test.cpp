// SPDX-License-Identifier: Apache-2.0
#include <condition_variable>
#include <mutex>

#include "admin/controls.hpp"
#include "admin/events.hpp"
#include "admin/status.hpp"
#include "admin/topics.hpp"
#include "integration/admin/operated.hpp"

namespace outbox::testing {
namespace {

using namespace admin;

class Topics : public Operated {
 protected:
  void send(int count) {
    std::vector<Sent> sent;
    for (int i = 0; i < count; ++i)
      sent.push_back({topic_,
                      i % 3,
                      "k" + std::to_string(i),
                      "\"" + std::to_string(i) + "\"",
                      {},
                      static_cast<std::uint64_t>(i)});
    const auto producer = broker_.producer("test");
    ASSERT_EQ(acknowledged_in(send_all(*producer, sent)), static_cast<std::size_t>(count));
  }
};
INSTANTIATE_TEST_SUITE_P(Stores, Topics, ::testing::Values(Dialect::sqlite), store_name);

TEST_P(Topics, tell_their_messages_and_the_last_of_them) {
  send(30);
  Office office(site());
  const Json list = list_topics(office);
  EXPECT_EQ(list["items"][0]["name"], topic_);
  EXPECT_EQ(list["items"][0]["messages"], 30);
  EXPECT_EQ(list["items"][0]["configured"], true);
  const Json one = show_topic(office, topic_);
  EXPECT_EQ(one["partitions"].size(), 3U);
  EXPECT_TRUE(one["config"].contains("retention.ms"));
  const Json last = last_messages(office, {topic_, std::nullopt, 7});
  ASSERT_EQ(last["items"].size(), 7U);
  const Json of_one = last_messages(office, {topic_, 1, 200});
  ASSERT_EQ(of_one["items"].size(), 10U);
  EXPECT_EQ(of_one["items"][0]["payload"], "28");
  EXPECT_EQ(of_one["items"][0]["offset"], 9);
  const auto kind = [&](const MessagesRequest& request) {
    return error_of([&] { return last_messages(office, request); }).kind();
  };
  EXPECT_EQ(kind({"nowhere", std::nullopt, 7}), ErrorKind::not_found);
  EXPECT_EQ(kind({topic_, 9, 7}), ErrorKind::not_found);
  EXPECT_EQ(error_of([&] { return show_topic(office, "nowhere"); }).kind(), ErrorKind::not_found);
}

TEST_P(Topics, can_be_followed_until_a_stop) {
  send(6);
  Office office(site());
  std::stop_source stop;
  std::mutex mutex;
  std::vector<std::string> keys;
  {
    const std::jthread following([&] {
      follow(
          office, {{topic_}, 3, false},
          [&](const broker::IncomingMessage& message) {
            const std::lock_guard lock(mutex);
            keys.push_back(message.key.value_or(""));
            return true;
          },
          stop.get_token());
    });
    EXPECT_TRUE(eventually([&] {
      const std::lock_guard lock(mutex);
      return keys.size() == 3;
    }));
    send(3);
    EXPECT_TRUE(eventually([&] {
      const std::lock_guard lock(mutex);
      return keys.size() == 6;
    }));
    stop.request_stop();
  }
  EXPECT_EQ(keys.size(), 6U);
}

TEST_P(Topics, stand_in_the_status_with_the_lag_of_their_consumers) {
  send(9);
  Office office(site());
  const Json status = status_document(office);
  EXPECT_EQ(status["broker"]["state"], "up") << status.dump(1);
  EXPECT_EQ(status["consumers"][0]["group_id"], "stock");
  EXPECT_EQ(status["consumers"][0]["lag"], 9) << status["consumers"];
  EXPECT_EQ(status["stores"][0]["state"], "up");
  EXPECT_EQ(status["stores"][0]["relays"][0]["backlog"]["pending"], 0);
}

TEST_P(Topics, and_keys_are_paused_in_the_database) {
  Office office(site());
  const Actor ada{"ada", "api"};
  EXPECT_TRUE(pause(office, {store::PauseKind::topic, topic_, {}, "load"}, ada).changed);
  EXPECT_FALSE(pause(office, {store::PauseKind::topic, topic_, {}, "load"}, ada).changed);
  EXPECT_EQ(list_pauses(office)["items"][0]["name"], topic_);
  EXPECT_EQ(status_document(office)["pauses"][0]["kind"], "topic");
  EXPECT_TRUE(resume(office, {store::PauseKind::topic, topic_, {}, ""}, ada).changed);
  EXPECT_EQ(list_audit(office, {})["items"].size(), 2U);
}

}  // namespace
}  // namespace outbox::testing
