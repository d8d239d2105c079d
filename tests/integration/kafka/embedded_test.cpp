// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <set>
#include <thread>

#include "broker/embedded/home.hpp"
#include "conformance/broker/broker_tools.hpp"

namespace outbox::testing {
namespace {

using namespace std::chrono_literals;

using ::testing::HasSubstr;

std::string output_of(const std::string& command) {
  std::FILE* const process = popen(command.c_str(), "r");  // NOLINT
  EXPECT_NE(process, nullptr);
  std::string output;
  std::array<char, 4096> buffer{};
  while (const std::size_t count = std::fread(buffer.data(), 1, buffer.size(), process)) {
    output.append(buffer.data(), count);
  }
  EXPECT_EQ(pclose(process), 0) << command << "\n" << output;
  return output;
}

TEST(Embedded, is_a_broker_that_kcat_can_list_write_to_and_read) {
  broker::embedded::Options options;
  options.topics = {"orders", "payments"};
  options.partitions = 2;
  const broker::Home home = broker::embedded::make_home(options);
  const std::string kcat = "kcat -q -b " + home.bootstrap_servers;
  EXPECT_THAT(output_of(kcat + " -L"), HasSubstr("topic \"orders\" with 2 partitions"));

  const auto producer = home.producer("test");
  ASSERT_EQ(acknowledged_in(send_all(*producer, {{"orders", 1, "k", "ours", {{"h", "v"}}, 1}})),
            1U);
  EXPECT_EQ(output_of(kcat + " -C -t orders -p 1 -o beginning -c 1 -f '%k %s %h'"), "k ours h=v");

  output_of("printf 'k:theirs' | " + kcat + " -P -t payments -p 0 -K :");
  const auto messages = read_topic(home, "payments", 1);
  ASSERT_EQ(messages.size(), 1U);
  EXPECT_EQ(messages[0].key, "k");
  EXPECT_EQ(messages[0].value, "theirs");
}

TEST(Embedded, keeps_each_message_of_200_000_at_speed_for_a_consumer_that_keeps_up) {
  broker::embedded::Options options;
  options.topics = {"speed"};
  options.partitions = 4;
  const broker::Home home = broker::embedded::make_home(options);
  const auto consumer = home.consumer({"counter", {"speed"}, "earliest"});
  const auto producer = home.producer("test");
  constexpr std::size_t count = 200000;
  std::atomic<std::size_t> consumed{0};
  std::set<std::string> distinct;
  {
    const std::jthread reader([&] {
      const auto deadline = std::chrono::steady_clock::now() + 120s;
      while (consumed < count && std::chrono::steady_clock::now() < deadline) {
        for (const auto& message : consumer->poll(5000, 100ms).messages) {
          distinct.insert(message.value->substr(0, 8));
          ++consumed;
        }
        consumed.notify_all();
      }
      consumed = count;  // Lets the writer go on whatever happened; `distinct` is what counts.
      consumed.notify_all();
    });
    std::size_t acknowledged = 0;
    for (std::size_t i = 0; i < count; ++i) {
      // The mock forgets what is behind 5 MiB, so the writer waits for its reader, as the demo's
      // does.
      for (std::size_t seen = consumed; i > seen + 20000; seen = consumed) {
        acknowledged += acknowledged_in(producer->poll(0ms));
        consumed.wait(seen);
      }
      std::string value = std::to_string(10000000 + i) + std::string(292, 'x');
      const Sent sent{"speed", static_cast<int>(i % 4), "k", std::move(value), {}, i};
      while (hand_over(*producer, sent) == broker::Handover::queue_full) {
        acknowledged += acknowledged_in(producer->poll(10ms));
      }
    }
    acknowledged += acknowledged_in(await_deliveries(*producer, count - acknowledged));
    EXPECT_EQ(acknowledged, count);
  }
  EXPECT_EQ(distinct.size(), count);
}

TEST(Embedded, is_apart_from_another_in_the_same_process) {
  const broker::Home one = broker::embedded::make_home({{"same"}, 1, {}});
  const broker::Home two = broker::embedded::make_home({{"same"}, 1, {}});
  EXPECT_NE(one.bootstrap_servers, two.bootstrap_servers);
  const auto producer = one.producer("test");
  ASSERT_EQ(acknowledged_in(send_all(*producer, {{"same", 0, "k", "v", {}, 1}})), 1U);
  EXPECT_EQ(read_topic(one, "same", 1).size(), 1U);
  const auto reader = two.consumer({"group", {"same"}, "earliest"});
  EXPECT_TRUE(reader->poll(10, 1s).messages.empty());
}

}  // namespace
}  // namespace outbox::testing
