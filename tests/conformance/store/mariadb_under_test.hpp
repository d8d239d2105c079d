// SPDX-License-Identifier: Apache-2.0
//
// A MariaDB database of a case's own, on the server that the run started.
#pragma once

#include <string>

#include "conformance/store/store_under_test.hpp"
#include "store/mariadb/connection.hpp"

namespace outbox::testing {

/// A database with a name that no other case has; dropped at the end. Used by the integration tests
/// too.
class MariadbDatabase {
 public:
  MariadbDatabase();
  ~MariadbDatabase();
  MariadbDatabase(const MariadbDatabase&) = delete;
  MariadbDatabase& operator=(const MariadbDatabase&) = delete;

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] std::string url() const;
  void execute(const std::string& sql);
  /// The first column of the first row as text; nothing where there is no row or it is NULL.
  [[nodiscard]] std::optional<std::string> value(const std::string& sql);
  store::mariadb::Connection& connection() { return connection_; }

 private:
  std::string name_;
  store::mariadb::Connection connection_;
};

class MariadbUnderTest final : public StoreUnderTest {
 public:
  MariadbUnderTest();

  store::HomeOptions options() override;
  store::Home open(const store::HomeOptions& options) override;
  std::optional<RowFacts> row(const std::string& id) override;
  void pass_time(std::chrono::milliseconds duration) override;
  void execute(const std::string& sql) override { database_.execute(sql); }
  std::optional<std::string> value(const std::string& sql) override { return database_.value(sql); }
  std::unique_ptr<OpenWriter> open_writer() override;
  std::shared_ptr<void> lock_table(const std::string& name) override;
  void forge_checksum(int number) override;
  void enter_unknown_migration(int number) override;

 private:
  MariadbDatabase database_;
};

}  // namespace outbox::testing
