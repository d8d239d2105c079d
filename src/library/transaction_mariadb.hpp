// SPDX-License-Identifier: Apache-2.0
//
// The public Transaction on a session of MariaDB that someone else opened and will end: a Database,
// or a consumer's inbox.
#pragma once

#include <functional>
#include <vector>

#include <outbox/error.hpp>
#include <outbox/publish.hpp>
#include <outbox/transaction.hpp>

#include "store/mariadb/error.hpp"

namespace outbox::library {

/// What it needs of the session.
struct MariadbSession {
  std::function<st_mysql*()> native;  ///< Null once the connection broke.
  std::function<void()> lost;         ///< Called where it broke: close it.
};

class MariadbTransaction final : public Transaction {
 public:
  MariadbTransaction(MariadbSession session, PublishOptions publish)
      : session_(std::move(session)), publish_(std::move(publish)) {}

  Rows run(std::string_view sql, std::span<const Parameter> parameters) override;
  Uuid publish(const Event& event) override;
  std::vector<Uuid> publish(std::span<const Event> events) override;
  [[nodiscard]] Dialect dialect() const noexcept override { return Dialect::mariadb; }
  [[nodiscard]] st_mysql* mariadb() noexcept override { return session_.native(); }

  /// Throws Error(unreachable), Error(conflict) or Error(usage) where the server has no transaction
  /// open any more: what came then would be a transaction each.
  void expect_open();

 private:
  MariadbSession session_;
  PublishOptions publish_;
  bool rolled_back_ = false;
};

/// What a number of the server's means for someone else's SQL, without the hints that are for the
/// relay's settings.
[[nodiscard]] Error error_for_users(const store::mariadb::SqlError& error);

}  // namespace outbox::library
