// SPDX-License-Identifier: Apache-2.0
#include "store/mariadb/table.hpp"

#include <algorithm>
#include <initializer_list>
#include <set>
#include <utility>

#include <fmt/format.h>

namespace outbox::store::mariadb {
namespace {

constexpr std::string_view looking_up = "looking up the outbox table";
constexpr std::string_view open_state = "open_state";
constexpr std::string_view open_index = "outboxd_open";

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

bool one_of(const ColumnType& type, std::initializer_list<std::string_view> accepted) {
  return std::find(accepted.begin(), accepted.end(), type.type) != accepted.end();
}

bool is_integer(const ColumnType& type) {
  return one_of(type, {"tinyint", "smallint", "mediumint", "int", "bigint"});
}
bool is_text(const ColumnType& type) {
  return one_of(type,
                {"char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum", "json"});
}
bool is_bytes(const ColumnType& type) {
  return one_of(type, {"binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob"});
}
bool is_time(const ColumnType& type) {
  return one_of(type, {"datetime", "timestamp"});
}
bool is_payload(const ColumnType& type) {
  return is_text(type) || is_bytes(type);
}
bool is_uuid(const ColumnType& type) {
  return one_of(type, {"char", "varchar", "uuid"});
}

struct TypeRule {
  TableColumns::Column TableColumns::*member;
  bool (*accepts)(const ColumnType&);
  const char* wanted;
};

constexpr TypeRule type_rules[] = {
    {&TableColumns::event_id, is_uuid, "char(36), varchar or uuid"},
    {&TableColumns::payload, is_payload, "a text, json or blob type"},
    {&TableColumns::payload_bytes, is_bytes, "a blob or binary type"},
    {&TableColumns::headers, is_text, "a text type or json"},
    {&TableColumns::bucket, is_integer, "an integer"},
    {&TableColumns::retry_count, is_integer, "an integer"},
    {&TableColumns::max_retries, is_integer, "an integer"},
    {&TableColumns::version, is_integer, "an integer"},
    {&TableColumns::status, is_text, "a text type or enum"},
    {&TableColumns::locked_by, is_text, "a text type"},
    {&TableColumns::error_message, is_text, "a text type"},
    {&TableColumns::next_attempt_at, is_time, "datetime or timestamp"},
    {&TableColumns::locked_at, is_time, "datetime or timestamp"},
    {&TableColumns::created_at, is_time, "datetime or timestamp"},
    {&TableColumns::updated_at, is_time, "datetime or timestamp"},
    {&TableColumns::published_at, is_time, "datetime or timestamp"},
};

const char* id_type_word(IdType type) {
  if (type == IdType::bigint) return "bigint";
  return type == IdType::uuid ? "uuid" : "text";
}

}  // namespace

std::string find_schema(Connection& connection, const std::string& schema) {
  if (!schema.empty()) return schema;
  Result found = connection.run(looking_up, "SELECT database()", Effect::reads);
  if (found.next() && !found.is_null(0)) return found.text(0);
  throw Error(ErrorKind::configuration, "database.url names no database",
              "write it as mariadb://user:password@host:3306/database");
}

Table Table::look_up(Connection& connection, const HomeOptions& options) {
  Table table;
  table.shape_ = options.table;
  table.relay_name_ = options.relay_name;
  table.aggregate_types_ = options.aggregate_types;
  table.schema_ = find_schema(connection, options.table.schema);
  table.quoted_ = quote_identifier(table.schema_) + "." + quote_identifier(table.shape_.table);
  Result found = connection.run(
      looking_up,
      fmt::format("SELECT table_type, engine, auto_increment FROM information_schema.tables "
                  "WHERE table_schema = {} AND table_name = {}",
                  quote_text(table.schema_), table.outbox_literal()),
      Effect::reads);
  if (!found.next()) {
    throw Error(ErrorKind::not_found, "MariaDB: there is no table " + table.quoted_,
                table.shape_.native ? "run `outboxd migrate`, or set outbox.table or outbox.preset"
                                    : "set outbox.table to the table of that preset");
  }
  if (found.bytes(0) != "BASE TABLE") {
    throw Error(ErrorKind::configuration, "MariaDB: " + table.quoted_ + " is no table",
                "set outbox.table to the table itself");
  }
  if (found.bytes(1) != "InnoDB") {
    throw Error(ErrorKind::configuration,
                fmt::format("MariaDB: the table {} is kept by {}, which has no transactions",
                            table.quoted_, found.text(1)),
                "ALTER TABLE … ENGINE = InnoDB");
  }
  table.counts_ids_ = table.number_ids() && !found.is_null(2);
  table.look_up_columns(connection);
  table.check_columns();
  table.look_up_json(connection);
  table.check_types();
  table.check_capture(options);
  table.look_up_indexes(connection);
  table.look_up_replays(connection);
  return table;
}

void Table::look_up_columns(Connection& connection) {
  Result found = connection.run(
      looking_up,
      fmt::format("SELECT column_name, data_type, coalesce(character_set_name, ''), "
                  "coalesce(character_maximum_length, 0) FROM information_schema.columns "
                  "WHERE table_schema = {} AND table_name = {}",
                  quote_text(schema_), outbox_literal()),
      Effect::reads);
  std::set<std::string> names;
  while (found.next()) {
    ColumnType type{.type = found.text(1),
                    .charset = found.text(2),
                    .characters_max = static_cast<std::size_t>(found.number(3)),
                    .is_json = found.bytes(1) == "json"};
    // Of a text type the length is one of bytes.
    if (type.type.ends_with("text")) type.characters_max /= 4;
    names.insert(found.text(0));
    types_[found.text(0)] = std::move(type);
  }
  shape_.drop_missing_optional_columns(names);
}

// MariaDB's json is longtext with a CHECK; whoever wrote longtext with that CHECK meant the same.
void Table::look_up_json(Connection& connection) {
  if (shape_.native) {
    types_[*shape_.columns.payload].is_json = true;
    return;
  }
  if (!connection.is_mariadb()) return;
  Result found =
      connection.run(looking_up,
                     fmt::format("SELECT check_clause FROM information_schema.check_constraints "
                                 "WHERE constraint_schema = {} AND table_name = {}",
                                 quote_text(schema_), outbox_literal()),
                     Effect::reads);
  while (found.next()) {
    for (auto& [name, type] : types_) {
      if (found.bytes(0) == fmt::format("json_valid({})", quote_identifier(name))) {
        type.is_json = true;
      }
    }
  }
}

void Table::look_up_indexes(Connection& connection) {
  Result found = connection.run(
      looking_up,
      fmt::format("SELECT index_name, column_name FROM information_schema.statistics "
                  "WHERE table_schema = {} AND table_name = {} AND seq_in_index = 1",
                  quote_text(schema_), outbox_literal()),
      Effect::reads);
  in_order_ = quoted_ + " t";
  by_id_ = in_order_;
  while (found.next()) {
    if (found.bytes(0) == "PRIMARY" && found.bytes(1) == *shape_.columns.id) {
      by_id_ = fmt::format("{} t FORCE INDEX (PRIMARY)", quoted_);
    }
    if (shape_.native && found.bytes(0) == open_index && found.bytes(1) == open_state) {
      has_open_state_ = true;
      in_order_ = fmt::format("{} t FORCE INDEX ({})", quoted_, open_index);
    }
  }
}

void Table::look_up_replays(Connection& connection) {
  const Result found = connection.run(
      looking_up,
      fmt::format("SELECT 1 FROM information_schema.tables WHERE table_schema = {} AND "
                  "table_name = 'outboxd_replays'",
                  quote_text(schema_)),
      Effect::reads);
  has_replays_ = found.rows() > 0;
  own_collation_ = connection.is_mariadb() ? "utf8mb4_nopad_bin" : "utf8mb4_0900_bin";
}

const ColumnType& Table::type(const TableColumns::Column& column) const {
  return types_.at(*column);
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
              fmt::format("MariaDB: the table {} has no column {}", quoted_, missing), hint);
}

void Table::check_types() const {
  const ColumnType& id = type(shape_.columns.id);
  const bool fits = shape_.id_type == IdType::bigint ? is_integer(id) : is_uuid(id);
  if (!fits) {
    throw Error(ErrorKind::configuration,
                fmt::format("MariaDB: the column {} of {} is {} and not {}", *shape_.columns.id,
                            quoted_, id.type, id_type_word(shape_.id_type)),
                "set outbox.columns.id-type to bigint, uuid or text as the table has it");
  }
  for (const TypeRule& rule : type_rules) {
    const auto& column = shape_.columns.*rule.member;
    if (!has(column) || rule.accepts(type(column))) continue;
    throw Error(ErrorKind::configuration,
                fmt::format("MariaDB: the column {} of {} is {}, which cannot be used there",
                            *column, quoted_, type(column).type),
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
  const auto patience = std::clamp(options_.lease_ttl / 4, std::chrono::milliseconds(1000),
                                   std::chrono::milliseconds(5000));
  return {.url = options_.url,
          .role = std::move(role),
          .database = {},
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

}  // namespace outbox::store::mariadb
