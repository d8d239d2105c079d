// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite/table_sql.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "core/murmur2.hpp"
#include "store/sqlite/foreign.hpp"

namespace outbox::store::sqlite {

namespace {

// Word for word what the partial index says: only then does SQLite know that the index holds them
// all. OR and not IN, as in the migrations: a list of three builds a b-tree each time it is asked.
constexpr std::string_view unsettled =
    "(status = 'PENDING' OR status = 'PROCESSING' OR status = 'FAILED')";

std::string quoted(std::string_view text, char quote) {
  std::string out(1, quote);
  for (const char character : text) {
    if (character == quote) out += quote;
    out += character;
  }
  return out + quote;
}

TableSql native_sql(const TableShape& shape) {
  TableSql sql;
  const std::string table = quoted_identifier(shape.table);
  // Named, because the planner would rather walk the whole table by its primary key.
  const std::string from_unsettled =
      fmt::format("{} INDEXED BY {} WHERE {}", table,
                  quoted_identifier(derived_name(shape.table, "_unsettled")), unsettled);
  sql.read = fmt::format(
      "SELECT id, event_id, aggregate_type, aggregate_id, event_key, event_type, payload, "
      "payload_bytes, content_type, topic, headers, retry_count, "
      "CAST(round((julianday(created_at) - 2440587.5) * 86400000.0) AS INTEGER) * 1000, {} "
      "FROM {} AND id >= ?1 AND NOT outboxd_in_flight(id) AND "
      "outboxd_wanted(coalesce(event_key, aggregate_id), topic, aggregate_type, event_type) "
      "ORDER BY id",
      replay_sql(shape.table, "id"), from_unsettled);
  sql.publish_mark = fmt::format(
      "UPDATE {} SET status = 'PUBLISHED', published_at = ?1 "
      "WHERE id = ?2 AND {}",
      table, unsettled);
  sql.publish_remove = fmt::format("DELETE FROM {} WHERE id = ?1 AND {}", table, unsettled);
  sql.retry = fmt::format(
      "UPDATE {} SET status = 'FAILED', retry_count = retry_count + 1, next_attempt_at = ?1, "
      "error_message = ?2 WHERE id = ?3 AND {}",
      table, unsettled);
  sql.die = fmt::format(
      "UPDATE {} SET status = 'DEAD', error_message = ?1, "
      "next_attempt_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), "
      "retry_count = retry_count + ?3 WHERE id = ?2 AND {}",
      table, unsettled);
  // An absent identity takes the column's default, which a bound NULL would not.
  const auto insert_with = [&](std::string_view column, std::string_view value) {
    return fmt::format(
        "INSERT INTO {} (aggregate_type, aggregate_id, event_type, event_key, payload, "
        "payload_bytes, content_type, topic, headers{}) "
        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9{}) RETURNING id",
        table, column, value);
  };
  sql.insert = insert_with("", "");
  sql.insert_identified = insert_with(", event_id", ", ?10");
  sql.count_pending = fmt::format(
      "SELECT count(*), coalesce(sum(retry_count > 0), 0), "
      "max(CAST(round((julianday('now') - julianday(created_at)) * 86400000.0) AS INTEGER)) "
      "FROM (SELECT retry_count, created_at FROM {} ORDER BY id LIMIT ?1)",
      from_unsettled);
  sql.count_types = fmt::format(
      "SELECT aggregate_type, count(*) FROM (SELECT aggregate_type FROM {} AND "
      "aggregate_type NOT IN (SELECT value FROM json_each(?2)) ORDER BY id LIMIT ?1) "
      "GROUP BY aggregate_type ORDER BY count(*) DESC, aggregate_type LIMIT 100",
      from_unsettled);
  sql.count_dead = fmt::format(
      "SELECT count(*) FROM (SELECT 1 FROM {} INDEXED BY {} WHERE status = 'DEAD' LIMIT ?1)", table,
      quoted_identifier(derived_name(shape.table, "_dead")));
  return sql;
}

}  // namespace

std::string quoted_identifier(std::string_view name) {
  return quoted(name, '"');
}

std::string quoted_text(std::string_view text) {
  return quoted(text, '\'');
}

std::string derived_name(std::string_view table, std::string_view suffix) {
  return fmt::format("{}{}", table, suffix);
}

std::string replay_sql(std::string_view table, std::string_view id) {
  const std::string of_table =
      fmt::format("SELECT 1 FROM outboxd_replays WHERE outbox_table = {}", quoted_text(table));
  return fmt::format(
      "CASE WHEN EXISTS ({0}) THEN EXISTS ({0} AND row_id = CAST({1} AS TEXT)) "
      "ELSE 0 END",
      of_table, id);
}

Context::Context(const HomeOptions& home_options)
    : options(home_options),
      table_name(home_options.table.table),
      database(Database::of(home_options.url)) {
  if (!options.table.native) return;
  table_.emplace(Table{.shape = options.table, .sql = native_sql(options.table), .facts = {}});
}

const Table& Context::table(Connection& connection) const {
  if (options.table.native) return *table_;
  const std::lock_guard lock(mutex_);
  if (!table_) table_ = look_up_foreign(connection, options);
  return *table_;
}

RowId Context::row_id_of(std::string_view text) const {
  RowId id;
  if (options.table.id_type == IdType::bigint)
    std::from_chars(text.data(), text.data() + text.size(), id.number);
  else
    id.text = text;
  return id;
}

std::optional<std::string> read_meta(Connection& connection, const Context& context,
                                     std::string_view name) {
  Query query =
      connection.query("SELECT value FROM outboxd_meta WHERE outbox_table = ?1 AND name = ?2",
                       context.table_name, name);
  if (!query.step()) return std::nullopt;
  return std::string(query.text(0));
}

void write_meta(Connection& connection, const Context& context, std::string_view name,
                std::string_view value) {
  connection
      .query(
          "INSERT INTO outboxd_meta (outbox_table, name, value) VALUES (?1, ?2, ?3) "
          "ON CONFLICT (outbox_table, name) DO UPDATE SET value = excluded.value",
          context.table_name, name, value)
      .run();
}

namespace {

/// 0 where there is no such number.
int stored_number(Connection& connection, const Context& context, const char* name) {
  const auto text = read_meta(connection, context, name).value_or("");
  int number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

}  // namespace

int stored_generation(Connection& connection, const Context& context) {
  return std::max(1, stored_number(connection, context, "generation"));
}

int stored_slots(Connection& connection, const Context& context) {
  const int slots = stored_number(connection, context, "slots");
  if (slots <= 0) {
    throw Error(
        ErrorKind::not_found,
        fmt::format("outboxd_meta holds no count of slots for the table {}", context.table_name),
        "run `outboxd migrate`");
  }
  return slots;
}

int slot_of_key(std::string_view key, int slots) noexcept {
  // 256 buckets for ever, shared out over the slots (design, protocol 1).
  const auto bucket = static_cast<int>(murmur2(key) & 255U);
  return bucket % slots;
}

}  // namespace outbox::store::sqlite
