// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "store/postgres/table.hpp"

namespace outbox::store::postgres {

std::string quote_identifier(std::string_view name) {
  std::string quoted = "\"";
  for (const char character : name) {
    if (character == '"') quoted += '"';
    quoted += character;
  }
  return quoted + '"';
}

std::string quote_literal(std::string_view text) {
  std::string quoted = text.find('\\') == std::string_view::npos ? "'" : "E'";
  for (const char character : text) {
    if (character == '\'' || character == '\\') quoted += character;
    quoted += character;
  }
  return quoted + '\'';
}

std::string Table::own(std::string_view name) const {
  return fmt::format("{}.outboxd_{}", quote_identifier(schema_), name);
}

std::string Table::mine(std::string_view alias) const {
  return fmt::format("{0}.outbox_table = {1} AND {0}.relay_name = {2}", alias, outbox_literal(),
                     relay_literal());
}

bool Table::has(const TableColumns::Column& column) const {
  return column.has_value();
}

const ColumnType& Table::type(const TableColumns::Column& column) const {
  return types_.at(*column);
}

std::string Table::column(const TableColumns::Column& column) {
  return "t." + quote_identifier(*column);
}

std::string Table::as_text(const TableColumns::Column& name) const {
  const std::uint32_t oid = type(name).oid;
  const bool plain = oid == oid_text || oid == oid_varchar || oid == oid_json;
  return column(name) + (plain ? "" : "::text");
}

std::string Table::id_array(std::string_view parameter) const {
  if (number_ids()) return fmt::format("{}::bigint[]", parameter);
  return fmt::format("{}::text[]::{}[]", parameter, type(shape_.columns.id).name);
}

std::string Table::wire_key() const {
  const TableColumns& columns = shape_.columns;
  std::string first = has(columns.key) ? as_text(columns.key) : "";
  std::string second = has(columns.aggregate_id) ? as_text(columns.aggregate_id) : "";
  if (first.empty()) return second;
  if (second.empty()) return first;
  return fmt::format("coalesce({}, {})", first, second);
}

std::string Table::bucket() const {
  if (has(shape_.columns.bucket)) return column(shape_.columns.bucket);
  // A row without a key belongs to bucket 0, so that it is read and dead-lettered with its reason.
  return fmt::format("coalesce(hashtextextended({} COLLATE \"C\", 0) & 255, 0)::smallint",
                     "(" + wire_key() + ")::text");
}

std::string Table::order_by() const {
  std::string id = column(shape_.columns.id);
  if (shape_.id_type == IdType::text) id += " COLLATE \"C\"";
  if (shape_.order == RowOrder::id || !has(shape_.columns.created_at)) return id;
  return column(shape_.columns.created_at) + ", " + id;
}

std::string Table::unsettled() const {
  const StatusWords& words = shape_.status;
  const std::string status = column(shape_.columns.status);
  std::string live = quote_literal(words.pending);
  bool failed_is_dead = false;
  for (const auto* word : {&words.processing, &words.failed, &words.retry}) {
    if (!*word) continue;
    if (**word == words.dead)
      failed_is_dead = shape_.dead_is_failed_for_ever();
    else
      live += ", " + quote_literal(**word);
  }
  if (!failed_is_dead) return fmt::format("{} IN ({})", status, live);
  // The first half alone lets an index on the status be used.
  return fmt::format("({0} IN ({1}, {2}) AND ({0} IN ({1}) OR {3} IS NULL OR {3} < 'infinity'))",
                     status, live, quote_literal(words.dead),
                     column(shape_.columns.next_attempt_at));
}

std::string Table::dead() const {
  const std::string is_dead =
      fmt::format("{} = {}", column(shape_.columns.status), quote_literal(shape_.status.dead));
  if (!shape_.dead_is_failed_for_ever()) return is_dead;
  return fmt::format("{} AND {} = 'infinity'", is_dead, column(shape_.columns.next_attempt_at));
}

std::string Table::share() const {
  if (aggregate_types_.empty()) return {};
  std::string words;
  for (const std::string& name : aggregate_types_) {
    words += (words.empty() ? "" : ", ") + quote_literal(name);
  }
  return fmt::format(" AND {} IN ({})", column(shape_.columns.aggregate_type), words);
}

std::string Table::word(const std::string& status) const {
  return fmt::format("{}::{}", quote_literal(status), type(shape_.columns.status).name);
}

const std::string& Table::retried_word() const {
  const auto& retried = shape_.retried_word();
  const bool means_dead = retried && *retried == shape_.status.dead;
  if (!retried || (means_dead && !shape_.dead_is_failed_for_ever())) return shape_.status.pending;
  return *retried;
}

std::string Table::clock(const TableColumns::Column& column, std::string_view source) const {
  if (type(column).oid == oid_timestamptz) return std::string(source);
  return fmt::format("(({}) AT TIME ZONE 'UTC')", source);
}

// A scalar and not EXISTS in the second place, which PostgreSQL would answer by hashing all replays
// for each read.
std::string Table::replay() const {
  if (!has_replays_) return "false";
  const std::string of_table =
      fmt::format("FROM {} r WHERE r.outbox_table = {}", own("replays"), outbox_literal());
  return fmt::format(
      "CASE WHEN (SELECT EXISTS (SELECT {0})) THEN coalesce((SELECT true {0} AND r.row_id = "
      "{1}::text), false) ELSE false END",
      of_table, column(shape_.columns.id));
}

std::string Table::touch() const {
  if (!has(shape_.columns.updated_at)) return {};
  return fmt::format(", {} = {}", quote_identifier(*shape_.columns.updated_at),
                     clock(shape_.columns.updated_at, "now()"));
}

}  // namespace outbox::store::postgres
