// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace outbox {

// What a row's id is. A home checks it against the table's catalog at start and names
// `outbox.columns.id-type` where the two differ.
enum class IdType { bigint, uuid, text };

// What the first deliveries of one key follow. `created_at` is for tables whose ids carry no order:
// equal times then have no promised order, the id only makes the tie stable.
enum class RowOrder { id, created_at };

// The table's columns by what they mean to us. An absent one (nullopt) is one that the table does
// not have: nothing reads or writes it. The default is the product's own table.
//
// `id`, `event_type`, `payload` and `status` always stand, and at least one of `key` and
// `aggregate_id`: configuration refuses a shape without them. The wire key is `key` where the row
// has one, or else `aggregate_id`.
struct TableColumns {
  using Column = std::optional<std::string>;

  Column id = "id";
  Column event_id = "event_id";  // Absent: the id itself where it is a UUID, else UUIDv5 of it.
  Column aggregate_type = "aggregate_type";
  Column aggregate_id = "aggregate_id";
  Column key = "event_key";
  Column event_type = "event_type";
  Column payload = "payload";
  Column payload_bytes = "payload_bytes";  // Taken where it is not NULL, else `payload`.
  Column content_type = "content_type";
  Column topic = "topic";
  Column headers = "headers";
  Column bucket = "bucket";  // Absent: the same hash as an expression over the key's columns.
  Column status = "status";
  Column retry_count = "retry_count";
  Column max_retries = std::nullopt;  // A maximum of attempts of the row's own (C1).
  Column next_attempt_at = "next_attempt_at";
  Column locked_by = "locked_by";
  Column locked_at = "locked_at";
  Column created_at = "created_at";
  Column updated_at = std::nullopt;  // Set to now() by every change we make.
  Column published_at = "published_at";
  Column error_message = "error_message";
  Column version = std::nullopt;  // The event's version in the `standard` envelope (B3).

  bool operator==(const TableColumns&) const = default;
};

// A column's name in the configuration (`outbox.columns.<name>`) and its place in TableColumns.
struct ColumnField {
  std::string_view name;
  TableColumns::Column TableColumns::*member;
};

inline constexpr std::array column_fields = {
    ColumnField{"id", &TableColumns::id},
    ColumnField{"event-id", &TableColumns::event_id},
    ColumnField{"aggregate-type", &TableColumns::aggregate_type},
    ColumnField{"aggregate-id", &TableColumns::aggregate_id},
    ColumnField{"key", &TableColumns::key},
    ColumnField{"event-type", &TableColumns::event_type},
    ColumnField{"payload", &TableColumns::payload},
    ColumnField{"payload-bytes", &TableColumns::payload_bytes},
    ColumnField{"content-type", &TableColumns::content_type},
    ColumnField{"topic", &TableColumns::topic},
    ColumnField{"headers", &TableColumns::headers},
    ColumnField{"bucket", &TableColumns::bucket},
    ColumnField{"status", &TableColumns::status},
    ColumnField{"retry-count", &TableColumns::retry_count},
    ColumnField{"max-retries", &TableColumns::max_retries},
    ColumnField{"next-attempt-at", &TableColumns::next_attempt_at},
    ColumnField{"locked-by", &TableColumns::locked_by},
    ColumnField{"locked-at", &TableColumns::locked_at},
    ColumnField{"created-at", &TableColumns::created_at},
    ColumnField{"updated-at", &TableColumns::updated_at},
    ColumnField{"published-at", &TableColumns::published_at},
    ColumnField{"error-message", &TableColumns::error_message},
    ColumnField{"version", &TableColumns::version},
};

// The words that stand in the status column. A word that the table does not know is absent.
// Unsettled rows are those with `pending`, `failed`, `retry` or `processing`, where these differ
// from `dead`; where `failed` and `dead` are one word see TableShape::dead_is_failed_for_ever.
struct StatusWords {
  using Word = std::optional<std::string>;

  std::string pending = "PENDING";
  Word processing = "PROCESSING";  // Capture `row` needs it.
  std::string published = "PUBLISHED";
  Word failed = "FAILED";     // Failed and to be tried again (A4, B2).
  Word retry = std::nullopt;  // The word of C5 for the same; at most one of the two is written.
  std::string dead = "DEAD";

  bool operator==(const StatusWords&) const = default;
};

// One outbox table as the relay sees it: the product's own by default, or a foreign one described
// by a preset and `outbox.columns.*` (F1). A plain value; names are unquoted and are quoted once,
// by the home that builds SQL of them.
struct TableShape {
  std::string schema;  // Empty: where the connection's search path finds the table.
  std::string table = "outbox_events";
  TableColumns columns;
  StatusWords status;
  IdType id_type = IdType::bigint;
  RowOrder order = RowOrder::id;
  // True for the table that `outboxd migrate` makes; a foreign one is never created or altered.
  bool native = true;
  // Columns (their names in the table) that a preset expects but can do without: a home takes them
  // where the table has them. Those that the user named are never among them.
  std::vector<std::string> optional_columns;
  // The document or the user that described the shape, for messages: `native`, `shop`, ...
  std::string preset;

  // The word for "failed, to be tried again": `retry` where the table has that one.
  [[nodiscard]] const StatusWords::Word& retried_word() const {
    return status.retry ? status.retry : status.failed;
  }

  // In A and B one word says both "failed" and "dead": a dead row is the one whose next attempt is
  // at 'infinity', so that a foreign publisher leaves it alone.
  [[nodiscard]] bool dead_is_failed_for_ever() const {
    const StatusWords::Word& retried = retried_word();
    return retried && *retried == status.dead && columns.next_attempt_at.has_value();
  }

  // Capture `row` writes who holds a row into the row itself.
  [[nodiscard]] bool can_lock_rows() const {
    return status.processing && columns.locked_by && columns.locked_at;
  }

  // The names of all columns that the shape has, in the order of `column_fields`.
  [[nodiscard]] std::vector<std::string> column_names() const {
    std::vector<std::string> names;
    for (const ColumnField& field : column_fields) {
      if (const auto& column = columns.*field.member) names.push_back(*column);
    }
    return names;
  }

  // Drops the optional columns that are not among those the table really has; what is still named
  // by column_names() and not `found` afterwards is an error of the start.
  void drop_missing_optional_columns(const std::set<std::string>& found) {
    for (const ColumnField& field : column_fields) {
      auto& column = columns.*field.member;
      const bool optional = column && std::find(optional_columns.begin(), optional_columns.end(),
                                                *column) != optional_columns.end();
      if (optional && !found.contains(*column)) column.reset();
    }
  }

  bool operator==(const TableShape&) const = default;
};

}  // namespace outbox
