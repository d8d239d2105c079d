// SPDX-License-Identifier: Apache-2.0
#include "publish/postgres_sql.hpp"

#include <algorithm>

#include <outbox/driver.hpp>
#include <outbox/error.hpp>

#include <fmt/format.h>

#include "publish/insert.hpp"

namespace outbox {
namespace {

using publishing::CheckedEvent;
using publishing::NativeColumn;

std::string hex_of(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text = "\\x";
  text.reserve(2 + 2 * bytes.size());
  for (const char byte : bytes) {
    text += digits[static_cast<unsigned char>(byte) >> 4U];
    text += digits[static_cast<unsigned char>(byte) & 0x0FU];
  }
  return text;
}

void append_element(std::string& array, std::string_view text) {
  array += '"';
  for (const char character : text) {
    if (character == '"' || character == '\\') array += '\\';
    array += character;
  }
  array += '"';
}

std::string array_of(std::span<const CheckedEvent> events, const NativeColumn& column) {
  std::string array = "{";
  for (const CheckedEvent& event : events) {
    if (array.size() > 1) array += ',';
    const auto value = column.value(event.fields());
    if (!value)
      array += "NULL";
    else if (column.type == "bytea")
      append_element(array, hex_of(*value));
    else
      append_element(array, *value);
  }
  return array + '}';
}

PostgresInsert insert_of_one(const CheckedEvent& event, const std::string& table) {
  static const TableShape shape;
  publishing::Insert made =
      publishing::make_insert({.shape = shape, .table = table, .now = {}}, event.fields());
  PostgresInsert insert;
  insert.sql = std::move(made.sql);
  for (publishing::InsertValue& value : made.values)
    insert.values.push_back(value.bytes ? hex_of(*value.text) : std::move(*value.text));
  return insert;
}

PostgresInsert insert_of_many(std::span<const CheckedEvent> events, const std::string& table) {
  PostgresInsert insert;
  insert.sql = publishing::postgres_bulk_sql(table);
  for (const NativeColumn& column : publishing::native_columns())
    insert.values.push_back(array_of(events, column));
  return insert;
}

ErrorKind kind_of(std::string_view sqlstate) {
  if (sqlstate.starts_with("08") || sqlstate.starts_with("57P")) return ErrorKind::unreachable;
  if (sqlstate == "42P01" || sqlstate == "42703" || sqlstate == "3F000") {
    return ErrorKind::not_found;
  }
  if (sqlstate == "40001" || sqlstate == "40P01" || sqlstate == "55P03") return ErrorKind::conflict;
  if (sqlstate == "25P02") return ErrorKind::usage;
  return ErrorKind::failed;
}

std::string hint_of(std::string_view sqlstate, ErrorKind kind) {
  if (kind == ErrorKind::not_found) {
    return "run `outboxd migrate`, or name the table in PublishOptions::table";
  }
  if (kind == ErrorKind::conflict) return "roll back and run the transaction again";
  if (kind == ErrorKind::usage) return "ROLLBACK: a statement of the transaction failed before";
  if (sqlstate == "42501") return "grant INSERT on the table";
  return {};
}

void append_literal(std::string& sql, std::string_view text) {
  sql += "E'";
  for (const char character : text) {
    if (character == '\'' || character == '\\') sql += character;
    sql += character;
  }
  sql += '\'';
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char byte) { return static_cast<unsigned char>(byte) < 0x80; });
}

}  // namespace

namespace publishing {

std::string postgres_bulk_sql(const std::string& table) {
  std::string names;
  std::string arrays;
  int number = 0;
  for (const NativeColumn& column : native_columns()) {
    names += (number == 0 ? "" : ", ") + std::string(column.name);
    arrays += fmt::format("{}${}::{}[]", number == 0 ? "" : ", ", number + 1, column.type);
    ++number;
  }
  return fmt::format(
      "INSERT INTO {0} ({1}) SELECT {1} FROM unnest({2}) WITH ORDINALITY AS event({1}, place) "
      "ORDER BY place",
      table, names, arrays);
}

void expect_encoding(std::string_view client_encoding, std::span<const CheckedEvent> events) {
  if (client_encoding == "UTF8" || client_encoding == "SQL_ASCII") return;
  for (const CheckedEvent& event : events) {
    const EventFields fields = event.fields();
    for (const NativeColumn& column : native_columns()) {
      if (column.type == "bytea" || is_ascii(column.value(fields).value_or(""))) continue;
      throw Error(ErrorKind::usage,
                  fmt::format("publish: {} is UTF-8 and the connection's client_encoding {}",
                              column.name, client_encoding),
                  "set client_encoding to UTF8");
    }
  }
}

}  // namespace publishing

std::string PostgresInsert::with_literals() const {
  std::string text;
  bool in_name = false;
  for (std::size_t at = 0; at < sql.size(); ++at) {
    const char character = sql[at];
    if (character == '"') in_name = !in_name;
    if (character != '$' || in_name) {
      text += character;
      continue;
    }
    std::size_t number = 0;
    for (; at + 1 < sql.size() && sql[at + 1] >= '0' && sql[at + 1] <= '9'; ++at)
      number = number * 10 + static_cast<std::size_t>(sql[at + 1] - '0');
    append_literal(text, values.at(number - 1));
  }
  return text;
}

PostgresInsert make_postgres_insert(std::span<const Event> events, const PublishOptions& options,
                                    std::string_view client_encoding) {
  const std::string table = publishing::quoted_table(options);
  const std::vector<CheckedEvent> checked = publishing::check(events, options);
  PostgresInsert insert;
  if (options.enabled && !checked.empty()) {
    publishing::expect_encoding(client_encoding, checked);
    insert = checked.size() == 1 ? insert_of_one(checked.front(), table)
                                 : insert_of_many(checked, table);
  }
  insert.event_ids = publishing::ids_of(checked);
  return insert;
}

Error make_postgres_error(std::string_view sqlstate, std::string_view text) {
  const ErrorKind kind = kind_of(sqlstate);
  return {kind,
          fmt::format("publish: PostgreSQL: {} [{}]", text.substr(0, text.find('\n')), sqlstate),
          hint_of(sqlstate, kind)};
}

}  // namespace outbox
