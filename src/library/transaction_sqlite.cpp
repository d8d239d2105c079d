// SPDX-License-Identifier: Apache-2.0
#include "library/transaction_sqlite.hpp"

#include <outbox/sqlite.hpp>

#include "library/statement_rules.hpp"
#include "store/sqlite/statement.hpp"

namespace outbox::library {

void SqliteTransaction::expect_open() const {
  if (store::sqlite::is_in_transaction(connection_)) return;
  throw Error(ErrorKind::failed, "SQLite rolled the transaction back after an error before",
              "run it again");
}

Rows SqliteTransaction::run(std::string_view sql, std::span<const Parameter> parameters) {
  refuse_transaction_end(sql);
  refuse_zero_bytes(parameters);
  expect_open();
  try {
    return store::sqlite::run_statement(connection_, sql, parameters);
  } catch (const store::sqlite::SqliteError& error) {
    if (!error.is_locked()) throw;
    throw Error(ErrorKind::conflict, error.what());
  }
}

Uuid SqliteTransaction::publish(const Event& event) {
  expect_open();
  return outbox::publish(connection_, event, publish_);
}

std::vector<Uuid> SqliteTransaction::publish(std::span<const Event> events) {
  expect_open();
  return outbox::publish(connection_, events, publish_);
}

}  // namespace outbox::library
