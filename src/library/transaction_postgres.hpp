// SPDX-License-Identifier: Apache-2.0
//
// The public Transaction on a session of PostgreSQL that someone else opened and will end: a
// Database, or a consumer's inbox.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <outbox/publish.hpp>
#include <outbox/transaction.hpp>

#include "store/postgres/error.hpp"

namespace outbox::library {

/// What it needs of the session.
struct PostgresSession {
  /// As store::postgres::Connection::run_text and store::InboxTransaction::execute.
  std::function<std::vector<std::vector<std::optional<std::string>>>(
      std::string_view sql, std::span<const std::optional<std::string>> parameters)>
      execute;
  std::function<pg_conn*()> native;  ///< Null once the connection broke.
};

class PostgresTransaction final : public Transaction {
 public:
  PostgresTransaction(PostgresSession session, PublishOptions publish)
      : session_(std::move(session)), publish_(std::move(publish)) {}

  Rows run(std::string_view sql, std::span<const Parameter> parameters) override;
  Uuid publish(const Event& event) override;
  std::vector<Uuid> publish(std::span<const Event> events) override;
  [[nodiscard]] Dialect dialect() const noexcept override { return Dialect::postgres; }
  [[nodiscard]] pg_conn* postgres() noexcept override { return session_.native(); }

 private:
  [[nodiscard]] pg_conn* open_connection();

  PostgresSession session_;
  PublishOptions publish_;
};

/// What a code of the server's means for someone else's SQL: its own kinds, without the hints that
/// are for the relay's settings.
[[nodiscard]] Error error_for_users(const store::postgres::SqlError& error);

}  // namespace outbox::library
