// SPDX-License-Identifier: Apache-2.0
#include "config/env_file.hpp"

#include <map>

#include "support.hpp"

namespace outbox::config {
namespace {

std::map<std::string, std::string> parsed(std::string_view text) {
  std::map<std::string, std::string> values;
  for (const EnvEntry& entry : parse_env_file(text, ".env"))
    values[entry.name] = entry.value;
  return values;
}

struct Line {
  std::string_view text;
  std::string_view value;
};

class EnvLine : public ::testing::TestWithParam<Line> {};

TEST_P(EnvLine, gives_its_value) {
  const auto values = parsed(GetParam().text);
  ASSERT_EQ(values.size(), 1U) << GetParam().text;
  EXPECT_EQ(values.at("A"), GetParam().value) << GetParam().text;
}

INSTANTIATE_TEST_SUITE_P(
    Lines, EnvLine,
    ::testing::Values(Line{"A=1", "1"}, Line{"A=1  # every second\n", "1"}, Line{"A = b c ", "b c"},
                      Line{"export A=x", "x"}, Line{"A=", ""}, Line{"A= # nothing", ""},
                      Line{"A=#b", "#b"}, Line{"A=pass#word", "pass#word"},
                      Line{"A=\"x # y\" # note", "x # y"}, Line{"A='x # y'", "x # y"},
                      Line{"A=\"a\\n\\\"b\\\\\"", "a\n\"b\\"}, Line{"A='a\\nb'", "a\\nb"},
                      Line{"A=\"two\nlines\"", "two\nlines"}, Line{"A=x=y", "x=y"},
                      Line{"A=1\r\n", "1"},
                      Line{"\xEF\xBB\xBF"
                           "A=1",
                           "1"},
                      Line{"# note\n\n  A=1\n", "1"}, Line{"A=1\nA=2", "2"},
                      Line{"A=it's", "it's"}));

TEST(EnvFile, counts_lines_through_values_of_several) {
  const auto entries = parse_env_file("# one\nA=\"x\ny\"\nB=2\n", ".env");
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_EQ(entries[0].line, 2);
  EXPECT_EQ(entries[1].line, 4);
}

struct Bad {
  std::string_view text;
  std::string_view place;
};

class BadEnvFile : public ::testing::TestWithParam<Bad> {};

TEST_P(BadEnvFile, is_refused_with_its_line) {
  try {
    parsed(GetParam().text);
    FAIL() << GetParam().text;
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::configuration);
    EXPECT_THAT(error.what(), ::testing::StartsWith(std::string(GetParam().place)));
    testing::expect_good_message(error.what());
  }
}

INSTANTIATE_TEST_SUITE_P(Texts, BadEnvFile,
                         ::testing::Values(Bad{"A=1\nnonsense\n", ".env:2:"}, Bad{"=1", ".env:1:"},
                                           Bad{"A B=1", ".env:1:"},
                                           Bad{"A=1\nB=\"open\nC=2", ".env:2:"},
                                           Bad{"A='x' y", ".env:1:"}));

}  // namespace
}  // namespace outbox::config
