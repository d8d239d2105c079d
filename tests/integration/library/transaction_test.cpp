// SPDX-License-Identifier: Apache-2.0
#include <future>

#include <outbox/database.hpp>
#include <outbox/json.hpp>

#include "integration/library/each.hpp"

namespace outbox::testing {
namespace {

using ::testing::HasSubstr;

class TransactionOn : public OnEach {
 protected:
  TransactionOn() : database_(options()) {
    database_.script(
        "CREATE TABLE products (id BIGINT PRIMARY KEY, name TEXT, price BIGINT, "
        "stock INTEGER CHECK (stock >= 0), is_sold_out BOOLEAN);"
        "INSERT INTO products (id, name, price, stock, is_sold_out) VALUES "
        "(7, 'kettle', 1999, 3, '0'), (8, 'mug', 250, 0, '1')");
  }

  template <class Work>
  Error refused(Work work) {
    return error_of([&] { database_.transaction(work); });
  }

  Database database_;
};
INSTANTIATE_TEST_SUITE_P(Each, TransactionOn, all_dialects(), dialect_name);

TEST_P(TransactionOn, rows_come_back_as_they_were_written) {
  const Rows rows = database_.transaction([](Transaction& transaction) {
    transaction.execute("UPDATE products SET name = $1, is_sold_out = $2 WHERE id = $3",
                        "it's a \"kettle\" é", true, 7);
    transaction.execute("UPDATE products SET name = $1 WHERE id = $2", std::nullopt, 8);
    return transaction.execute("SELECT id, name, price, is_sold_out FROM products ORDER BY id");
  });
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].integer(0), 7);
  EXPECT_EQ(rows[0].text(1), "it's a \"kettle\" é");
  EXPECT_EQ(rows[0].integer(2), 1999);
  EXPECT_TRUE(rows[0].boolean(3));
  EXPECT_TRUE(rows[1].is_null(1));
}

TEST_P(TransactionOn, placeholders_may_stand_in_any_order_and_more_than_once) {
  database_.transaction([](Transaction& transaction) {
    const Rows rows = transaction.execute(
        "SELECT id FROM products WHERE price >= $2 AND id <> $1 AND id <> $1 + $3", 8, 100, 100);
    ASSERT_EQ(rows.size(), 1U);
    EXPECT_EQ(rows[0].integer(0), 7);
  });
}

// To SQLite every text is greater than every number.
TEST_P(TransactionOn, a_number_is_compared_as_a_number_with_an_expression_too) {
  database_.transaction([](Transaction& transaction) {
    EXPECT_EQ(transaction.execute("SELECT id FROM products WHERE price * stock > $1", 5000).size(),
              1U);
    EXPECT_EQ(transaction.execute("SELECT id FROM products WHERE price * 0.5 < $1", 200.5).size(),
              1U);
  });
}

TEST_P(TransactionOn, returning_gives_the_rows_that_were_touched) {
  database_.transaction([](Transaction& transaction) {
    if (transaction.dialect() == Dialect::mariadb) {  // Has it for INSERT and DELETE alone.
      const Rows rows = transaction.execute(
          "INSERT INTO products (id, stock) VALUES ($1, $2) RETURNING id + stock", 9, 4);
      EXPECT_EQ(rows.at(0).integer(0), 13);
      return;
    }
    const Rows rows = transaction.execute(
        "UPDATE products SET stock = stock - $1 WHERE id = $2 AND stock >= $1 RETURNING stock", 2,
        7);
    ASSERT_EQ(rows.size(), 1U);
    EXPECT_EQ(rows[0].integer(0), 1);
    EXPECT_TRUE(transaction
                    .execute("UPDATE products SET stock = stock - $1 WHERE id = $2 AND stock >= $1 "
                             "RETURNING stock",
                             2, 7)
                    .empty());
  });
}

