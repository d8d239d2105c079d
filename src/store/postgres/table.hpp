// SPDX-License-Identifier: Apache-2.0
//
// The outbox table as the database really has it, and the pieces of SQL that depend on that.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.hpp"
#include "core/table_shape.hpp"
#include "store/home.hpp"
#include "store/postgres/connection.hpp"
#include "store/replays.hpp"

namespace outbox::store::postgres {

[[nodiscard]] std::string quote_identifier(std::string_view name);
[[nodiscard]] std::string quote_literal(std::string_view text);

struct ColumnType {
  std::uint32_t oid = 0;  ///< Of the base type, where the column's is a domain.
  std::string name;       ///< As it is written in a cast.
  std::string full_name;  ///< The same with its length, to which a cast cuts.
};

/// Built once a home. Immutable, so that all seams share it.
class Table {
 public:
  /// Looks the table up. Throws Error(not_found) naming the table or the columns that are missing,
  /// with `outboxd migrate` or the preset that fits what was found.
  static Table look_up(Connection& connection, const HomeOptions& options);

  [[nodiscard]] const TableShape& shape() const noexcept { return shape_; }
  [[nodiscard]] const std::string& schema() const noexcept { return schema_; }
  [[nodiscard]] const std::string& name() const noexcept { return quoted_; }
  /// One of our own tables beside it, e.g. own("slots").
  [[nodiscard]] std::string own(std::string_view name) const;
  /// `outbox_table = '…' AND relay_name = '…'`, the columns qualified by `alias`.
  [[nodiscard]] std::string mine(std::string_view alias) const;
  [[nodiscard]] std::string outbox_literal() const { return quote_literal(shape_.table); }
  [[nodiscard]] std::string relay_literal() const { return quote_literal(relay_name_); }

  [[nodiscard]] bool has(const TableColumns::Column& column) const;
  [[nodiscard]] const ColumnType& type(const TableColumns::Column& column) const;
  /// `t."column"`; the alias of the table is `t` in every statement.
  [[nodiscard]] static std::string column(const TableColumns::Column& column);
  /// The column as text; as it is where that is what it is anyway.
  [[nodiscard]] std::string as_text(const TableColumns::Column& column) const;

  [[nodiscard]] bool number_ids() const { return shape_.id_type == IdType::bigint; }
  [[nodiscard]] std::string id_array(std::string_view parameter) const;
  [[nodiscard]] std::string wire_key() const;
  [[nodiscard]] std::string bucket() const;
  [[nodiscard]] std::string order_by() const;
  /// The rows that are not settled, in words that let the partial index be used.
  [[nodiscard]] std::string unsettled() const;
  [[nodiscard]] std::string dead() const;
  /// `AND …` for the share of this relay; empty where it takes all.
  [[nodiscard]] std::string share() const;
  /// A status word in the column's own type.
  [[nodiscard]] std::string word(const std::string& status) const;
  [[nodiscard]] const std::string& retried_word() const;
  /// The database's clock in the type of that column (tables without a zone hold UTC).
  [[nodiscard]] std::string clock(const TableColumns::Column& column,
                                  std::string_view source = "clock_timestamp()") const;
  /// Whether the row stands in outboxd_replays; `false` where that table is not made yet. The whole
  /// table is asked once a statement whether it has any row, and then for each row.
  [[nodiscard]] std::string replay() const;
  [[nodiscard]] bool has_replays() const noexcept { return has_replays_; }
  /// `, "updated_at" = …` where the table has that column.
  [[nodiscard]] std::string touch() const;

  /// The sequence behind the id as a literal for pg_sequence_last_value, where ids come from it one
  /// by one: without a cache and in steps of one.
  [[nodiscard]] const std::optional<std::string>& sequence() const noexcept { return sequence_; }

 private:
  void look_up_columns(Connection& connection, std::uint32_t table);
  void look_up_sequence(Connection& connection);
  void look_up_replays(Connection& connection);
  void check_columns() const;
  void check_types() const;
  void check_capture(const HomeOptions& options) const;

  TableShape shape_;
  std::string schema_;
  std::string quoted_;
  std::string relay_name_;
  std::vector<std::string> aggregate_types_;
  std::map<std::string, ColumnType> types_;
  std::optional<std::string> sequence_;
  bool has_replays_ = false;
};

/// What the seams of one home share.
class Shared {
 public:
  explicit Shared(HomeOptions options) : options_(std::move(options)) {}

  [[nodiscard]] const HomeOptions& options() const noexcept { return options_; }
  [[nodiscard]] ConnectionOptions connection_options(std::string role) const;
  /// The table, looked up by the first caller, and again while it is without outboxd_replays.
  std::shared_ptr<const Table> table(Connection& connection);
  /// The table may have got outboxd_replays since it was looked up: a relay that runs while it is
  /// made marks replays soon afterwards.
  [[nodiscard]] bool is_due(const Table& table);
  [[nodiscard]] ReplaysRead& replays() noexcept { return replays_; }

 private:
  const HomeOptions options_;
  std::mutex mutex_;
  std::shared_ptr<const Table> table_;
  Moment next_look_{};
  ReplaysRead replays_;
};

}  // namespace outbox::store::postgres
