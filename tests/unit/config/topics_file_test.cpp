// SPDX-License-Identifier: Apache-2.0
#include "config/topics_file.hpp"

#include <gtest/gtest.h>

#include <outbox/error.hpp>

namespace outbox::config {
namespace {

using Config = std::map<std::string, std::string>;

TEST(TopicsFile, takes_defaults_for_what_a_topic_does_not_say) {
  const auto topics = parse_topics_file(
      "defaults: {partitions: 6, retention: 7d, config: {cleanup.policy: delete}}\n"
      "topics:\n"
      "  a:\n"
      "  b: {partitions: 1, replication-factor: 3, retention: forever}\n",
      "t.yaml");
  ASSERT_EQ(topics.size(), 2U);
  EXPECT_EQ(topics[0].name, "a");
  EXPECT_EQ(topics[0].partitions, 6);
  EXPECT_FALSE(topics[0].replication_factor);
  EXPECT_EQ(topics[0].config,
            (Config{{"cleanup.policy", "delete"}, {"retention.ms", "604800000"}}));
  EXPECT_EQ(topics[1].partitions, 1);
  EXPECT_EQ(topics[1].replication_factor, 3);
  EXPECT_EQ(topics[1].config, (Config{{"cleanup.policy", "delete"}, {"retention.ms", "-1"}}));
  EXPECT_EQ(topics[1].origin, "t.yaml:4");
}

struct Bad {
  std::string_view text;
  std::string_view message;
};

class BadTopicsFile : public ::testing::TestWithParam<Bad> {};

TEST_P(BadTopicsFile, is_refused_with_its_line_and_the_remedy) {
  try {
    static_cast<void>(parse_topics_file(GetParam().text, "t.yaml"));
    FAIL() << "taken: " << GetParam().text;
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::configuration);
    EXPECT_TRUE(std::string_view(error.what()).starts_with(GetParam().message)) << error.what();
    EXPECT_FALSE(error.hint().empty());
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, BadTopicsFile,
    ::testing::Values(
        Bad{"", "t.yaml:1: the file is no map"}, Bad{"- a\n", "t.yaml:1: the file is no map"},
        Bad{"defaults: {}\n", "t.yaml:1: the file names no topics"},
        Bad{"topics: {}\n", "t.yaml:1: topics names no topic"},
        Bad{"topics:\n  - a\n", "t.yaml:1: topics is a list"},
        Bad{"topic:\n  a:\n",
            "t.yaml:1: topic is not known (did you mean 'topics'?): known are defaults, topics"},
        Bad{"topics:\n  a: {partitions: many}\n",
            "t.yaml:2: topics.a.partitions is 'many': give a whole number from 1 to 100000"},
        Bad{"topics:\n  a:\n    partitions: 0\n", "t.yaml:3: topics.a.partitions is '0'"},
        Bad{"topics:\n  a: {retention: soon}\n", "t.yaml:2: topics.a.retention is 'soon'"},
        Bad{"topics:\n  a: {retention: 1h, config: {retention.ms: 5}}\n",
            "t.yaml:2: topics.a.config.retention.ms is what `retention` says already"},
        Bad{"topics:\n  a: {config: [x]}\n", "t.yaml:2: topics.a.config is a list"},
        Bad{"topics:\n  a b:\n", "t.yaml:2: topics.a b is 'a b', which is no topic's name"},
        Bad{"topics:\n  __x:\n", "t.yaml:2: topics.__x is '__x', which is no topic's name"},
        Bad{"topics:\n  a:\n  b:\n  a:\n", "t.yaml:4: the key 'a' stands twice"},
        Bad{"topics:\n  a: {\n", "t.yaml:3: not YAML"},
        Bad{"topics:\n  a:\n---\nb:\n", "t.yaml:4: a second document begins here"}));

}  // namespace
}  // namespace outbox::config