TEST_P(TransactionOn, what_the_database_refuses_is_an_error_with_its_words) {
  const Error error = refused([](Transaction& transaction) {
    transaction.execute("UPDATE products SET stock = stock - 4 WHERE id = 7");
  });
  EXPECT_EQ(error.kind(), ErrorKind::failed);
  EXPECT_THAT(error.what(), ::testing::ContainsRegex("[Cc][Hh][Ee][Cc][Kk]|CONSTRAINT"));
  EXPECT_FALSE(error.in_doubt());
}

TEST_P(TransactionOn, a_table_that_is_not_there_brings_no_advice_about_the_relay) {
  const Error error =
      refused([](Transaction& transaction) { transaction.execute("SELECT * FROM no_such"); });
  EXPECT_EQ(error.kind(), ErrorKind::failed);
  EXPECT_THAT(error.what(), HasSubstr("no_such"));
  EXPECT_THAT(error.what(), ::testing::Not(HasSubstr("outbox.table")));
}

TEST_P(TransactionOn, commit_and_rollback_are_refused_and_the_transaction_is_undone) {
  const Error error = refused([](Transaction& transaction) {
    transaction.execute("DELETE FROM products");
    transaction.execute("COMMIT");
  });
  EXPECT_EQ(error.kind(), ErrorKind::usage);
  EXPECT_EQ(value(database_, "SELECT count(*) FROM products"), "2");
}

TEST_P(TransactionOn, several_statements_in_one_call_are_refused) {
  EXPECT_EQ(refused([](Transaction& transaction) {
              transaction.execute("SELECT 1; DELETE FROM products");
            }).kind(),
            ErrorKind::failed);
  EXPECT_EQ(value(database_, "SELECT count(*) FROM products"), "2");
}

TEST_P(TransactionOn, parameters_that_do_not_fit_the_placeholders_are_refused) {
  for (const auto& work : std::vector<std::function<void(Transaction&)>>{
           [](Transaction& t) { t.execute("SELECT id FROM products WHERE id = $1"); },
           [](Transaction& t) { t.execute("SELECT id FROM products WHERE id = $2", 1); },
           [](Transaction& t) { t.execute("SELECT id FROM products WHERE id = $1", 1, 2); },
           [](Transaction& t) {
             t.execute("SELECT id FROM products WHERE name = $1", std::string("a\0b", 3));
           }}) {
    EXPECT_THROW(database_.transaction(work), Error);
  }
}

TEST_P(TransactionOn, savepoints_undo_a_part) {
  database_.transaction([](Transaction& transaction) {
    transaction.execute("SAVEPOINT part");
    EXPECT_THROW(transaction.execute("UPDATE products SET stock = -1"), Error);
    transaction.execute("ROLLBACK TO part");
    transaction.execute("UPDATE products SET stock = 9 WHERE id = $1", 7);
  });
  EXPECT_EQ(value(database_, "SELECT stock FROM products WHERE id = 7"), "9");
}

TEST_P(TransactionOn, events_are_written_in_their_order_with_all_they_say) {
  Event full = event("7", R"({"price": 19.90})");
  full.key = "shop-7";
  full.topic = "product.events";
  full.headers = {{"traceparent", "00-1"}};
  std::vector<Event> events(3, event("x"));
  for (std::size_t i = 0; i < events.size(); ++i)
    events[i].aggregate_id = std::to_string(i);
  std::vector<Uuid> ids;
  database_.transaction([&](Transaction& transaction) {
    ids.push_back(transaction.publish(full));
    for (const Uuid& id : transaction.publish(events))
      ids.push_back(id);
    EXPECT_TRUE(transaction.publish(std::span<const Event>()).empty());
  });
  const Rows rows = database_.transaction([](Transaction& transaction) {
    return transaction.execute(
        "SELECT event_id, aggregate_id, event_key, topic, headers, payload, status "
        "FROM outbox_events ORDER BY id");
  });
  ASSERT_EQ(rows.size(), 4U);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(rows[i].text(0), to_string(ids[i]));
    EXPECT_EQ(rows[i].text(6), "PENDING");
  }
  EXPECT_EQ(rows[0].text(2), "shop-7");
  EXPECT_EQ(rows[0].text(3), "product.events");
  EXPECT_EQ(rows[0].text(4), R"({"traceparent":"00-1"})");
  EXPECT_EQ(rows[0].text(5), R"({"price": 19.90})");
  EXPECT_EQ(rows[3].text(1), "2");
  EXPECT_TRUE(rows[3].is_null(2));
  EXPECT_TRUE(rows[3].is_null(3));
}

