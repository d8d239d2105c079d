// SPDX-License-Identifier: Apache-2.0
//
// The one place that knows how an event becomes a row of an outbox table. It makes text and values;
// the caller runs them in its own transaction on its own connection, with whatever driver it has.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/table_shape.hpp"

namespace outbox::publishing {

/// What an event says. Texts are views: they must live until the statement has run.
struct EventFields {
  std::optional<std::string_view>
      event_id;  ///< A UUID; empty: the table's default, or a random one.
  std::string_view aggregate_type;
  std::string_view aggregate_id;
  std::string_view event_type;
  std::optional<std::string_view> key;  ///< Where it differs from aggregate_id.
  std::optional<std::string_view> payload;
  std::optional<std::string_view> payload_bytes;
  std::optional<std::string_view> content_type;
  std::optional<std::string_view> topic;
  std::optional<std::string_view> headers_json;
};

/// A parameter of the statement, in the order of its placeholders.
struct InsertValue {
  std::optional<std::string> text;  ///< Empty: NULL.
  bool bytes = false;               ///< Goes as bytes, not as text.
};

struct Insert {
  std::string sql;  ///< `INSERT … VALUES ($1, …)`, numbered from $1.
  std::string id;   ///< The id's column, quoted, for ` RETURNING `.
  std::vector<InsertValue> values;
};

struct InsertTarget {
  const TableShape& shape;
  std::string table;  ///< Quoted, with its schema.
  std::string now;    ///< SQL for the present time; needed for foreign tables alone.
  char quote = '"';   ///< Around identifiers.
};

/// Throws Error(usage) where the event says something that the table has no column for. A foreign
/// table's columns get the values that its own program would give them, since defaults often live
/// in an ORM and not in the table.
[[nodiscard]] Insert make_insert(const InsertTarget& target, const EventFields& event);

/// A column of the product's own table that an event fills, for statements over many events.
struct NativeColumn {
  std::string_view name;
  std::string_view type;  ///< PostgreSQL's name for it.
  std::optional<std::string_view> (*value)(const EventFields&);
};

[[nodiscard]] std::span<const NativeColumn> native_columns() noexcept;

/// Those that at least one of the events says something for: a server reads no NULLs for the rest.
[[nodiscard]] std::vector<NativeColumn> columns_of(std::span<const EventFields> events);

/// Their names with commas in between.
[[nodiscard]] std::string names_of(std::span<const NativeColumn> columns);

}  // namespace outbox::publishing
