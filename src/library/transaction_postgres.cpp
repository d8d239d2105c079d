// SPDX-License-Identifier: Apache-2.0
#include "library/transaction_postgres.hpp"

#include <outbox/postgres.hpp>

#include "library/statement_rules.hpp"

namespace outbox::library {

Error error_for_users(const store::postgres::SqlError& error) {
  std::string what = error.what();
  if (!error.hint().empty()) what.resize(what.size() - error.hint().size() - 2);
  const std::string& sqlstate = error.sqlstate();
  if (sqlstate == "40001" || sqlstate == "40P01" || sqlstate == "55P03") {
    return {ErrorKind::conflict, what, "run the transaction again"};
  }
  // Its time-out or its memory: the same statement would end the same way again.
  const bool its_own = sqlstate == "57014" || sqlstate == "53200" || sqlstate == "53400";
  if (error.kind() != ErrorKind::unreachable || its_own) return {ErrorKind::failed, what};
  return {ErrorKind::unreachable, what, "run the transaction again"};
}

Rows PostgresTransaction::run(std::string_view sql, std::span<const Parameter> parameters) {
  refuse_transaction_end(sql);
  refuse_zero_bytes(parameters);
  std::vector<std::optional<std::string>> texts;
  texts.reserve(parameters.size());
  for (const Parameter& parameter : parameters)
    texts.push_back(parameter.text());
  try {
    Rows rows;
    for (auto& values : session_.execute(sql, texts))
      rows.emplace_back(std::move(values));
    return rows;
  } catch (const store::postgres::SqlError& error) {
    throw error_for_users(error);
  }
}

pg_conn* PostgresTransaction::open_connection() {
  pg_conn* const connection = session_.native();
  if (connection != nullptr) return connection;
  throw Error(ErrorKind::unreachable, "PostgreSQL: the connection broke within the transaction",
              "it was rolled back; run it again");
}

Uuid PostgresTransaction::publish(const Event& event) {
  return outbox::publish(open_connection(), event, publish_);
}

std::vector<Uuid> PostgresTransaction::publish(std::span<const Event> events) {
  return outbox::publish(open_connection(), events, publish_);
}

}  // namespace outbox::library