TEST_P(TransactionOn, an_event_that_is_refused_leaves_the_transaction_usable) {
  database_.transaction([](Transaction& transaction) {
    EXPECT_THROW(transaction.publish(event("7", "{")), Error);
    transaction.execute("UPDATE products SET stock = 5 WHERE id = 7");
  });
  EXPECT_EQ(value(database_, "SELECT stock FROM products WHERE id = 7"), "5");
}

TEST_P(TransactionOn, an_error_that_is_kept_quiet_is_no_commit_on_postgres) {
  const auto work = [](Transaction& transaction) {
    transaction.execute("UPDATE products SET stock = 5 WHERE id = 7");
    EXPECT_THROW(transaction.execute("SELECT * FROM no_such"), Error);
  };
  if (GetParam() == Dialect::postgres) {
    EXPECT_EQ(refused(work).kind(), ErrorKind::failed);
    EXPECT_EQ(value(database_, "SELECT stock FROM products WHERE id = 7"), "3");
  } else {
    database_.transaction(work);
    EXPECT_EQ(value(database_, "SELECT stock FROM products WHERE id = 7"), "5");
  }
}

TEST_P(TransactionOn, gives_the_connection_of_its_own_driver_alone) {
  database_.transaction([&](Transaction& transaction) {
    const bool is_postgres = GetParam() == Dialect::postgres;
    EXPECT_EQ(transaction.dialect(), GetParam());
    EXPECT_EQ(transaction.postgres() != nullptr, is_postgres);
    EXPECT_EQ(transaction.sqlite() != nullptr, GetParam() == Dialect::sqlite);
    EXPECT_EQ(transaction.mariadb() != nullptr, GetParam() == Dialect::mariadb);
  });
}

TEST_P(TransactionOn, another_thread_than_its_own_is_refused) {
  database_.transaction([&](Transaction& transaction) {
    const auto elsewhere = [&](auto call) {
      return std::async(std::launch::async, [&] { return error_of(call).kind(); }).get();
    };
    EXPECT_EQ(elsewhere([&] { transaction.execute("SELECT 1"); }), ErrorKind::usage);
    EXPECT_EQ(elsewhere([&] { transaction.publish(event("1")); }), ErrorKind::usage);
    EXPECT_TRUE(std::async(std::launch::async, [&] {
                  return transaction.postgres() == nullptr && transaction.sqlite() == nullptr &&
                         transaction.mariadb() == nullptr;
                }).get());
    transaction.execute("UPDATE products SET stock = 9 WHERE id = 7");
  });
  EXPECT_EQ(value(database_, "SELECT stock FROM products WHERE id = 7"), "9");
}

class TransactionOnMariadb : public TransactionOn {};
INSTANTIATE_TEST_SUITE_P(Each, TransactionOnMariadb, ::testing::Values(Dialect::mariadb),
                         dialect_name);

TEST_P(TransactionOnMariadb, a_statement_that_would_commit_is_refused_and_all_is_undone) {
  const Error error = refused([](Transaction& transaction) {
    transaction.execute("DELETE FROM products");
    transaction.execute("CREATE TABLE made (id INT)");
  });
  EXPECT_EQ(error.kind(), ErrorKind::usage);
  EXPECT_EQ(value(database_, "SELECT count(*) FROM products"), "2");
}

