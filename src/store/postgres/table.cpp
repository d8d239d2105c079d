// SPDX-License-Identifier: Apache-2.0
#include "store/postgres/table.hpp"

#include <algorithm>
#include <initializer_list>
#include <set>
#include <utility>

#include <fmt/format.h>

namespace outbox::store::postgres {
namespace {

constexpr std::string_view looking_up = "looking up the outbox table";

constexpr std::string_view find_table_sql =
    "SELECT c.oid::pg_catalog.int8, n.nspname::pg_catalog.text, c.relkind::pg_catalog.text "
    "FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
    "WHERE c.oid = pg_catalog.to_regclass($1)";

constexpr std::string_view find_columns_sql =
    "SELECT a.attname::pg_catalog.text, "
    "(CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END)::pg_catalog.int8, "
    "pg_catalog.format_type(t.oid, NULL), "
    "pg_catalog.format_type(a.atttypid, a.atttypmod) "
    "FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid "
    "WHERE a.attrelid = $1::pg_catalog.oid AND a.attnum > 0 AND NOT a.attisdropped";

constexpr std::string_view find_sequence_sql =
    "SELECT s.seqrelid::pg_catalog.regclass::pg_catalog.text FROM pg_catalog.pg_sequence s "
    "WHERE s.seqrelid = pg_catalog.pg_get_serial_sequence($1, $2)::pg_catalog.regclass "
    "AND s.seqcache = 1 AND s.seqincrement = 1 AND NOT s.seqcycle "
    "AND pg_catalog.has_sequence_privilege(s.seqrelid, 'SELECT, USAGE')";

using Types = std::map<std::string, ColumnType>;

// Which document's table this is, by columns that only that one has.
std::string_view preset_of(const Types& types) {
  const auto has = [&types](std::initializer_list<const char*> names) {
    return std::all_of(names.begin(), names.end(),
                       [&types](const char* name) { return types.contains(name); });
  };
  if (has({"event_data", "max_retries"})) return "trading";
  if (has({"event_data", "processed_at"})) return "framework";
  if (has({"partition_key", "event_type", "payload"})) return "commerce";
  if (has({"event_id", "event_key", "bucket"})) return "";
  if (has({"locked_by", "next_attempt_at", "error_message"})) return "shop";
  if (has({"locked_by", "next_attempt_at"})) return "publisher";
  return "";
}

bool one_of(std::uint32_t oid, std::initializer_list<std::uint32_t> accepted) {
  return std::find(accepted.begin(), accepted.end(), oid) != accepted.end();
}

bool is_integer(std::uint32_t oid) {
  return one_of(oid, {oid_int2, oid_int4, oid_int8});
}
bool is_text(std::uint32_t oid) {
  return one_of(oid, {oid_text, oid_varchar, oid_bpchar});
}
bool is_time(std::uint32_t oid) {
  return one_of(oid, {oid_timestamp, oid_timestamptz});
}
bool is_document(std::uint32_t oid) {
  return is_text(oid) || one_of(oid, {oid_json, oid_jsonb});
}
bool is_payload(std::uint32_t oid) {
  return is_document(oid) || oid == oid_bytea;
}
bool is_event_id(std::uint32_t oid) {
  return is_text(oid) || oid == oid_uuid;
}

struct TypeRule {
  TableColumns::Column TableColumns::*member;
  bool (*accepts)(std::uint32_t);
  const char* wanted;
};

constexpr TypeRule type_rules[] = {
    {&TableColumns::event_id, is_event_id, "uuid or text"},
    {&TableColumns::payload, is_payload, "json, jsonb, text or bytea"},
    {&TableColumns::payload_bytes, [](std::uint32_t oid) { return oid == oid_bytea; }, "bytea"},
    {&TableColumns::headers, is_document, "json, jsonb or text"},
    {&TableColumns::bucket, is_integer, "an integer"},
    {&TableColumns::retry_count, is_integer, "an integer"},
    {&TableColumns::max_retries, is_integer, "an integer"},
    {&TableColumns::version, is_integer, "an integer"},
    {&TableColumns::locked_by, is_text, "text"},
    {&TableColumns::error_message, is_text, "text"},
    {&TableColumns::next_attempt_at, is_time, "timestamp or timestamptz"},
    {&TableColumns::locked_at, is_time, "timestamp or timestamptz"},
    {&TableColumns::created_at, is_time, "timestamp or timestamptz"},
    {&TableColumns::updated_at, is_time, "timestamp or timestamptz"},
    {&TableColumns::published_at, is_time, "timestamp or timestamptz"},
};

const char* id_type_word(IdType type) {
  switch (type) {
    case IdType::bigint:
      return "bigint";
    case IdType::uuid:
      return "uuid";
    case IdType::text:
      break;
  }
  return "text";
}

}  // namespace

Table Table::look_up(Connection& connection, const HomeOptions& options) {
  Table table;
  table.shape_ = options.table;
  table.relay_name_ = options.relay_name;
  table.aggregate_types_ = options.aggregate_types;
  const std::string& schema = table.shape_.schema;
  std::string name = quote_identifier(table.shape_.table);
  if (!schema.empty()) name = quote_identifier(schema) + "." + name;
  const Result found =
      connection.run(looking_up, find_table_sql, Parameters().text(name), Effect::reads);
  if (found.rows() == 0) {
    throw Error(ErrorKind::not_found, "PostgreSQL: there is no table " + name,
                table.shape_.native ? "run `outboxd migrate`, or set outbox.table or outbox.preset"
                                    : "set outbox.table to the table of that preset");
  }
  const std::string kind = found.text(0, 2);
  if (kind != "r" && kind != "p") {
    throw Error(ErrorKind::configuration, "PostgreSQL: " + name + " is no table",
                "set outbox.table to the table itself");
  }
  table.schema_ = found.text(0, 1);
  table.quoted_ = quote_identifier(table.schema_) + "." + quote_identifier(table.shape_.table);
  table.look_up_columns(connection, static_cast<std::uint32_t>(found.number(0, 0)));
  table.check_columns();
  table.check_types();
  table.check_capture(options);
  table.look_up_sequence(connection);
  table.look_up_replays(connection);
  return table;
}

void Table::look_up_columns(Connection& connection, std::uint32_t table) {
  const Result found =
      connection.run(looking_up, find_columns_sql, Parameters().number(table), Effect::reads);
  std::set<std::string> names;
  for (int row = 0; row < found.rows(); ++row) {
    names.insert(found.text(row, 0));
    types_[found.text(row, 0)] = {.oid = static_cast<std::uint32_t>(found.number(row, 1)),
                                  .name = found.text(row, 2),
                                  .full_name = found.text(row, 3)};
  }
  shape_.drop_missing_optional_columns(names);
}

void Table::look_up_sequence(Connection& connection) {
  if (!number_ids()) return;
  const Result found =
      connection.run(looking_up, find_sequence_sql,
                     Parameters().text(quoted_).text(*shape_.columns.id), Effect::reads);
  if (found.rows() == 1) sequence_ = quote_literal(found.text(0, 0));
}

void Table::look_up_replays(Connection& connection) {
  // Rights of a time before this table must not keep the relay from reading its rows.
  const Result found =
      connection.run(looking_up,
                     "SELECT coalesce(has_table_privilege(found.id, 'SELECT') AND "
                     "has_table_privilege(found.id, 'DELETE'), false) "
                     "FROM (SELECT pg_catalog.to_regclass($1)::oid AS id) AS found",
                     Parameters().text(own("replays")), Effect::reads);
  has_replays_ = found.boolean(0, 0);
}

void Table::check_columns() const {
  std::string missing;
  for (const std::string& name : shape_.column_names()) {
    if (types_.contains(name)) continue;
    missing += (missing.empty() ? "" : ", ") + name;
  }
  if (missing.empty()) return;
  const std::string_view preset = preset_of(types_);
  std::string hint = "set outbox.columns to the names that the table has";
  if (!shape_.native && !shape_.preset.empty()) {
    hint = fmt::format("outbox.preset {} asks for it: {}", shape_.preset, hint);
  } else if (!preset.empty()) {
    hint = fmt::format("it looks like a table for outbox.preset={}; otherwise {}", preset, hint);
  } else if (shape_.native) {
    hint = "run `outboxd migrate`, or " + hint;
  }
  throw Error(ErrorKind::not_found,
              fmt::format("PostgreSQL: the table {} has no column {}", quoted_, missing), hint);
}

void Table::check_types() const {
  const ColumnType& id = type(shape_.columns.id);
  const bool fits = shape_.id_type == IdType::bigint ? is_integer(id.oid)
                    : shape_.id_type == IdType::uuid ? id.oid == oid_uuid
                                                     : is_text(id.oid);
  if (!fits) {
    throw Error(ErrorKind::configuration,
                fmt::format("PostgreSQL: the column {} of {} is {} and not {}", *shape_.columns.id,
                            quoted_, id.name, id_type_word(shape_.id_type)),
                "set outbox.columns.id-type to bigint, uuid or text as the table has it");
  }
  for (const TypeRule& rule : type_rules) {
    const auto& column = shape_.columns.*rule.member;
    if (!has(column) || rule.accepts(type(column).oid)) continue;
    throw Error(ErrorKind::configuration,
                fmt::format("PostgreSQL: the column {} of {} is {}, which cannot be used there",
                            *column, quoted_, type(column).name),
                fmt::format("it has to be {}; see outbox.columns", rule.wanted));
  }
}

void Table::check_capture(const HomeOptions& options) const {
  if (options.capture == CaptureMode::row && !shape_.can_lock_rows()) {
    throw Error(ErrorKind::configuration,
                fmt::format("relay.capture=row: the table {} has no word for a row in work or no "
                            "columns for who holds it",
                            quoted_),
                "set relay.capture=lease");
  }
  if (!aggregate_types_.empty() && !has(shape_.columns.aggregate_type)) {
    throw Error(ErrorKind::configuration,
                fmt::format("relay.aggregate-types: the table {} has no such column", quoted_),
                "set outbox.columns.aggregate-type, or leave the filter out");
  }
}

ConnectionOptions Shared::connection_options(std::string role) const {
  // A heartbeat must not stand behind a lock until the lease it renews is gone.
  const auto patience = std::clamp(options_.lease_ttl / 4, std::chrono::milliseconds(250),
                                   std::chrono::milliseconds(5000));
  return {.url = options_.url,
          .role = std::move(role),
          .statement_timeout = options_.statement_timeout,
          .lock_timeout = patience};
}

std::shared_ptr<const Table> Shared::table(Connection& connection) {
  const std::scoped_lock lock(mutex_);
  const Moment now = BootClock::now();
  if (!table_ || (!table_->has_replays() && now >= next_look_)) {
    table_ = std::make_shared<const Table>(Table::look_up(connection, options_));
    next_look_ = now + replays_look_interval;
  }
  return table_;
}

bool Shared::is_due(const Table& table) {
  if (table.has_replays()) return false;
  const std::scoped_lock lock(mutex_);
  return BootClock::now() >= next_look_ || table_.get() != &table;
}

}  // namespace outbox::store::postgres
