// SPDX-License-Identifier: Apache-2.0
//
// Which columns a read returns, and how a result becomes a RowBatch without copying its texts.
#pragma once

#include <string>
#include <vector>

#include "core/row.hpp"
#include "store/postgres/connection.hpp"
#include "store/postgres/table.hpp"

namespace outbox::store::postgres {

class RowReader {
 public:
  explicit RowReader(const Table& table);

  /// The expressions to select, over an alias `t` that has the table's columns, `outboxd_size` and
  /// `outboxd_total`.
  [[nodiscard]] const std::string& outputs() const noexcept { return outputs_; }
  /// The same, with the large values left out of rows above the size that `{limit}` stands for;
  /// decode() must not see such rows.
  [[nodiscard]] const std::string& guarded_outputs() const noexcept { return guarded_outputs_; }
  /// The plain columns that `outputs` and the order need, for inner queries.
  [[nodiscard]] const std::string& columns() const noexcept { return columns_; }
  /// How many bytes a row brings, as the database can tell without reading large values: only those
  /// that are compressed and of a type without a length of its own are unpacked for it.
  [[nodiscard]] const std::string& size() const noexcept { return size_; }

  struct Limits {
    std::size_t rows_max;
    std::size_t bytes_max;
    int slots;  ///< In all.
  };
  /// `outboxd_total` of a row.
  [[nodiscard]] std::int64_t total(const Result& result, int row) const {
    return result.number(row, at_.total);
  }
  [[nodiscard]] RowBatch decode(const Result& result, const Limits& limits) const;

 private:
  struct Positions {
    int id, event_id, aggregate_type, aggregate_id, key, event_type, payload, payload_bytes,
        content_type, topic, headers, bucket, retry_count, max_retries, created_at, version, replay,
        total;
  };

  enum class Width : std::uint8_t { small, large };
  int add_output(const std::string& expression, Width width = Width::small);
  int add_text(const TableColumns::Column& column, Width width = Width::small);
  int add_plain(const TableColumns::Column& column, Width width = Width::small);
  void add_size(const TableColumns::Column& column);
  void decode_row(const Result& result, int row, OutboxRow& out) const;
  void decode_key(const Result& result, int row, OutboxRow& out) const;
  void decode_payload(const Result& result, int row, OutboxRow& out) const;

  const Table& table_;
  std::string outputs_;
  std::string guarded_outputs_;
  std::string columns_;
  std::string size_;
  int count_ = 0;
  Positions at_{};
  PayloadKind payload_kind_ = PayloadKind::json;
  bool event_id_is_text_ = false;
  bool aggregate_id_is_number_ = false;
};

}  // namespace outbox::store::postgres
