// SPDX-License-Identifier: Apache-2.0
//
// The partition that core/murmur2.hpp computes is the one that other clients choose.
#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>

#include <array>
#include <cstdio>
#include <memory>
#include <random>

#include "broker/kafka/home.hpp"
#include "conformance/broker/broker_tools.hpp"
#include "core/murmur2.hpp"
#include "support/services.hpp"

namespace outbox::testing {
namespace {

TEST(Partition, is_the_one_of_librdkafka_s_murmur2_for_any_bytes) {
  std::mt19937 random(20261121);  // NOLINT: the same keys in each run.
  for (int i = 0; i < 100000; ++i) {
    std::string key(random() % 40, '\0');
    for (char& byte : key)
      byte = static_cast<char>(random());
    const int partitions = 1 + static_cast<int>(random() % 100);
    const int theirs = rd_kafka_msg_partitioner_murmur2(nullptr, key.data(), key.size(), partitions,
                                                        nullptr, nullptr);
    ASSERT_EQ(partition_of(key, partitions), theirs) << "key of " << key.size() << " bytes";
  }
}

TEST(Partition, is_where_kcat_puts_the_key) {
  broker::ConnectionOptions options;
  options.bootstrap_servers = services().kafka;
  const broker::Home home = broker::kafka::make_home(options);
  const std::string topic = make_topic(home, "kcat", 7);
  const std::string command = "kcat -P -b " + services().kafka + " -t " + topic +
                              " -K : -X topic.partitioner=murmur2_random";
  std::FILE* const kcat = popen(command.c_str(), "w");  // NOLINT
  ASSERT_NE(kcat, nullptr);
  for (int i = 0; i < 200; ++i)
    std::fprintf(kcat, "order-%d:%d\n", i, i);
  ASSERT_EQ(pclose(kcat), 0);

  const auto messages = read_topic(home, topic, 200);
  ASSERT_EQ(messages.size(), 200U);
  for (const broker::IncomingMessage& message : messages) {
    EXPECT_EQ(message.partition, partition_of(*message.key, 7)) << *message.key;
  }
}

}  // namespace
}  // namespace outbox::testing
