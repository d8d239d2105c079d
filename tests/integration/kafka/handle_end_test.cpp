// SPDX-License-Identifier: Apache-2.0
//
// Throwing a handle away takes no time that a relay would notice, whatever state it is in.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>

#include "broker/kafka/home.hpp"
#include "broker/kafka/reaper.hpp"
#include "conformance/broker/broker_tools.hpp"
#include "support/services.hpp"

namespace outbox::testing {
namespace {

using namespace std::chrono_literals;

using broker::Handover;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds destroy_max{1000};

broker::Home home_at(const std::string& servers) {
  broker::ConnectionOptions options;
  options.bootstrap_servers = servers;
  return broker::kafka::make_home(options);
}

// A port where somebody listens and never answers, or, closed again, where nobody does.
class Listener {
 public:
  explicit Listener(bool open) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(socket_, generic, size), 0);
    if (open) {
      EXPECT_EQ(::listen(socket_, 16), 0);
    }
    EXPECT_EQ(::getsockname(socket_, generic, &size), 0);
    address_ = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  }
  ~Listener() { ::close(socket_); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  [[nodiscard]] const std::string& address() const { return address_; }

 private:
  int socket_;
  std::string address_;
};

void queue_thousands(broker::Producer& producer, const std::string& topic, int count) {
  for (int i = 0; i < count; ++i) {
    const Sent sent{topic, i % 3, "k", std::string(300, 'x'), {{"name", "value"}}, 1};
    ASSERT_EQ(hand_over(producer, sent), Handover::accepted);
  }
}

void expect_gone_quickly(std::unique_ptr<broker::Producer> producer) {
  const auto start = Clock::now();
  producer.reset();
  const auto took = Clock::now() - start;
  EXPECT_LT(took, destroy_max);
  EXPECT_TRUE(broker::kafka::reaped_all(10s));
  using Milliseconds = std::chrono::duration<double, std::milli>;
  ::testing::Test::RecordProperty("destructor_ms", std::to_string(Milliseconds(took).count()));
  ::testing::Test::RecordProperty("reaped_ms",
                                  std::to_string(Milliseconds(Clock::now() - start).count()));
}

TEST(HandleEnd, is_quick_with_thousands_queued_while_nobody_listens) {
  const Listener closed(false);
  auto producer = home_at(closed.address()).producer("test");
  queue_thousands(*producer, "topic", 10000);
  EXPECT_TRUE(producer->poll(50ms).deliveries.empty());
  expect_gone_quickly(std::move(producer));
}

TEST(HandleEnd, is_quick_with_thousands_queued_while_a_broker_never_answers) {
  const Listener mute(true);
  auto producer = home_at(mute.address()).producer("test");
  queue_thousands(*producer, "topic", 10000);
  EXPECT_TRUE(producer->poll(50ms).deliveries.empty());
  expect_gone_quickly(std::move(producer));
}

TEST(HandleEnd, is_quick_with_thousands_queued_on_a_living_broker) {
  const broker::Home home = home_at(services().kafka);
  const std::string topic = make_topic(home, "end", 3);
  auto producer = home.producer("test");
  queue_thousands(*producer, topic, 10000);
  expect_gone_quickly(std::move(producer));
}

TEST(HandleEnd, is_quick_after_a_refusal) {
  const broker::Home home = home_at(services().kafka);
  const std::string topic = make_topic(home, "end", 3, {{"max.message.bytes", "2000"}});
  auto producer = home.producer("test");
  ASSERT_EQ(hand_over(*producer, {topic, 0, "k", std::string(5000, 'x'), {}, 1}),
            Handover::accepted);
  for (int i = 0; i < 5000; ++i) {
    static_cast<void>(hand_over(*producer, {topic, i % 3, "k", std::string(300, 'x'), {}, 2}));
  }
  ASSERT_TRUE(await_deliveries(*producer, 6000).fatal);
  expect_gone_quickly(std::move(producer));
}

TEST(HandleEnd, is_quick_while_a_message_waits_for_an_unknown_topic) {
  const broker::Home home = home_at(services().kafka);
  auto producer = home.producer("test");
  ASSERT_EQ(hand_over(*producer, {unique_name("nowhere"), 0, "k", "v", {}, 1}), Handover::accepted);
  EXPECT_TRUE(producer->poll(100ms).deliveries.empty());
  expect_gone_quickly(std::move(producer));
}

TEST(HandleEnd, of_a_consumer_does_not_wait_for_a_broker_that_is_away) {
  const Listener closed(false);
  auto consumer = home_at(closed.address()).consumer({"group", {"topic"}, "earliest"});
  EXPECT_TRUE(consumer->poll(10, 50ms).messages.empty());
  const auto start = Clock::now();
  consumer.reset();
  EXPECT_LT(Clock::now() - start, 4s);
  EXPECT_TRUE(broker::kafka::reaped_all(10s));
}

TEST(HandleEnd, comes_soon_after_the_first_acknowledgement_of_a_new_handle) {
  // A refusal costs a new handle: from its making to its first acknowledgement little time may
  // pass.
  const broker::Home home = home_at(services().kafka);
  const std::string topic = make_topic(home, "first", 1);
  std::vector<double> took;
  for (int i = 0; i < 9; ++i) {
    const auto start = Clock::now();
    const auto producer = home.producer("test");
    ASSERT_EQ(acknowledged_in(send_all(*producer, {{topic, 0, "k", "v", {}, 1}})), 1U);
    took.push_back(std::chrono::duration<double, std::milli>(Clock::now() - start).count());
  }
  std::ranges::sort(took);
  ::testing::Test::RecordProperty("first_acknowledgement_ms", std::to_string(took[4]));
  EXPECT_LT(took[4], 1500.0);
}

}  // namespace
}  // namespace outbox::testing
