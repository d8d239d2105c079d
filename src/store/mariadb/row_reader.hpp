// SPDX-License-Identifier: Apache-2.0
//
// Which columns a read returns, and how its results become a RowBatch without copying their texts.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/row.hpp"
#include "store/mariadb/connection.hpp"
#include "store/mariadb/table.hpp"

namespace outbox::store::mariadb {

/// Reads rows in two steps, so that a byte budget holds without a sum over what would be read: the
/// usual rows come whole at once; of those too large for that only the size comes, and their values
/// follow by id, if they are within the budget.
class RowReader {
 public:
  explicit RowReader(const Table& table);

  /// The expressions to select, over the alias `t`; large values of rows above `small_max` bytes
  /// are left out.
  [[nodiscard]] std::string outputs(std::size_t small_max) const;

  struct Limits {
    std::size_t rows_max;  ///< As the statement said.
    std::size_t bytes_max;
    std::size_t small_max;
    int slots;  ///< In all.
  };
  /// Takes rows up to the budget; fetches large values on the same connection. A row that is gone
  /// by then is left out.
  [[nodiscard]] RowBatch decode(Connection& connection, Result found, const Limits& limits) const;

 private:
  struct Positions {
    int id, event_id, aggregate_type, aggregate_id, key, event_type, payload, payload_bytes,
        content_type, topic, headers, bucket, retry_count, max_retries, created_at, version, replay,
        size;
  };

  int add(const std::string& expression);
  int add_text(const TableColumns::Column& column);
  int add_large(const TableColumns::Column& column);
  void decode_row(const Result& found, OutboxRow& out) const;
  void decode_key(const Result& found, OutboxRow& out) const;
  void set_payload(const Result& found, int payload, int bytes, OutboxRow& out) const;
  void fetch_large(Connection& connection, const std::vector<std::size_t>& large,
                   std::vector<Result>& results, RowBatch& batch) const;

  const Table& table_;
  std::string outputs_;  // With {limit} where small_max goes.
  std::string large_columns_;
  int count_ = 0;
  int large_count_ = 1;  // The id stands before them.
  Positions at_{};
  int large_payload_ = -1;
  int large_bytes_ = -1;
  int large_headers_ = -1;
  PayloadKind payload_kind_ = PayloadKind::json;
  bool aggregate_id_is_number_ = false;
};

}  // namespace outbox::store::mariadb
