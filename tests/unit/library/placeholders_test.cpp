// SPDX-License-Identifier: Apache-2.0
#include "store/mariadb/placeholders.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <outbox/error.hpp>

namespace outbox::store::mariadb {
namespace {

// Parameters 0, 1, … are written as <0>, <1>, ….
std::string filled(std::string_view sql, std::size_t parameters, bool backslash_escapes = true) {
  return fill_placeholders(
      sql, parameters, backslash_escapes,
      [](std::string& text, std::size_t index) { text += '<' + std::to_string(index) + '>'; });
}

TEST(Placeholders, are_filled_in_any_order_and_more_than_once) {
  EXPECT_EQ(filled("SELECT $2 + $1, $2", 2), "SELECT <1> + <0>, <1>");
  EXPECT_EQ(filled("$1$2", 2), "<0><1>");
  EXPECT_EQ(filled("SELECT 1", 0), "SELECT 1");
  EXPECT_EQ(filled("VALUES ($1,$10,$2,$3,$4,$5,$6,$7,$8,$9)", 10),
            "VALUES (<0>,<9>,<1>,<2>,<3>,<4>,<5>,<6>,<7>,<8>)");
}

TEST(Placeholders, within_strings_names_and_comments_are_left_alone) {
  EXPECT_EQ(filled(R"('$1' "$1" `$1` $1)", 1), R"('$1' "$1" `$1` <0>)");
  EXPECT_EQ(filled("'it''s $1' $1", 1), "'it''s $1' <0>");
  EXPECT_EQ(filled(R"('\'$1' $1)", 1), R"('\'$1' <0>)");
  EXPECT_EQ(filled(R"('\' $1)", 1, false), R"('\' <0>)") << "NO_BACKSLASH_ESCAPES";
  EXPECT_EQ(filled("-- $1\n$1 # $1\n/* $1 */ 1--$1", 1), "-- $1\n<0> # $1\n/* $1 */ 1--<0>");
  EXPECT_EQ(filled("a$1 é$1 $1", 1), "a$1 é$1 <0>");
}

TEST(Placeholders, texts_that_do_not_end_are_left_to_the_server) {
  EXPECT_EQ(filled("$1 '$1", 1), "<0> '$1");
  EXPECT_EQ(filled("$1 /* $1", 1), "<0> /* $1");
  EXPECT_EQ(filled(R"($1 '\)", 1), R"(<0> '\)");
}

TEST(Placeholders, that_do_not_fit_the_parameters_are_refused) {
  for (const auto& [sql, parameters] : std::vector<std::pair<std::string, std::size_t>>{
           {"$2", 1}, {"$1", 0}, {"$0", 1}, {"$1", 2}, {"$99999999999999999999", 1}, {"'$1'", 1}}) {
    EXPECT_THROW(filled(sql, parameters), Error) << sql;
  }
}

}  // namespace
}  // namespace outbox::store::mariadb