TEST_P(TransactionOnMariadb, a_commit_that_would_leave_a_transaction_open_is_not_hidden_from_us) {
  for (const char* sql : {"EXECUTE IMMEDIATE 'COMMIT AND CHAIN'", "/*!COMMIT AND CHAIN*/",
                          "/*M!COMMIT AND CHAIN*/", "#\nCOMMIT AND CHAIN"}) {
    const Error error = refused([&](Transaction& transaction) {
      transaction.execute("DELETE FROM products");
      transaction.execute(sql);
    });
    EXPECT_EQ(error.kind(), ErrorKind::usage) << sql;
    EXPECT_EQ(value(database_, "SELECT count(*) FROM products"), "2") << sql;
  }
}

TEST_P(TransactionOnMariadb, one_that_commits_in_disguise_ends_the_transaction_with_an_error) {
  database_.script("CREATE PROCEDURE commit_unseen() COMMIT");
  const auto work = [](Transaction& transaction) {
    EXPECT_THROW(transaction.execute("CALL commit_unseen()"), Error);
    EXPECT_THROW(transaction.execute("DELETE FROM products"), Error);
    EXPECT_THROW(transaction.publish(event("1")), Error);
  };
  EXPECT_EQ(refused(work).kind(), ErrorKind::conflict);
  EXPECT_EQ(value(database_, "SELECT count(*) FROM products"), "2");
  EXPECT_EQ(value(database_, "SELECT count(*) FROM outbox_events"), "0");
}

TEST_P(TransactionOnMariadb, nothing_runs_by_itself_behind_a_deadlock_that_is_kept_quiet) {
  std::promise<void> first_locked;
  std::promise<void> second_locked;
  const auto update = [](Transaction& open, int id) {
    open.execute("UPDATE products SET stock = 9 WHERE id = $1", id);
  };
  auto other = std::async(std::launch::async, [&] {
    database_.transaction([&](Transaction& open) {
      update(open, 8);
      // More changes, so that the other one is the victim.
      open.execute("INSERT INTO products (id) VALUES (20), (21), (22), (23)");
      second_locked.set_value();
      first_locked.get_future().wait();
      update(open, 7);
    });
  });
  const Error error = refused([&](Transaction& open) {
    second_locked.get_future().wait();
    update(open, 7);
    first_locked.set_value();
    EXPECT_THROW(update(open, 8), Error);
    EXPECT_THROW(open.execute("INSERT INTO products (id) VALUES (30)"), Error);
    EXPECT_THROW(open.publish(event("1")), Error);
  });
  other.get();
  EXPECT_EQ(error.kind(), ErrorKind::conflict);
  EXPECT_EQ(value(database_, "SELECT count(*) FROM products WHERE id = 30"), "0");
  EXPECT_EQ(value(database_, "SELECT count(*) FROM outbox_events"), "0");
}

TEST_P(TransactionOn, one_that_is_over_is_refused) {
  Transaction* kept = nullptr;
  database_.transaction([&](Transaction& transaction) { kept = &transaction; });
  const Error error = error_of([&] { kept->execute("SELECT 1"); });
  EXPECT_EQ(error.kind(), ErrorKind::usage);
  EXPECT_THAT(error.what(), HasSubstr("over"));
  EXPECT_EQ(error_of([&] { kept->publish(event("1")); }).kind(), ErrorKind::usage);
}

TEST_P(TransactionOn, where_publishing_is_disabled_events_are_checked_and_not_written) {
  DatabaseOptions off = options();
  off.publish.enabled = false;
  Database database(off);
  database.transaction([](Transaction& transaction) {
    EXPECT_FALSE(transaction.publish(event("7")).is_nil());
    EXPECT_THROW(transaction.publish(event("")), Error);
  });
  EXPECT_EQ(value(database, "SELECT count(*) FROM outbox_events"), "0");
}

}  // namespace
}  // namespace outbox::testing
