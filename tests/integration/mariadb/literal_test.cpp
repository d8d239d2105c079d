// SPDX-License-Identifier: Apache-2.0
#include "store/mariadb/literal.hpp"

#include <gtest/gtest.h>

namespace outbox::store::mariadb {
namespace {

std::vector<RowId> ids(const std::vector<std::int64_t>& numbers) {
  std::vector<RowId> ids;
  for (const std::int64_t number : numbers)
    ids.push_back({.number = number, .text = {}});
  return ids;
}

TEST(MariadbLiteral, nothing_in_a_text_ends_it) {
  EXPECT_EQ(quote_text("it's \\ here"), R"('it\'s \\ here')");
  EXPECT_EQ(quote_text(std::string_view("a\0b", 3)), R"('a\0b')");
  EXPECT_EQ(quote_identifier("a`b"), "`a``b`");
  EXPECT_EQ(quote_bytes(std::string_view("\x00'\xff", 3)), "X'0027FF'");
}

TEST(MariadbLiteral, ids_that_follow_each_other_go_as_a_range) {
  EXPECT_EQ(id_condition("id", ids({9, 3, 1}), true), "id IN (1,3,9)");
  EXPECT_EQ(id_condition("id", ids({4, 3, 2, 1, 6, 5, 8, 7}), true), "(id BETWEEN 1 AND 8)");
  EXPECT_EQ(id_condition("id", ids({1, 2, 3, 4, 5, 6, 7, 8, 20}), true),
            "(id BETWEEN 1 AND 8 OR id IN (20))");
  EXPECT_EQ(id_condition("id", {{.number = 0, .text = "a'"}}, false), R"(id IN ('a\''))");
}

}  // namespace
}  // namespace outbox::store::mariadb
