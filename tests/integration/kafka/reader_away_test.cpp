// SPDX-License-Identifier: Apache-2.0
//
// A reader whose brokers go away and come back, on librdkafka's mock, which can be told to.
#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>

#include <librdkafka/rdkafka_mock.h>

#include <outbox/error.hpp>

#include "broker/kafka/handle.hpp"
#include "broker/kafka/home.hpp"
#include "conformance/broker/broker_tools.hpp"

namespace outbox::testing {
namespace {

using namespace std::chrono_literals;
using broker::kafka::Destroy;

class ReaderAway : public ::testing::Test {
 protected:
  ReaderAway() {
    char text[512] = "";
    rd_kafka_conf_t* const configuration = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(configuration, nullptr);
    handle_.reset(rd_kafka_new(RD_KAFKA_PRODUCER, configuration, text, sizeof(text)));
    cluster_.reset(rd_kafka_mock_cluster_new(handle_.get(), 1));
    rd_kafka_mock_topic_create(cluster_.get(), "topic", 1, 1);
    options_.bootstrap_servers = rd_kafka_mock_cluster_bootstraps(cluster_.get());
    home_ = broker::kafka::make_home(options_);
    EXPECT_EQ(acknowledged_in(send_all(*home_.producer("test"), {{"topic", 0, "k", "0", {}, 0},
                                                                 {"topic", 0, "k", "1", {}, 1}})),
              2U);
  }

  std::unique_ptr<rd_kafka_t, Destroy<&rd_kafka_destroy>> handle_;
  std::unique_ptr<rd_kafka_mock_cluster_t, Destroy<&rd_kafka_mock_cluster_destroy>> cluster_;
  broker::ConnectionOptions options_;
  broker::Home home_;
};

std::size_t read_some(broker::Reader& reader, std::size_t count) {
  std::size_t total = 0;
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (total < count && std::chrono::steady_clock::now() < deadline) {
    total += reader.poll(10, 200ms).messages.size();
  }
  return total;
}

TEST_F(ReaderAway, waits_for_brokers_and_goes_on_where_it_was) {
  const auto reader = home_.reader("group");
  reader->assign(std::vector<broker::Position>{{"topic", 0, 0}});
  ASSERT_EQ(read_some(*reader, 2), 2U);
  rd_kafka_mock_broker_set_down(cluster_.get(), 1);
  for (int i = 0; i < 5; ++i)
    EXPECT_TRUE(reader->poll(10, 200ms).messages.empty());
  rd_kafka_mock_broker_set_up(cluster_.get(), 1);
  EXPECT_EQ(acknowledged_in(send_all(*home_.producer("test"), {{"topic", 0, "k", "2", {}, 0}})),
            1U);
  EXPECT_EQ(read_some(*reader, 1), 1U);
}

TEST_F(ReaderAway, says_that_nobody_told_what_a_topic_holds) {
  const auto reader = home_.reader("group");
  rd_kafka_mock_broker_set_down(cluster_.get(), 1);
  try {
    static_cast<void>(reader->ranges("topic", 700ms));
    FAIL() << "an answer from nobody";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::unreachable) << error.what();
  }
  rd_kafka_mock_broker_set_up(cluster_.get(), 1);
  EXPECT_EQ(reader->ranges("topic", patience).front().end, 2);
}

}  // namespace
}  // namespace outbox::testing
