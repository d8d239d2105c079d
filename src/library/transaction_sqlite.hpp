// SPDX-License-Identifier: Apache-2.0
//
// The public Transaction on a connection to SQLite on which someone else opened a transaction and
// will end it: a Database, or a consumer's inbox.
#pragma once

#include <vector>

#include <outbox/publish.hpp>
#include <outbox/transaction.hpp>

namespace outbox::library {

class SqliteTransaction final : public Transaction {
 public:
  SqliteTransaction(sqlite3* connection, PublishOptions publish)
      : connection_(connection), publish_(std::move(publish)) {}

  Rows run(std::string_view sql, std::span<const Parameter> parameters) override;
  Uuid publish(const Event& event) override;
  std::vector<Uuid> publish(std::span<const Event> events) override;
  [[nodiscard]] Dialect dialect() const noexcept override { return Dialect::sqlite; }
  [[nodiscard]] sqlite3* sqlite() noexcept override { return connection_; }

 private:
  /// SQLite rolls back by itself after some errors; what came then would be a transaction each.
  void expect_open() const;

  sqlite3* connection_;
  PublishOptions publish_;
};

}  // namespace outbox::library
