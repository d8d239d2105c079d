// SPDX-License-Identifier: Apache-2.0
#include "publish/insert.hpp"

#include <algorithm>
#include <array>

#include <outbox/error.hpp>
#include <outbox/uuid.hpp>

#include <fmt/format.h>

namespace outbox::publishing {
namespace {

using Column = TableColumns::Column;

std::string quoted(std::string_view name, char quote) {
  std::string text(1, quote);
  for (const char character : name) {
    if (character == quote) text += quote;
    text += character;
  }
  return text + quote;
}

std::string literal(std::string_view word) {
  std::string text = "'";
  for (const char character : word) {
    if (character == '\'') text += character;
    text += character;
  }
  return text + '\'';
}

class Row {
 public:
  explicit Row(char quote) : quote_(quote) {}

  void put(const Column& column, std::optional<std::string_view> value, bool bytes = false) {
    if (!column || !value) return;
    insert_.values.push_back({.text = std::string(*value), .bytes = bytes});
    put_sql(column, fmt::format("${}", insert_.values.size()));
  }

  void put_sql(const Column& column, std::string_view sql) {
    if (!column) return;
    columns_ += (columns_.empty() ? "" : ", ") + quoted(*column, quote_);
    values_ += (values_.empty() ? "" : ", ") + std::string(sql);
  }

  Insert finish(const InsertTarget& target) && {
    insert_.sql = fmt::format("INSERT INTO {} ({}) VALUES ({})", target.table, columns_, values_);
    insert_.id = quoted(*target.shape.columns.id, quote_);
    return std::move(insert_);
  }

 private:
  char quote_;
  Insert insert_;
  std::string columns_;
  std::string values_;
};

void refuse_without(const Column& column, const char* what, const char* setting, bool wanted) {
  if (!wanted || column) return;
  throw Error(ErrorKind::usage, fmt::format("the outbox table has no column for {}", what),
              fmt::format("leave it out, or set outbox.columns.{}", setting));
}

void put_identity(Row& row, const TableShape& shape, const EventFields& event) {
  const TableColumns& columns = shape.columns;
  const bool id_is_event_id = !columns.event_id && shape.id_type != IdType::bigint;
  refuse_without(columns.event_id, "event_id", "event-id",
                 event.event_id.has_value() && !id_is_event_id);
  if (event.event_id && !parse_uuid(*event.event_id)) {
    throw Error(ErrorKind::usage, fmt::format("event_id '{}' is no UUID", *event.event_id),
                "give 36 characters such as 018f4e5a-0000-7000-8000-000000000000, or none");
  }
  if (!event.event_id && shape.native) return;  // The table's default.
  const std::string id = event.event_id ? std::string(*event.event_id) : to_string(random_uuid());
  if (columns.event_id) row.put(columns.event_id, id);
  if (shape.id_type == IdType::bigint) return;
  row.put(columns.id, id_is_event_id ? id : to_string(random_uuid()));
}

void put_key(Row& row, const TableShape& shape, const EventFields& event) {
  const TableColumns& columns = shape.columns;
  const bool differs = event.key && *event.key != event.aggregate_id;
  refuse_without(columns.key, "a key other than aggregate_id", "key", differs);
  row.put(columns.aggregate_id, event.aggregate_id);
  if (event.key)
    row.put(columns.key, event.key);
  else if (!shape.native)
    row.put(columns.key, event.aggregate_id);
}

// What a foreign program's own code sets in each row.
void put_life(Row& row, const InsertTarget& target) {
  const TableShape& shape = target.shape;
  const TableColumns& columns = shape.columns;
  row.put_sql(columns.status, literal(shape.status.pending));
  row.put_sql(columns.retry_count, "0");
  row.put_sql(columns.max_retries, "3");
  row.put_sql(columns.version, "1");
  row.put_sql(columns.next_attempt_at, target.now);
  row.put_sql(columns.created_at, target.now);
  row.put_sql(columns.updated_at, target.now);
}

template <auto Field>
std::optional<std::string_view> field(const EventFields& event) {
  return event.*Field;
}

constexpr std::array native = {
    NativeColumn{"event_id", "uuid", field<&EventFields::event_id>},
    NativeColumn{"aggregate_type", "text", field<&EventFields::aggregate_type>},
    NativeColumn{"aggregate_id", "text", field<&EventFields::aggregate_id>},
    NativeColumn{"event_key", "text", field<&EventFields::key>},
    NativeColumn{"event_type", "text", field<&EventFields::event_type>},
    NativeColumn{"payload", "json", field<&EventFields::payload>},
    NativeColumn{"payload_bytes", "bytea", field<&EventFields::payload_bytes>},
    NativeColumn{"content_type", "text", field<&EventFields::content_type>},
    NativeColumn{"topic", "text", field<&EventFields::topic>},
    NativeColumn{"headers", "json", field<&EventFields::headers_json>},
};

}  // namespace

std::span<const NativeColumn> native_columns() noexcept {
  return native;
}

std::vector<NativeColumn> columns_of(std::span<const EventFields> events) {
  std::vector<NativeColumn> columns;
  for (const NativeColumn& column : native_columns()) {
    const bool is_used = std::any_of(events.begin(), events.end(), [&](const EventFields& event) {
      return column.value(event).has_value();
    });
    if (is_used) columns.push_back(column);
  }
  return columns;
}

std::string names_of(std::span<const NativeColumn> columns) {
  std::string names;
  for (const NativeColumn& column : columns)
    names += (names.empty() ? "" : ",") + std::string(column.name);
  return names;
}

Insert make_insert(const InsertTarget& target, const EventFields& event) {
  const TableColumns& columns = target.shape.columns;
  refuse_without(columns.payload_bytes, "payload_bytes", "payload-bytes",
                 event.payload_bytes.has_value());
  refuse_without(columns.content_type, "content_type", "content-type",
                 event.content_type.has_value());
  refuse_without(columns.topic, "a topic", "topic", event.topic.has_value());
  refuse_without(columns.headers, "headers", "headers", event.headers_json.has_value());
  Row row(target.quote);
  put_identity(row, target.shape, event);
  row.put(columns.aggregate_type, event.aggregate_type);
  put_key(row, target.shape, event);
  row.put(columns.event_type, event.event_type);
  row.put(columns.payload, event.payload);
  row.put(columns.payload_bytes, event.payload_bytes, true);
  row.put(columns.content_type, event.content_type);
  row.put(columns.topic, event.topic);
  row.put(columns.headers, event.headers_json);
  if (!target.shape.native) put_life(row, target);
  return std::move(row).finish(target);
}

}  // namespace outbox::publishing
