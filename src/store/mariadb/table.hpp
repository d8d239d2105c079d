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
#include "store/mariadb/connection.hpp"
#include "store/mariadb/literal.hpp"
#include "store/replays.hpp"

namespace outbox::store::mariadb {

struct ColumnType {
  std::string type;                ///< `bigint`, `varchar`, `enum` … as the server names it.
  std::string charset;             ///< Empty for what is no text.
  std::size_t characters_max = 0;  ///< Of a text, such as always fit.
  bool is_json = false;            ///< By its type or by a CHECK.
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
  [[nodiscard]] std::string outbox_literal() const { return quote_text(shape_.table); }
  [[nodiscard]] std::string relay_literal() const { return quote_text(relay_name_); }

  [[nodiscard]] bool has(const TableColumns::Column& column) const { return column.has_value(); }
  [[nodiscard]] const ColumnType& type(const TableColumns::Column& column) const;
  /// `t.`column``; the alias of the table is `t` in every statement.
  [[nodiscard]] static std::string column(const TableColumns::Column& column);
  /// The column as a text of the session's character set.
  [[nodiscard]] std::string as_text(const TableColumns::Column& column) const;
  /// What compares by bytes with literals of quote_bytes; `text` is of the session's set.
  [[nodiscard]] static std::string as_bytes(std::string_view text);

  [[nodiscard]] bool number_ids() const { return shape_.id_type == IdType::bigint; }
  [[nodiscard]] std::string wire_key() const;
  [[nodiscard]] std::string bucket() const;
  [[nodiscard]] std::string order_by() const;
  /// The table for statements that go through the unsettled rows in order: with its index, named
  /// because the planner does not know how few they are.
  [[nodiscard]] const std::string& in_order() const noexcept { return in_order_; }
  /// The table for statements on rows whose ids are given.
  [[nodiscard]] const std::string& by_id() const noexcept { return by_id_; }
  /// Rows that are not settled, in words that let the index of in_order() be used.
  [[nodiscard]] std::string unsettled() const;
  /// The same by the status itself.
  [[nodiscard]] std::string unsettled_by_status() const;
  [[nodiscard]] std::string dead() const;
  /// `AND …` for the share of this relay; empty where it takes all.
  [[nodiscard]] std::string share() const;
  [[nodiscard]] const std::string& retried_word() const;
  /// A literal later than all times of that column.
  [[nodiscard]] std::string for_ever(const TableColumns::Column& column) const;
  /// A text that fits into that column: cut to its length, in its character set.
  [[nodiscard]] std::string fitting(const TableColumns::Column& column,
                                    std::string_view text) const;
  /// Whether the row stands in outboxd_replays; 0 where that table is not made yet. The whole table
  /// is asked once a statement whether it has any row, and then for each row.
  [[nodiscard]] std::string replay() const;
  [[nodiscard]] bool has_replays() const noexcept { return has_replays_; }
  /// `, updated_at = …` where the table has that column.
  [[nodiscard]] std::string touch() const;
  /// Ids come from AUTO_INCREMENT.
  [[nodiscard]] bool counts_ids() const noexcept { return counts_ids_; }

 private:
  void look_up_columns(Connection& connection);
  void look_up_json(Connection& connection);
  void look_up_indexes(Connection& connection);
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
  std::string in_order_;
  std::string by_id_;
  bool has_open_state_ = false;
  bool counts_ids_ = false;
  bool has_replays_ = false;
  std::string_view own_collation_;  ///< Of our own tables.
};

/// The database's clock; every session's time zone is UTC.
inline constexpr std::string_view now_sql = "utc_timestamp(6)";

/// Milliseconds of `later` after `earlier`.
[[nodiscard]] std::string milliseconds_sql(std::string_view earlier, std::string_view later);
[[nodiscard]] std::string after_sql(std::chrono::milliseconds wait);

/// The database that a schema of the options stands for; that of the session where it is empty.
[[nodiscard]] std::string find_schema(Connection& connection, const std::string& schema);

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

}  // namespace outbox::store::mariadb
