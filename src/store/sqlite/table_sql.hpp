// SPDX-License-Identifier: Apache-2.0
//
// The statements on the outbox table, built once from quoted identifiers.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "store/home.hpp"
#include "store/replays.hpp"
#include "store/sqlite/database.hpp"

namespace outbox::store::sqlite {

/// `name` as an SQL identifier, `text` as an SQL literal.
[[nodiscard]] std::string quoted_identifier(std::string_view name);
[[nodiscard]] std::string quoted_text(std::string_view text);

/// The name of an index or the like that belongs to the table.
[[nodiscard]] std::string derived_name(std::string_view table, std::string_view suffix);

struct TableSql {
  /// Asks outboxd_wanted() of each row before its payload. The product's own table: ?1 is the least
  /// id. A mapped one: ?1 is the most rows, and behind the columns come max_retries and version.
  std::string read;
  std::string read_on;  ///< Of a mapped table whose ids ascend: also ?2, the least id. Or empty.
  std::string publish_mark;    ///< ?1: time, ?2: id.
  std::string publish_remove;  ///< ?1: id.
  std::string retry;           ///< ?1: time of the next attempt, ?2: reason, ?3: id.
  std::string die;             ///< ?1: reason, ?2: id, ?3: attempts made.
  /// ?1 to ?9 as in NewEvent without its identity; returns the id. A mapped table has none of both.
  std::string insert;
  std::string insert_identified;  ///< The same with the identity as ?10.
  std::string
      count_pending;        ///< ?1: most rows to look at. Also those retrying, and the oldest age.
  std::string count_types;  ///< ?1: most rows to look at, ?2: JSON array of types that are
                            ///< left out. Empty where rows have no types.
  std::string count_dead;   ///< ?1: most rows to count.
};

/// Of the product's own table, unless a look at a mapped one says otherwise.
struct TableFacts {
  bool counts_ids = true;   ///< AUTOINCREMENT: ids ascend, and none is given out twice.
  bool reuses_ids = false;  ///< A deleted newest row's id, and its event's identity, come again.
  bool has_rowid = true;
  bool aggregate_id_is_number = false;
};

/// The outbox table as the file really has it.
struct Table {
  TableShape shape;  ///< Without the optional columns that it has not.
  TableSql sql;
  TableFacts facts;

  [[nodiscard]] bool number_ids() const noexcept { return shape.id_type == IdType::bigint; }
};

/// Whether the row with this id stands in outboxd_replays: the whole table is asked once a
/// statement whether it has any row, and then for each row.
[[nodiscard]] std::string replay_sql(std::string_view table, std::string_view id);

/// What every object of one home has in common.
struct Context {
  explicit Context(const HomeOptions& home_options);

  HomeOptions options;
  std::string table_name;  ///< As it stands in the column `outbox_table` of our own tables.
  std::shared_ptr<Database> database;
  std::shared_ptr<ReplaysRead> replays = std::make_shared<ReplaysRead>();

  /// A mapped table is looked up by the first caller, which gets the errors of that.
  [[nodiscard]] const Table& table(Connection& connection) const;

  /// A row's id out of its text in our own tables.
  [[nodiscard]] RowId row_id_of(std::string_view text) const;

  [[nodiscard]] Turn write(Access access = Access::write) const {
    return database->write(options.statement_timeout, access);
  }

 private:
  mutable std::mutex mutex_;
  mutable std::optional<Table> table_;
};

/// A value of outboxd_meta.
[[nodiscard]] std::optional<std::string> read_meta(Connection& connection, const Context& context,
                                                   std::string_view name);
void write_meta(Connection& connection, const Context& context, std::string_view name,
                std::string_view value);

/// The stored count of slots; Error(not_found) naming `outboxd migrate` where there is none.
[[nodiscard]] int stored_slots(Connection& connection, const Context& context);
/// Of the number of slots; 1 where none is stored yet.
[[nodiscard]] int stored_generation(Connection& connection, const Context& context);

/// A row's lease slot, by its wire key.
[[nodiscard]] int slot_of_key(std::string_view key, int slots) noexcept;

}  // namespace outbox::store::sqlite
