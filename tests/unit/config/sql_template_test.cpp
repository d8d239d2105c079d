// SPDX-License-Identifier: Apache-2.0
#include "config/sql_template.hpp"

#include <gtest/gtest.h>

#include "config/fault.hpp"

namespace outbox::config {
namespace {

std::string only(std::string_view sql, bool has_item = false) {
  const auto statements = parse_sql(sql, has_item);
  EXPECT_EQ(statements.size(), 1U);
  return statements.front().sql;
}

TEST(SqlTemplate, numbers_each_place_of_a_parameter) {
  const auto statements = parse_sql(
      "UPDATE p SET n = n - :item.qty, at = :occurred_at WHERE id = :item.id AND n >= :item.qty "
      "AND d = :payload.a.b? -- :no",
      true);
  ASSERT_EQ(statements.size(), 1U);
  EXPECT_EQ(statements[0].sql,
            "UPDATE p SET n = n - $1, at = $2 WHERE id = $3 AND n >= $4 AND d = $5 -- :no");
  ASSERT_EQ(statements[0].parameters.size(), 5U);
  EXPECT_EQ(statements[0].parameters[0].source, ParameterSource::item);
  EXPECT_EQ(statements[0].parameters[0].path, std::vector<std::string>{"qty"});
  EXPECT_EQ(statements[0].parameters[1].source, ParameterSource::occurred_at);
  EXPECT_EQ(statements[0].parameters[4].path, (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(statements[0].parameters[4].optional);
  EXPECT_FALSE(statements[0].parameters[3].optional);
}

TEST(SqlTemplate, leaves_alone_what_only_looks_like_a_parameter) {
  for (const std::string_view sql :
       {"SELECT ':event_id'", "SELECT 'it''s :key'", "SELECT \":key\"", "SELECT '1'::text",
        "SELECT $$ :key ; $$", "SELECT $a$ $$ :key $a$", "SELECT E'\\':key'", "SELECT a[1:2]",
        "SELECT /* :key ; */ 1", "SELECT b[c:d]", "SELECT '10:30'::time"}) {
    EXPECT_EQ(only(sql), sql);
  }
  EXPECT_EQ(only("SELECT :payload.n::int"), "SELECT $1::int");
  EXPECT_EQ(only("SELECT -(:payload.n)"), "SELECT -($1)");
}

TEST(SqlTemplate, parts_statements_at_semicolons) {
  const auto statements =
      parse_sql("INSERT INTO a VALUES (':;');\nUPDATE b SET n = :version; -- done\n", false);
  ASSERT_EQ(statements.size(), 2U);
  EXPECT_EQ(statements[0].sql, "INSERT INTO a VALUES (':;')");
  EXPECT_EQ(statements[1].sql, "UPDATE b SET n = $1");
}

TEST(SqlTemplate, counts_rows_by_having_them_returned) {
  const auto counted = [](std::string_view sql) {
    SqlStatement statement = parse_sql(sql, false).front();
    count_rows(statement);
    return statement.sql;
  };
  EXPECT_EQ(counted("UPDATE a SET n = 1"), "UPDATE a SET n = 1\nRETURNING 1");
  EXPECT_EQ(counted("/* x */ delete from a"), "/* x */ delete from a\nRETURNING 1");
  EXPECT_EQ(counted("SELECT 1"), "SELECT 1");
  EXPECT_EQ(counted("UPDATE a SET n = 1 returning id"), "UPDATE a SET n = 1 returning id");
  EXPECT_EQ(counted("UPDATE a SET n = 'returning'"), "UPDATE a SET n = 'returning'\nRETURNING 1");
  EXPECT_THROW(counted("WITH x AS (SELECT 1) UPDATE a SET n = 1"), Fault);
}

class BadSql : public ::testing::TestWithParam<std::pair<std::string_view, std::string_view>> {};

TEST_P(BadSql, is_refused) {
  try {
    static_cast<void>(parse_sql(GetParam().first, false));
    FAIL() << "taken: " << GetParam().first;
  } catch (const Fault& fault) {
    EXPECT_NE(fault.what.find(GetParam().second), std::string::npos) << fault.what;
    EXPECT_FALSE(fault.hint.empty());
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, BadSql,
    ::testing::Values(std::pair{"", "holds no statement"}, std::pair{" ; -- x", "no statement"},
                      std::pair{"SELECT :nothing", "has the parameter ':nothing'"},
                      std::pair{"SELECT :key.a", "has no fields"},
                      std::pair{"SELECT :item", "without for-each"},
                      std::pair{"SELECT $1", "a numbered parameter"},
                      std::pair{"SELECT 'a", "not closed"}, std::pair{"SELECT /* a", "not closed"},
                      std::pair{"SELECT $$ a", "not closed"},
                      std::pair{"SELECT 1; COMMIT", "the statement 'commit'"},
                      std::pair{"rollback", "the statement 'rollback'"},
                      std::pair{"UPDAT x", "did you mean 'update'"}));

}  // namespace
}  // namespace outbox::config
