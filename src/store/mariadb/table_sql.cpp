// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <fmt/format.h>

#include "core/clean_text.hpp"
#include "store/mariadb/table.hpp"

namespace outbox::store::mariadb {

std::string milliseconds_sql(std::string_view earlier, std::string_view later) {
  return fmt::format("CAST(timestampdiff(MICROSECOND, {}, {}) DIV 1000 AS SIGNED)", earlier, later);
}

std::string after_sql(std::chrono::milliseconds wait) {
  return fmt::format("{} + INTERVAL {} MICROSECOND", now_sql,
                     std::chrono::microseconds(wait).count());
}

std::string Table::own(std::string_view name) const {
  return fmt::format("{}.outboxd_{}", quote_identifier(schema_), name);
}

std::string Table::mine(std::string_view alias) const {
  return fmt::format("{0}.outbox_table = {1} AND {0}.relay_name = {2}", alias, outbox_literal(),
                     relay_literal());
}

std::string Table::column(const TableColumns::Column& column) {
  return "t." + quote_identifier(*column);
}

std::string Table::as_text(const TableColumns::Column& name) const {
  const ColumnType& of = type(name);
  if (of.charset == "utf8mb4" || of.charset == "ascii") return column(name);
  if (!of.charset.empty()) return fmt::format("CONVERT({} USING utf8mb4)", column(name));
  const bool bytes = of.type.ends_with("blob") || of.type.ends_with("binary");
  return bytes ? column(name) : fmt::format("CAST({} AS CHAR)", column(name));
}

std::string Table::as_bytes(std::string_view text) {
  return fmt::format("CAST({} AS BINARY)", text);
}

std::string Table::wire_key() const {
  const TableColumns& columns = shape_.columns;
  const std::string first = has(columns.key) ? as_text(columns.key) : "";
  const std::string second = has(columns.aggregate_id) ? as_text(columns.aggregate_id) : "";
  if (first.empty()) return second;
  if (second.empty()) return first;
  return fmt::format("coalesce({}, {})", first, second);
}

std::string Table::bucket() const {
  if (has(shape_.columns.bucket)) return column(shape_.columns.bucket);
  // A row without a key belongs to bucket 0, so that it is read and dead-lettered with its reason.
  return fmt::format("coalesce(crc32({}) & 255, 0)", wire_key());
}

std::string Table::order_by() const {
  const std::string id = column(shape_.columns.id);
  if (shape_.order == RowOrder::id || !has(shape_.columns.created_at)) return id;
  return column(shape_.columns.created_at) + ", " + id;
}

std::string Table::unsettled() const {
  return has_open_state_ ? "t.open_state = 1" : unsettled_by_status();
}

std::string Table::unsettled_by_status() const {
  const StatusWords& words = shape_.status;
  const std::string status = column(shape_.columns.status);
  std::string live = quote_text(words.pending);
  bool failed_is_dead = false;
  for (const auto* word : {&words.processing, &words.failed, &words.retry}) {
    if (!*word) continue;
    if (**word == words.dead)
      failed_is_dead = shape_.dead_is_failed_for_ever();
    else
      live += ", " + quote_text(**word);
  }
  if (!failed_is_dead) return fmt::format("{} IN ({})", status, live);
  // The first half alone lets an index on the status be used.
  return fmt::format("({0} IN ({1}, {2}) AND ({0} IN ({1}) OR {3} IS NULL OR {3} < {4}))", status,
                     live, quote_text(words.dead), column(shape_.columns.next_attempt_at),
                     for_ever(shape_.columns.next_attempt_at));
}

std::string Table::dead() const {
  if (has_open_state_) return "t.open_state = 2";
  const std::string is_dead =
      fmt::format("{} = {}", column(shape_.columns.status), quote_text(shape_.status.dead));
  if (!shape_.dead_is_failed_for_ever()) return is_dead;
  return fmt::format("{} AND {} >= {}", is_dead, column(shape_.columns.next_attempt_at),
                     for_ever(shape_.columns.next_attempt_at));
}

std::string Table::share() const {
  if (aggregate_types_.empty()) return {};
  return fmt::format(" AND {} IN {}", as_bytes(as_text(shape_.columns.aggregate_type)),
                     quote_bytes_list(aggregate_types_));
}

const std::string& Table::retried_word() const {
  const auto& retried = shape_.retried_word();
  const bool means_dead = retried && *retried == shape_.status.dead;
  if (!retried || (means_dead && !shape_.dead_is_failed_for_ever())) return shape_.status.pending;
  return *retried;
}

std::string Table::for_ever(const TableColumns::Column& column) const {
  return type(column).type == "timestamp" ? "'2038-01-19 03:14:07'" : "'9999-12-31 23:59:59'";
}

std::string Table::fitting(const TableColumns::Column& column, std::string_view text) const {
  constexpr std::size_t always = 2000;  // B4
  const ColumnType& of = type(column);
  const std::size_t fits = of.characters_max == 0 ? always : std::min(of.characters_max, always);
  const std::string literal = quote_text(clean_text(text, fits));
  // What the column's set cannot say becomes a question mark, where an assignment would fail.
  if (of.charset.empty() || of.charset == "utf8mb4") return literal;
  return fmt::format("CONVERT({} USING {})", literal, of.charset);
}

std::string Table::replay() const {
  if (!has_replays_) return "0";
  const std::string of_table =
      fmt::format("SELECT 1 FROM {} r WHERE r.outbox_table = {}", own("replays"), outbox_literal());
  return fmt::format(
      "CASE WHEN EXISTS ({0}) THEN EXISTS ({0} AND r.row_id = CAST({1} AS CHAR) "
      "COLLATE {2}) ELSE 0 END",
      of_table, column(shape_.columns.id), own_collation_);
}

std::string Table::touch() const {
  if (!has(shape_.columns.updated_at)) return {};
  return fmt::format(", {} = {}", column(shape_.columns.updated_at), now_sql);
}

}  // namespace outbox::store::mariadb
