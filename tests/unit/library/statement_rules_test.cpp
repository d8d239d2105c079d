// SPDX-License-Identifier: Apache-2.0
#include "library/statement_rules.hpp"

#include <gtest/gtest.h>

#include <outbox/error.hpp>

namespace outbox::library {
namespace {

TEST(TransactionEnd, statements_that_would_end_the_transaction_are_refused) {
  for (const char* sql :
       {"COMMIT", " commit;", "Rollback", "ROLLBACK AND CHAIN", "rollback work", "END", "ABORT",
        "BEGIN", "START TRANSACTION", "PREPARE TRANSACTION 'x'", "-- why\nCOMMIT",
        "/* a */ /* b */ COMMIT", "/* a /* nested */ */ COMMIT", ";;COMMIT"}) {
    EXPECT_THROW(refuse_transaction_end(sql), Error) << sql;
  }
}

TEST(TransactionEnd, all_others_pass) {
  for (const char* sql :
       {"SELECT 1", "INSERT INTO commits VALUES (1)", "SAVEPOINT a", "RELEASE a", "ROLLBACK TO a",
        "ROLLBACK TRANSACTION TO SAVEPOINT a", "PREPARE plan AS SELECT 1", "commit_log", "",
        "/* COMMIT", "WITH x AS (SELECT 1) SELECT * FROM x"}) {
    EXPECT_NO_THROW(refuse_transaction_end(sql)) << sql;
  }
}

TEST(ImplicitCommit, what_changes_a_schema_is_refused) {
  for (const char* sql : {"CREATE TABLE a (id INT)", "/* why */ drop table a", "ALTER TABLE a",
                          "TRUNCATE a", "LOCK TABLES a WRITE", "XA START 'x'"}) {
    EXPECT_THROW(refuse_implicit_commit(sql), Error) << sql;
  }
  for (const char* sql : {"CREATE TEMPORARY TABLE a (id INT)", "DROP TEMPORARY TABLE a",
                          "INSERT INTO a VALUES (1)", "SELECT 1"}) {
    EXPECT_NO_THROW(refuse_implicit_commit(sql)) << sql;
  }
}

TEST(ImplicitCommit, statements_that_hide_a_commit_from_the_rules_are_refused) {
  for (const char* sql :
       {"EXECUTE IMMEDIATE 'COMMIT AND CHAIN'", "PREPARE a FROM 'COMMIT AND CHAIN'", "execute a",
        "/*!COMMIT AND CHAIN*/", "/*M!COMMIT AND CHAIN*/", "/*!50000 COMMIT */",
        "/* why */ /*! COMMIT */", "#why\nCOMMIT AND CHAIN", "ROLLBACK /*!AND CHAIN -- */ TO a",
        "IF 1 THEN COMMIT AND CHAIN; END IF", "FOR i IN 1..1 DO COMMIT AND CHAIN; END FOR",
        "SET STATEMENT max_statement_time = 1 FOR COMMIT AND CHAIN"}) {
    EXPECT_THROW(refuse_implicit_commit(sql), Error) << sql;
  }
  for (const char* sql : {"SELECT 1 /*! STRAIGHT_JOIN */", "SET @a = 1", "/* why */ SELECT 1",
                          "ROLLBACK TO a", "SELECT '/*!'"}) {
    EXPECT_NO_THROW(refuse_implicit_commit(sql)) << sql;
  }
}

}  // namespace
}  // namespace outbox::library
