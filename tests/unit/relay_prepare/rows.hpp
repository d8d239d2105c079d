// SPDX-License-Identifier: Apache-2.0
//
// Rows for the tests of the preparer, and what came of them.
#pragma once

#include <algorithm>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "relay/prepare.hpp"

namespace outbox::relay::testing {

inline constexpr std::string_view event_id_text = "018f4e5a-0000-7000-8000-00000000002a";

inline Uuid outbox_id() {
  return *parse_uuid("6ba7b810-9dad-41d1-80b4-00c04fd430c8");
}

/// An order's row as the product's own table has it; texts must outlive it (literals do).
inline OutboxRow order_row() {
  OutboxRow row;
  row.id.number = 17;
  row.event_id = *parse_uuid(event_id_text);
  row.aggregate_type = "order";
  row.aggregate_id = "4711";
  row.key = "4711";
  row.event_type = "ORDER_CREATED";
  row.payload = R"({"order_id": 4711, "total_amount": 132.490})";
  row.occurred_at_us = 1'795'255'200'123'456;  // 2026-11-21T10:00:00.123456Z
  return row;
}

inline PrepareOptions options_of(EnvelopeKind envelope = EnvelopeKind::raw) {
  PrepareOptions options;
  options.outbox_id = outbox_id();
  options.envelope = envelope;
  return options;
}

/// Copies all texts, so that nothing points into the batch any more.
struct Message {
  std::string topic;
  std::optional<std::string> value;
  std::vector<std::pair<std::string, std::optional<std::string>>> headers;
  std::uint32_t key_hash = 0;
  std::uint32_t wire_bytes = 0;
  std::string defect;  ///< Its reason; empty: none.

  /// The header's text; `(none)` where there is none of that name and `(null)` where it is null.
  [[nodiscard]] std::string header(std::string_view name) const {
    for (const auto& [found, text] : headers) {
      if (found == name) return text.value_or("(null)");
    }
    return "(none)";
  }

  [[nodiscard]] std::ptrdiff_t count(std::string_view name) const {
    return std::count_if(headers.begin(), headers.end(),
                         [&](const auto& header) { return header.first == name; });
  }
};

inline Message message_of(const PreparedBatch& batch, std::size_t index) {
  const PreparedRow& row = batch.rows.at(index);
  Message message;
  message.topic = row.topic;
  if (row.value) message.value = std::string(*row.value);
  for (std::uint32_t i = 0; i < row.headers_count; ++i) {
    const broker::Header& header = batch.headers.at(row.headers_begin + i);
    message.headers.emplace_back(std::string(header.name), header.value);
  }
  message.key_hash = row.key_hash;
  message.wire_bytes = row.wire_bytes;
  if (row.defect) message.defect = row.defect->reason;
  return message;
}

inline RowBatch batch_of(std::vector<OutboxRow> rows) {
  RowBatch batch;
  batch.rows = std::move(rows);
  return batch;
}

inline Message prepare(const OutboxRow& row, PrepareOptions options = options_of()) {
  return message_of(Preparer(std::move(options)).prepare(batch_of({row})), 0);
}

inline OutboxRow with_payload(std::string_view payload, PayloadKind kind = PayloadKind::json) {
  OutboxRow row = order_row();
  row.payload = payload;
  row.payload_kind = kind;
  return row;
}

inline OutboxRow without_payload() {
  OutboxRow row = with_payload({});
  row.payload_is_null = true;
  return row;
}

inline OutboxRow with_headers(std::string_view json) {
  OutboxRow row = order_row();
  row.headers_json = json;
  return row;
}

}  // namespace outbox::relay::testing
