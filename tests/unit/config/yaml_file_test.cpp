// SPDX-License-Identifier: Apache-2.0
#include "config/yaml_file.hpp"

#include "support.hpp"

namespace outbox::config {
namespace {

TEST(YamlFile, names_values_by_their_place_with_the_line) {
  const auto entries =
      parse_yaml_file("relay:\n  batch-size: 500\nlog: {level: debug}\n", "x.yaml");
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_EQ(entries[0].name, "relay.batch-size");
  EXPECT_EQ(entries[0].value, "500");
  EXPECT_EQ(entries[0].line, 2);
  EXPECT_EQ(entries[1].name, "log.level");
  EXPECT_EQ(entries[1].line, 3);
}

TEST(YamlFile, makes_lists_of_texts_comma_separated_and_keeps_structures_as_json) {
  const auto entries = parse_yaml_file(
      "relay:\n  aggregate-types: [order, payment]\n"
      "  routes:\n    - {event-type: A, topic: a}\n"
      "  transform:\n    - add: {n: 5, text: \"5\", yes: true, none: ~}\n",
      "x.yaml");
  ASSERT_EQ(entries.size(), 3U);
  EXPECT_EQ(entries[0].value, "order,payment");
  EXPECT_EQ(entries[1].value, R"([{"event-type":"A","topic":"a"}])");
  EXPECT_EQ(entries[2].value, R"([{"add":{"n":5,"text":"5","yes":true,"none":null}}])");
}

TEST(YamlFile, of_nothing_or_comments_has_no_settings) {
  EXPECT_TRUE(parse_yaml_file("", "x.yaml").empty());
  EXPECT_TRUE(parse_yaml_file("# nothing yet\n", "x.yaml").empty());
}

struct Bad {
  std::string_view text;
  std::string_view message;
};

class BadYaml : public ::testing::TestWithParam<Bad> {};

TEST_P(BadYaml, is_refused_with_its_line) {
  try {
    static_cast<void>(parse_yaml_file(GetParam().text, "x.yaml"));
    FAIL() << GetParam().text;
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::configuration);
    EXPECT_THAT(error.what(), ::testing::StartsWith(std::string(GetParam().message)));
    testing::expect_good_message(error.what());
  }
}

INSTANTIATE_TEST_SUITE_P(
    Texts, BadYaml,
    ::testing::Values(
        Bad{"relay:\n  batch-size: 1\n  batch-size: 2\n", "x.yaml:3: the key 'batch-size' stands"},
        Bad{"log: {level: info}\nrelay: {}\nlog: {}\n", "x.yaml:3: the key 'log' stands twice"},
        Bad{"relay:\n\tbatch-size: 1\n", "x.yaml:2: not YAML"},
        Bad{"relay: [unclosed\n", "x.yaml:2: not YAML"}, Bad{"just text\n", "x.yaml:1: the file"},
        Bad{"- a\n- b\n", "x.yaml:1: the file"},
        Bad{"log: {level: info}\n---\nlog: {level: debug}\n", "x.yaml:3: a second document"},
        Bad{"relay:\n  aggregate-types: [{a: b}]\n", "x.yaml:2: relay.aggregate-types takes"},
        Bad{"relay:\n  transform:\n    - add: {a: 1, a: 2}\n", "x.yaml:3: the key 'a'"}));

}  // namespace
}  // namespace outbox::config
