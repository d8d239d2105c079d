// SPDX-License-Identifier: Apache-2.0
#include "library/transaction_mariadb.hpp"

#include <outbox/mariadb.hpp>

#include "library/statement_rules.hpp"
#include "store/mariadb/statement.hpp"

namespace outbox::library {

Error error_for_users(const store::mariadb::SqlError& error) {
  std::string what = error.what();
  if (!error.hint().empty()) what.resize(what.size() - error.hint().size() - 2);
  const auto made = [&]() -> Error {
    if (error.may_run_again()) return {ErrorKind::conflict, what, "run the transaction again"};
    if (error.is_lost()) return {ErrorKind::unreachable, what, "run the transaction again"};
    return {ErrorKind::failed, what};
  }();
  return error.in_doubt() ? made.doubted() : made;
}

void MariadbTransaction::expect_open() {
  st_mysql* const connection = session_.native();
  if (connection == nullptr) {
    throw Error(ErrorKind::unreachable, "MariaDB: the connection broke within the transaction",
                "it was rolled back; run it again");
  }
  if (!rolled_back_ && store::mariadb::is_in_transaction(connection)) return;
  rolled_back_ = true;
  throw Error(ErrorKind::conflict, "MariaDB rolled the transaction back after an error before",
              "run it again");
}

Rows MariadbTransaction::run(std::string_view sql, std::span<const Parameter> parameters) {
  refuse_transaction_end(sql);
  refuse_implicit_commit(sql);
  refuse_zero_bytes(parameters);
  expect_open();
  Rows rows;
  try {
    rows = store::mariadb::run_statement(session_.native(), sql, parameters);
  } catch (const store::mariadb::SqlError& error) {
    if (error.is_lost()) session_.lost();
    throw error_for_users(error);
  }
  if (!store::mariadb::is_in_transaction(session_.native())) {
    rolled_back_ = true;
    throw Error(ErrorKind::usage, "the statement has committed the transaction by itself",
                "run what changes the schema by Database::script, apart from transactions");
  }
  return rows;
}

Uuid MariadbTransaction::publish(const Event& event) {
  return publish(std::span(&event, 1)).front();
}

std::vector<Uuid> MariadbTransaction::publish(std::span<const Event> events) {
  expect_open();
  try {
    return outbox::publish(session_.native(), events, publish_);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::unreachable) session_.lost();
    throw;
  }
}

}  // namespace outbox::library
