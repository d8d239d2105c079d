// SPDX-License-Identifier: Apache-2.0
#include "store/postgres/row_reader.hpp"

#include <limits>

#include <fmt/format.h>

namespace outbox::store::postgres {
namespace {

constexpr int absent = -1;

PayloadKind kind_of_type(std::uint32_t oid) {
  if (oid == oid_bytea) return PayloadKind::bytes;
  return oid == oid_json || oid == oid_jsonb ? PayloadKind::json : PayloadKind::text;
}

bool is_numeric(std::uint32_t oid) {
  return oid == oid_int2 || oid == oid_int4 || oid == oid_int8 || oid == oid_numeric;
}

// `infinity` stands for the largest number in PostgreSQL's own format.
std::int64_t unix_us(std::int64_t since_2000_us) {
  if (since_2000_us > std::numeric_limits<std::int64_t>::max() - epoch_2000_us) return 0;
  if (since_2000_us == std::numeric_limits<std::int64_t>::min()) return 0;
  return since_2000_us + epoch_2000_us;
}

}  // namespace

RowReader::RowReader(const Table& table) : table_(table) {
  const TableColumns& columns = table.shape().columns;
  at_.id = table.number_ids() ? add_output(Table::column(columns.id) + "::bigint")
                              : add_output(Table::column(columns.id) + "::text");
  event_id_is_text_ = table.has(columns.event_id) && table.type(columns.event_id).oid != oid_uuid;
  at_.event_id = add_plain(columns.event_id);
  at_.aggregate_type = add_text(columns.aggregate_type);
  at_.aggregate_id = add_text(columns.aggregate_id);
  at_.key = add_text(columns.key);
  at_.event_type = add_text(columns.event_type);
  const std::uint32_t payload = table.type(columns.payload).oid;
  payload_kind_ = kind_of_type(payload);
  at_.payload = payload == oid_bytea ? add_plain(columns.payload, Width::large)
                                     : add_text(columns.payload, Width::large);
  at_.payload_bytes = add_plain(columns.payload_bytes, Width::large);
  at_.content_type = add_text(columns.content_type);
  at_.topic = add_text(columns.topic);
  at_.headers = add_text(columns.headers, Width::large);
  at_.bucket = add_output(table.bucket());
  at_.retry_count = add_plain(columns.retry_count);
  at_.max_retries = add_plain(columns.max_retries);
  at_.created_at = add_plain(columns.created_at);
  at_.version = add_plain(columns.version);
  at_.replay = add_output(table.replay());
  at_.total = add_output("t.outboxd_total");
  aggregate_id_is_number_ =
      table.has(columns.aggregate_id) && is_numeric(table.type(columns.aggregate_id).oid);
  for (const ColumnField& field : column_fields) {
    const auto& column = columns.*field.member;
    if (!column) continue;
    columns_ += (columns_.empty() ? "" : ", ") + Table::column(column);
  }
  for (const auto& column : {columns.payload, columns.payload_bytes, columns.headers}) {
    add_size(column);
  }
  size_ = "(" + size_ + ")";
}

int RowReader::add_output(const std::string& expression, Width width) {
  const std::string comma = outputs_.empty() ? "" : ", ";
  outputs_ += comma + expression;
  guarded_outputs_ +=
      comma + (width == Width::small
                   ? expression
                   : fmt::format("CASE WHEN t.outboxd_size <= {{limit}} THEN {} END", expression));
  return count_++;
}

int RowReader::add_text(const TableColumns::Column& column, Width width) {
  return table_.has(column) ? add_output(table_.as_text(column), width) : absent;
}

int RowReader::add_plain(const TableColumns::Column& column, Width width) {
  return table_.has(column) ? add_output(Table::column(column), width) : absent;
}

void RowReader::add_size(const TableColumns::Column& column) {
  if (!table_.has(column)) return;
  const std::string name = Table::column(column);
  const std::uint32_t oid = table_.type(column).oid;
  const bool has_length = oid != oid_json && oid != oid_jsonb;
  if (!size_.empty()) size_ += " + ";
  if (has_length) {
    size_ += fmt::format("coalesce(octet_length({}), 0)", name);
    return;
  }
  size_ += fmt::format(
      "coalesce(CASE WHEN pg_column_compression({0}) IS NULL THEN pg_column_size({0}) "
      "ELSE octet_length({0}::text) END, 0)",
      name);
}

RowBatch RowReader::decode(const Result& result, const Limits& limits) const {
  RowBatch batch;
  batch.aggregate_id_is_number = aggregate_id_is_number_;
  batch.memory = result.memory();
  batch.rows.resize(static_cast<std::size_t>(result.rows()));
  for (int row = 0; row < result.rows(); ++row) {
    OutboxRow& out = batch.rows[static_cast<std::size_t>(row)];
    decode_row(result, row, out);
    out.slot = static_cast<int>(result.number(row, at_.bucket)) % limits.slots;
    batch.bytes += out.payload.size() + out.key.size() + out.headers_json.size();
  }
  if (batch.rows.empty()) return batch;
  const auto total = static_cast<std::size_t>(result.number(result.rows() - 1, at_.total));
  batch.more = batch.rows.size() >= limits.rows_max || total >= limits.bytes_max;
  return batch;
}

void RowReader::decode_row(const Result& result, int row, OutboxRow& out) const {
  const auto text = [&](int column) {
    return column == absent ? std::string_view() : result.bytes(row, column);
  };
  const bool uuid_ids = table_.shape().id_type == IdType::uuid;
  if (table_.number_ids())
    out.id.number = result.number(row, at_.id);
  else
    out.id.text = result.text(row, at_.id);
  if (at_.event_id == absent) {
    // A text column may hold UUIDs too; what is none is derived by the relay.
    if (uuid_ids || !out.id.text.empty()) out.event_id = parse_uuid(out.id.text).value_or(Uuid{});
  } else if (event_id_is_text_) {
    out.event_id = parse_uuid(result.bytes(row, at_.event_id)).value_or(Uuid{});
  } else {
    out.event_id = result.uuid(row, at_.event_id);
  }
  out.aggregate_type = text(at_.aggregate_type);
  out.event_type = text(at_.event_type);
  out.topic = text(at_.topic);
  out.headers_json = text(at_.headers);
  out.content_type = text(at_.content_type);
  decode_key(result, row, out);
  decode_payload(result, row, out);
  if (at_.created_at != absent && !result.is_null(row, at_.created_at)) {
    out.occurred_at_us = unix_us(result.number(row, at_.created_at));
  }
  if (at_.retry_count != absent) out.retry_count = result.integer(row, at_.retry_count);
  if (at_.max_retries != absent && !result.is_null(row, at_.max_retries)) {
    out.max_retries = result.integer(row, at_.max_retries);
  }
  if (at_.version != absent && !result.is_null(row, at_.version)) {
    out.version = result.integer(row, at_.version);
  }
  out.replay = result.boolean(row, at_.replay);
}

void RowReader::decode_key(const Result& result, int row, OutboxRow& out) const {
  const bool has_id = at_.aggregate_id != absent && !result.is_null(row, at_.aggregate_id);
  if (has_id) out.aggregate_id = result.bytes(row, at_.aggregate_id);
  if (at_.key != absent && !result.is_null(row, at_.key)) {
    out.key = result.bytes(row, at_.key);
  } else if (has_id) {
    out.key = out.aggregate_id;
  } else {
    out.key_is_null = true;
  }
}

void RowReader::decode_payload(const Result& result, int row, OutboxRow& out) const {
  if (at_.payload_bytes != absent && !result.is_null(row, at_.payload_bytes)) {
    out.payload = result.bytes(row, at_.payload_bytes);
    out.payload_kind = PayloadKind::bytes;
    return;
  }
  out.payload_kind = payload_kind_;
  out.payload_is_null = result.is_null(row, at_.payload);
  if (!out.payload_is_null) out.payload = result.bytes(row, at_.payload);
}

}  // namespace outbox::store::postgres
