// SPDX-License-Identifier: Apache-2.0
//
// A PostgreSQL schema of a case's own, on the server that the run started.
#pragma once

#include <string>

#include "conformance/store/store_under_test.hpp"
#include "store/postgres/connection.hpp"

namespace outbox::testing {

/// A schema with a name that no other case has, first in the search path of `url()`; dropped at the
/// end. Used by the integration tests too.
class PostgresSchema {
 public:
  PostgresSchema();
  ~PostgresSchema();
  PostgresSchema(const PostgresSchema&) = delete;
  PostgresSchema& operator=(const PostgresSchema&) = delete;

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] std::string url() const;
  void execute(const std::string& sql);
  /// The first column of the first row as text; nothing where there is no row or it is NULL.
  [[nodiscard]] std::optional<std::string> value(const std::string& sql);
  store::postgres::Connection& connection() { return connection_; }

 private:
  std::string name_;
  store::postgres::Connection connection_;
};

class PostgresUnderTest final : public StoreUnderTest {
 public:
  PostgresUnderTest();

  store::HomeOptions options() override;
  store::Home open(const store::HomeOptions& options) override;
  std::optional<RowFacts> row(const std::string& id) override;
  void pass_time(std::chrono::milliseconds duration) override;
  void execute(const std::string& sql) override { schema_.execute(sql); }
  std::optional<std::string> value(const std::string& sql) override { return schema_.value(sql); }
  std::unique_ptr<OpenWriter> open_writer() override;
  std::shared_ptr<void> lock_table(const std::string& name) override;
  void forge_checksum(int number) override;
  void enter_unknown_migration(int number) override;

 private:
  PostgresSchema schema_;
};

}  // namespace outbox::testing
