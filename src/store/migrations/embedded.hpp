// SPDX-License-Identifier: Apache-2.0
//
// The migrations as they stand in the .sql files beside this header, compiled in by embed.cmake.
// A file whose first line is `-- only: native` makes tables of the product's own set; with a preset
// (a foreign table) it is left out; `-- only: daily partitions` is for `outbox.partitions: daily`,
// `-- only: lookup indexes` for `outbox.lookup-indexes: true`.
// Placeholders, filled in by the home: {schema} and {table} as
// quoted identifiers, {name:text} as an identifier made of the table's name and `text`, {slots} as
// a number, {outbox} as a literal with the table's name, {collation} as the name of one that
// compares by bytes.
#pragma once

#include <span>
#include <string_view>

namespace outbox::store {

struct EmbeddedMigration {
  int number = 0;
  std::string_view name;
  std::string_view checksum;  ///< SHA-256 of the file, 64 hex digits.
  std::string_view sql;

  [[nodiscard]] constexpr bool native_only() const { return sql.starts_with("-- only: native\n"); }
  /// `outbox.partitions: daily`; never for a foreign table.
  [[nodiscard]] constexpr bool daily_partitions_only() const {
    return sql.starts_with("-- only: daily partitions\n");
  }
  /// `outbox.lookup-indexes: true`; never for a foreign table.
  [[nodiscard]] constexpr bool lookup_indexes_only() const {
    return sql.starts_with("-- only: lookup indexes\n");
  }
};

[[nodiscard]] std::span<const EmbeddedMigration> postgres_migrations();
[[nodiscard]] std::span<const EmbeddedMigration> mariadb_migrations();
[[nodiscard]] std::span<const EmbeddedMigration> sqlite_migrations();

}  // namespace outbox::store
