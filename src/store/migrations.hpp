// SPDX-License-Identifier: Apache-2.0
//
// Versioned schema changes, applied in order, each in a transaction, under one lock for the
// database (habits: store/leases.hpp).
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace outbox::store {

struct MigrationView {
  int number = 0;
  std::string name;
  std::string sql;  ///< As it would run (dry run); placeholders filled in.
  std::optional<std::string> applied_at;
};

class Migrations {
 public:
  virtual ~Migrations() = default;

  /// All known migrations in order. Throws Error(conflict) where an applied one has another
  /// checksum, or the database has a newer one than this program knows.
  virtual std::vector<MigrationView> status() = 0;

  /// Applies what is missing; returns what was applied. With a preset (a foreign table) only
  /// outboxd_* tables are made and nothing of the document's is touched.
  virtual std::vector<MigrationView> apply() = 0;
};

}  // namespace outbox::store
