// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include <outbox/error.hpp>
#include <outbox/transaction.hpp>

namespace outbox {
namespace {

using ::testing::HasSubstr;

template <class Read>
std::string fault_of(Read read) {
  try {
    (void)read();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::failed);
    return error.what();
  }
  return "none";
}

TEST(Parameter, takes_what_a_statement_needs) {
  EXPECT_EQ(Parameter("text").text(), "text");
  EXPECT_EQ(Parameter(std::string_view("view")).text(), "view");
  EXPECT_EQ(Parameter(std::numeric_limits<std::int64_t>::min()).text(), "-9223372036854775808");
  EXPECT_EQ(Parameter(std::uint8_t{200}).text(), "200");
  EXPECT_EQ(Parameter(true).text(), "1");
  EXPECT_EQ(Parameter(0.1).text(), "0.1");
  EXPECT_EQ(Parameter(1e300).text(), "1e+300");
  EXPECT_EQ(Parameter(std::nullopt).text(), std::nullopt);
  EXPECT_EQ(Parameter(std::optional<std::string>()).text(), std::nullopt);
  EXPECT_EQ(Parameter(Uuid{}).text(), "00000000-0000-0000-0000-000000000000");
}

TEST(Parameter, knows_a_number_from_a_text) {
  EXPECT_EQ(Parameter(7).kind(), Parameter::Kind::integer);
  EXPECT_EQ(Parameter(false).kind(), Parameter::Kind::integer);
  EXPECT_EQ(Parameter(7.0).kind(), Parameter::Kind::real);
  EXPECT_EQ(Parameter("7").kind(), Parameter::Kind::text);
}

TEST(Row, reads_values_as_what_they_are) {
  const Row row({"text", "-12", "2.5", "t", "false", "", std::nullopt});
  EXPECT_EQ(row.size(), 7U);
  EXPECT_EQ(row.text(0), "text");
  EXPECT_EQ(row.integer(1), -12);
  EXPECT_EQ(row.number(2), 2.5);
  EXPECT_TRUE(row.boolean(3));
  EXPECT_FALSE(row.boolean(4));
  EXPECT_EQ(row.text(5), "");
  EXPECT_TRUE(row.is_null(6));
}

TEST(Row, names_the_column_and_what_stands_there_where_it_is_something_else) {
  const Row row({"12a", "9223372036854775808", "2.5", std::nullopt, std::string(1000, 'x')});
  EXPECT_THAT(fault_of([&] { return row.integer(0); }), HasSubstr("column 0 holds '12a'"));
  EXPECT_THAT(fault_of([&] { return row.integer(1); }), HasSubstr("no integer of 64 bits"));
  EXPECT_THAT(fault_of([&] { return row.integer(2); }), HasSubstr("'2.5'"));
  EXPECT_THAT(fault_of([&] { return row.text(3); }), HasSubstr("column 3 holds NULL"));
  EXPECT_THAT(fault_of([&] { return row.boolean(0); }), HasSubstr("no truth value"));
  EXPECT_THAT(fault_of([&] { return row.number(4); }).size(), ::testing::Lt(200U));
  EXPECT_THAT(fault_of([&] { return row.text(5); }), HasSubstr("no column 5 in a row of 5"));
}

}  // namespace
}  // namespace outbox
