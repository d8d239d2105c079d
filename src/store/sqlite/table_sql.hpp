// SPDX-License-Identifier: Apache-2.0
//
// The statements on the outbox table, built once from quoted identifiers.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "store/home.hpp"
#include "store/sqlite/database.hpp"

namespace outbox::store::sqlite {

/// `name` as an SQL identifier, `text` as an SQL literal.
[[nodiscard]] std::string quoted_identifier(std::string_view name);
[[nodiscard]] std::string quoted_text(std::string_view text);

/// The name of an index or the like that belongs to the table.
[[nodiscard]] std::string derived_name(std::string_view table, std::string_view suffix);

struct TableSql {
  explicit TableSql(const TableShape& shape);

  std::string read;  ///< ?1: the least id. Asks outboxd_wanted() of each row before its payload.
  std::string publish_mark;       ///< ?1: time, ?2: id.
  std::string publish_remove;     ///< ?1: id.
  std::string retry;              ///< ?1: time of the next attempt, ?2: reason, ?3: id.
  std::string die;                ///< ?1: reason, ?2: id, ?3: attempts made.
  std::string insert;             ///< ?1 to ?9 as in NewEvent without its identity; returns the id.
  std::string insert_identified;  ///< The same with the identity as ?10.
  std::string
      count_pending;        ///< ?1: most rows to look at. Also those retrying, and the oldest age.
  std::string count_types;  ///< ?1: most rows to look at.
  std::string count_dead;   ///< ?1: most rows to count.
};

/// What every object of one home has in common.
struct Context {
  explicit Context(const HomeOptions& home_options);

  HomeOptions options;
  std::string table_name;  ///< As it stands in the column `outbox_table` of our own tables.
  TableSql sql;
  std::shared_ptr<Database> database;

  [[nodiscard]] Turn write(Access access = Access::write) const {
    return database->write(options.statement_timeout, access);
  }
};

/// A value of outboxd_meta.
[[nodiscard]] std::optional<std::string> read_meta(Connection& connection, const Context& context,
                                                   std::string_view name);
void write_meta(Connection& connection, const Context& context, std::string_view name,
                std::string_view value);

/// The stored count of slots; Error(not_found) naming `outboxd migrate` where there is none.
[[nodiscard]] int stored_slots(Connection& connection, const Context& context);

/// A row's lease slot, by its wire key.
[[nodiscard]] int slot_of_key(std::string_view key, int slots) noexcept;

}  // namespace outbox::store::sqlite
