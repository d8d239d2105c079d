// SPDX-License-Identifier: Apache-2.0
#include "config/values.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace outbox::config {
namespace {

using ::testing::ElementsAre;

struct Duration {
  std::string_view text;
  std::string_view unit;
  double milliseconds;
};

class GoodDuration : public ::testing::TestWithParam<Duration> {};

TEST_P(GoodDuration, is_taken_in_milliseconds) {
  const auto value = parse_duration_ms(GetParam().text, GetParam().unit);
  ASSERT_TRUE(value.has_value()) << GetParam().text;
  EXPECT_DOUBLE_EQ(*value, GetParam().milliseconds) << GetParam().text;
}

INSTANTIATE_TEST_SUITE_P(
    Texts, GoodDuration,
    ::testing::Values(Duration{"200ms", "s", 200}, Duration{"5s", "ms", 5'000},
                      Duration{"2m", "ms", 120'000}, Duration{"1h", "ms", 3'600'000},
                      Duration{"30d", "ms", 2'592'000'000.0}, Duration{"0.2s", "ms", 200},
                      Duration{"1.5 s", "ms", 1'500}, Duration{" 50MS ", "s", 50},
                      Duration{"5min", "s", 300'000}, Duration{"5000", "ms", 5'000},
                      Duration{"1", "s", 1'000}, Duration{"0.25", "s", 250},
                      Duration{".5", "s", 500}, Duration{"30", "d", 2'592'000'000.0},
                      Duration{"0", "s", 0}));

class BadDuration : public ::testing::TestWithParam<std::string_view> {};

TEST_P(BadDuration, is_refused) {
  EXPECT_FALSE(parse_duration_ms(GetParam(), "s").has_value()) << GetParam();
}

INSTANTIATE_TEST_SUITE_P(Texts, BadDuration,
                         ::testing::Values("", " ", "s", "5x", "5 s s", "-1s", "+1s", "1e3", "1.",
                                           "1.2.3", "0x10", "inf", "nan", "5ss", "1,5s", "five",
                                           "1h30m"));

TEST(Size, counts_kib_by_1024_and_kb_by_1000) {
  EXPECT_EQ(parse_size("16MiB"), 16.0 * 1024 * 1024);
  EXPECT_EQ(parse_size("1MB"), 1e6);
  EXPECT_EQ(parse_size("512k"), 512e3);
  EXPECT_EQ(parse_size("1.5 GiB"), 1.5 * 1024 * 1024 * 1024);
  EXPECT_EQ(parse_size("100"), 100.0);
  EXPECT_EQ(parse_size("100B"), 100.0);
}

TEST(Size, refuses_what_is_none) {
  for (const std::string_view text : {"", "MiB", "1 XB", "-1", "1e6", "16 Mi B"}) {
    EXPECT_FALSE(parse_size(text).has_value()) << text;
  }
}

TEST(Boolean, takes_the_usual_words_in_any_case) {
  for (const std::string_view text : {"true", "TRUE", "yes", "On", " 1 "}) {
    EXPECT_EQ(parse_boolean(text), true) << text;
  }
  for (const std::string_view text : {"false", "False", "no", "off", "0"}) {
    EXPECT_EQ(parse_boolean(text), false) << text;
  }
  for (const std::string_view text : {"", "2", "ja", "truee"}) {
    EXPECT_FALSE(parse_boolean(text).has_value()) << text;
  }
}

TEST(Integer, takes_digits_and_nothing_else) {
  EXPECT_EQ(parse_integer(" 100 "), 100);
  EXPECT_EQ(parse_integer("010"), 10);
  EXPECT_EQ(parse_integer("-5"), -5);
  for (const std::string_view text :
       {"", "1.5", "1e3", "0x10", "10 rows", "99999999999999999999"}) {
    EXPECT_FALSE(parse_integer(text).has_value()) << text;
  }
}

TEST(List, is_split_at_commas_and_trimmed) {
  EXPECT_THAT(parse_list(" a , b,c ").value(), ElementsAre("a", "b", "c"));
  EXPECT_TRUE(parse_list("").value().empty());
}

TEST(List, refuses_an_empty_part) {
  for (const std::string_view text : {",", "a,,b", "a,", ",a", "a, ,b"}) {
    EXPECT_FALSE(parse_list(text).has_value()) << text;
  }
}

struct Commented {
  std::string_view text;
  std::string_view value;
};

class Comment : public ::testing::TestWithParam<Commented> {};

TEST_P(Comment, is_taken_off) {
  EXPECT_EQ(without_comment(GetParam().text), GetParam().value);
}

INSTANTIATE_TEST_SUITE_P(
    Texts, Comment,
    ::testing::Values(Commented{"1  # every second", "1"}, Commented{"1 #", "1"},
                      Commented{"1\t# tab", "1"}, Commented{"pass#word", "pass#word"},
                      Commented{"#hash", "#hash"}, Commented{" # only a comment", ""},
                      Commented{"\"a # b\"", "a # b"}, Commented{"'a # b'  # note", "a # b"},
                      Commented{"\"open # b", "\"open"}, Commented{"'it'self", "'it'self"},
                      Commented{"", ""}, Commented{"  plain  ", "plain"}));

TEST(Format, uses_the_largest_unit_that_stays_whole) {
  EXPECT_EQ(format_duration(50), "50ms");
  EXPECT_EQ(format_duration(5'000), "5s");
  EXPECT_EQ(format_duration(90'000), "90s");
  EXPECT_EQ(format_duration(3'600'000), "1h");
  EXPECT_EQ(format_size(64.0 * 1024), "64KiB");
  EXPECT_EQ(format_size(1000), "1000");
}

TEST(TopicName, follows_kafkas_rules_and_shuns_internal_topics) {
  for (const std::string_view text : {"order.events", "a", "A_b-c.9"}) {
    EXPECT_TRUE(is_topic_name(text)) << text;
  }
  for (const std::string_view text :
       {"", ".", "..", "a b", "a/b", "__consumer_offsets", "bestellung-ä"}) {
    EXPECT_FALSE(is_topic_name(text)) << text;
  }
  EXPECT_TRUE(is_topic_name(std::string(249, 'a')));
  EXPECT_FALSE(is_topic_name(std::string(250, 'a')));
}

TEST(SqlName, is_a_plain_identifier_of_at_most_63_letters) {
  for (const std::string_view text : {"outbox_events", "_a1", "eventType"}) {
    EXPECT_TRUE(is_sql_name(text)) << text;
  }
  for (const std::string_view text : {"", "1a", "a-b", "a b", "a\"b", "a;drop", "a.b"}) {
    EXPECT_FALSE(is_sql_name(text)) << text;
  }
  EXPECT_FALSE(is_sql_name(std::string(64, 'a')));
}

}  // namespace
}  // namespace outbox::config
