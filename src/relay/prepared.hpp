// SPDX-License-Identifier: Apache-2.0
//
// A row made ready for the wire, before anything is known of partitions or leases: routed,
// transformed, put into its envelope, or found to be a defect that can never be sent. Made by the
// reading thread; immutable afterwards and therefore shared freely.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/producer.hpp"
#include "core/failure.hpp"
#include "core/row.hpp"

namespace outbox::relay {

struct PreparedRow {
  const OutboxRow* row = nullptr;
  std::string_view topic;      ///< After routes and templates; never empty unless `defect` is set.
  std::uint32_t key_hash = 0;  ///< murmur2 of the key; see partition_of.
  std::optional<std::string_view> value;  ///< None: a tombstone.
  /// Range in PreparedBatch::headers: the design's reserved headers but `lease_epoch` (the
  /// publisher adds that one at hand-over), the envelope's own and the row's.
  std::uint32_t headers_begin = 0;
  std::uint32_t headers_count = 0;
  std::uint32_t wire_bytes = 0;   ///< A lower bound of the record batch that carries it alone.
  std::optional<Failure> defect;  ///< Set: dead_letter with its reason; nothing else is valid.
};

struct PreparedBatch {
  RowBatch source;
  std::vector<PreparedRow> rows;  ///< As source.rows, same order and size.
  std::vector<broker::Header> headers;
  std::shared_ptr<const void> memory;  ///< What the views point into besides source.memory.
};

}  // namespace outbox::relay
