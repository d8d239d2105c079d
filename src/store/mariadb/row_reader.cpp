// SPDX-License-Identifier: Apache-2.0
#include "store/mariadb/row_reader.hpp"

#include <unordered_map>
#include <utility>

#include <fmt/format.h>

namespace outbox::store::mariadb {
namespace {

constexpr int absent = -1;
constexpr std::string_view placeholder = "{limit}";

bool is_binary(const ColumnType& type) {
  return type.type.ends_with("blob") || type.type.ends_with("binary");
}

PayloadKind kind_of_type(const ColumnType& type) {
  if (is_binary(type)) return PayloadKind::bytes;
  return type.is_json ? PayloadKind::json : PayloadKind::text;
}

}  // namespace

RowReader::RowReader(const Table& table) : table_(table) {
  const TableColumns& columns = table.shape().columns;
  at_.id = add(Table::column(columns.id));
  at_.event_id = add_text(columns.event_id);
  at_.aggregate_type = add_text(columns.aggregate_type);
  at_.aggregate_id = add_text(columns.aggregate_id);
  at_.key = add_text(columns.key);
  at_.event_type = add_text(columns.event_type);
  payload_kind_ = kind_of_type(table.type(columns.payload));
  at_.payload = add_large(columns.payload);
  if (at_.payload != absent) large_payload_ = large_count_ - 1;
  at_.payload_bytes = add_large(columns.payload_bytes);
  if (at_.payload_bytes != absent) large_bytes_ = large_count_ - 1;
  at_.headers = add_large(columns.headers);
  if (at_.headers != absent) large_headers_ = large_count_ - 1;
  at_.content_type = add_text(columns.content_type);
  at_.topic = add_text(columns.topic);
  at_.bucket = add(table.bucket());
  at_.retry_count = add_text(columns.retry_count);
  at_.max_retries = add_text(columns.max_retries);
  at_.version = add_text(columns.version);
  at_.created_at = table.has(columns.created_at)
                       ? add(fmt::format("timestampdiff(MICROSECOND, '1970-01-01', {})",
                                         Table::column(columns.created_at)))
                       : absent;
  at_.replay = add(table.replay());
  std::string size;
  for (const auto& column : {columns.payload, columns.payload_bytes, columns.headers}) {
    if (!column) continue;
    size += fmt::format("{}coalesce(octet_length({}), 0)", size.empty() ? "" : " + ",
                        Table::column(column));
  }
  at_.size = add(size);
  for (std::size_t at = outputs_.find("{size}"); at != std::string::npos;
       at = outputs_.find("{size}")) {
    outputs_.replace(at, 6, size);
  }
  aggregate_id_is_number_ = table.has(columns.aggregate_id) &&
                            table.type(columns.aggregate_id).charset.empty() &&
                            !is_binary(table.type(columns.aggregate_id)) &&
                            table.type(columns.aggregate_id).type != "uuid";
}

int RowReader::add(const std::string& expression) {
  outputs_ += (outputs_.empty() ? "" : ", ") + expression;
  return count_++;
}

// Texts are sent in the session's character set, numbers as their digits.
int RowReader::add_text(const TableColumns::Column& column) {
  return table_.has(column) ? add(Table::column(column)) : absent;
}

int RowReader::add_large(const TableColumns::Column& column) {
  if (!table_.has(column)) return absent;
  large_columns_ += ", " + Table::column(column);
  ++large_count_;
  return add(fmt::format("IF({{size}} <= {}, {}, NULL)", placeholder, Table::column(column)));
}

std::string RowReader::outputs(std::size_t small_max) const {
  std::string outputs = outputs_;
  const std::string limit = std::to_string(small_max);
  for (std::size_t at = outputs.find(placeholder); at != std::string::npos;
       at = outputs.find(placeholder, at)) {
    outputs.replace(at, placeholder.size(), limit);
  }
  return outputs;
}

RowBatch RowReader::decode(Connection& connection, Result found, const Limits& limits) const {
  RowBatch batch;
  batch.aggregate_id_is_number = aggregate_id_is_number_;
  batch.more = found.rows() >= limits.rows_max;
  batch.rows.reserve(found.rows());
  std::vector<std::size_t> large;
  std::size_t total = 0;
  while (found.next()) {
    if (total >= limits.bytes_max) {
      batch.more = true;
      break;
    }
    OutboxRow& row = batch.rows.emplace_back();
    decode_row(found, row);
    row.slot = found.integer(at_.bucket) % limits.slots;
    const auto size = static_cast<std::size_t>(found.number(at_.size));
    if (size > limits.small_max) large.push_back(batch.rows.size() - 1);
    batch.bytes += size + row.key.size();
    total += size;
  }
  if (total >= limits.bytes_max) batch.more = true;
  auto results = std::make_shared<std::vector<Result>>();
  results->push_back(std::move(found));
  if (!large.empty()) fetch_large(connection, large, *results, batch);
  batch.memory = std::move(results);
  return batch;
}

void RowReader::fetch_large(Connection& connection, const std::vector<std::size_t>& large,
                            std::vector<Result>& results, RowBatch& batch) const {
  std::unordered_map<RowId, OutboxRow*, RowIdHash> missing;
  std::vector<RowId> ids;
  for (const std::size_t at : large) {
    missing.emplace(batch.rows[at].id, &batch.rows[at]);
    ids.push_back(batch.rows[at].id);
  }
  const std::string id = Table::column(table_.shape().columns.id);
  Result values =
      connection.run("reading large rows",
                     fmt::format("SELECT {}{} FROM {} WHERE {}", id, large_columns_, table_.by_id(),
                                 id_condition(id, std::move(ids), table_.number_ids())),
                     Effect::reads);
  while (values.next()) {
    RowId row_id;
    if (table_.number_ids())
      row_id.number = values.number(0);
    else
      row_id.text = values.text(0);
    const auto found = missing.find(row_id);
    if (found == missing.end()) continue;
    OutboxRow& row = *found->second;
    set_payload(values, large_payload_, large_bytes_, row);
    if (large_headers_ != absent) row.headers_json = values.bytes(large_headers_);
    missing.erase(found);
  }
  results.push_back(std::move(values));
  std::erase_if(batch.rows, [&missing](const OutboxRow& row) { return missing.contains(row.id); });
}

void RowReader::decode_row(const Result& found, OutboxRow& out) const {
  const auto text = [&found](int column) {
    return column == absent ? std::string_view() : found.bytes(column);
  };
  if (table_.number_ids())
    out.id.number = found.number(at_.id);
  else
    out.id.text = found.text(at_.id);
  // Where the id is no UUID it is derived by the relay.
  const std::string_view identity = at_.event_id == absent ? out.id.text : text(at_.event_id);
  out.event_id = parse_uuid(identity).value_or(Uuid{});
  out.aggregate_type = text(at_.aggregate_type);
  out.event_type = text(at_.event_type);
  out.topic = text(at_.topic);
  out.headers_json = text(at_.headers);
  out.content_type = text(at_.content_type);
  decode_key(found, out);
  set_payload(found, at_.payload, at_.payload_bytes, out);
  if (at_.created_at != absent) out.occurred_at_us = found.number(at_.created_at);
  if (at_.retry_count != absent) out.retry_count = found.integer(at_.retry_count);
  if (at_.max_retries != absent && !found.is_null(at_.max_retries)) {
    out.max_retries = found.integer(at_.max_retries);
  }
  if (at_.version != absent && !found.is_null(at_.version)) {
    out.version = found.integer(at_.version);
  }
  out.replay = found.integer(at_.replay) != 0;
}

void RowReader::decode_key(const Result& found, OutboxRow& out) const {
  const bool has_id = at_.aggregate_id != absent && !found.is_null(at_.aggregate_id);
  if (has_id) out.aggregate_id = found.bytes(at_.aggregate_id);
  if (at_.key != absent && !found.is_null(at_.key)) {
    out.key = found.bytes(at_.key);
  } else if (has_id) {
    out.key = out.aggregate_id;
  } else {
    out.key_is_null = true;
  }
}

void RowReader::set_payload(const Result& found, int payload, int bytes, OutboxRow& out) const {
  if (bytes != absent && !found.is_null(bytes)) {
    out.payload = found.bytes(bytes);
    out.payload_kind = PayloadKind::bytes;
    return;
  }
  out.payload_kind = payload_kind_;
  out.payload_is_null = found.is_null(payload);
  if (!out.payload_is_null) out.payload = found.bytes(payload);
}

}  // namespace outbox::store::mariadb
