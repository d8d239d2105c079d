// SPDX-License-Identifier: Apache-2.0
//
// A row of an outbox table as the relay sees it, whatever the store. Texts are views into memory
// that the batch owns: a row must not outlive its batch.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <outbox/uuid.hpp>

namespace outbox {

/// The primary key of a row. Tables with an integer key leave `text` empty; UUID and text keys
/// leave `number` at zero and carry the database's own text form. Compares for identity and for
/// containers only: the order of events is the order in which the store returned them.
struct RowId {
  std::int64_t number = 0;
  std::string text;

  friend auto operator<=>(const RowId&, const RowId&) = default;
};

[[nodiscard]] inline std::string to_string(const RowId& id) {
  return id.text.empty() ? std::to_string(id.number) : id.text;
}

/// Hash for unordered containers.
struct RowIdHash {
  std::size_t operator()(const RowId& id) const noexcept {
    // Fibonacci hashing spreads consecutive numbers; std::hash of an integer is the identity.
    const auto mixed = static_cast<std::size_t>(id.number) * 0x9E3779B97F4A7C15ULL;
    return id.text.empty() ? mixed : std::hash<std::string>{}(id.text);
  }
};

/// What the payload column holds. `json` and `text` are UTF-8 as the database guarantees it.
enum class PayloadKind : std::uint8_t { json, text, bytes };

struct OutboxRow {
  RowId id;
  Uuid event_id;  ///< Nil where the table has none: the relay derives it from the id.
  std::string_view aggregate_type;  ///< Empty where the table has none.
  std::string_view aggregate_id;
  std::string_view key;  ///< What goes on the wire: event_key, or else aggregate_id. May be empty.
  std::string_view event_type;
  std::string_view topic;         ///< Empty: the relay's routes decide.
  std::string_view headers_json;  ///< Empty, or a JSON object of texts.
  std::string_view payload;
  std::string_view content_type;    ///< Empty where the row does not say.
  std::int64_t occurred_at_us = 0;  ///< created_at, microseconds since 1970 UTC.
  int slot = 0;                     ///< The lease slot the row's key belongs to.
  int retry_count = 0;
  std::optional<int> max_retries;  ///< Only where the table has it per event (row C1).
  int version = 1;
  PayloadKind payload_kind = PayloadKind::json;
  bool payload_is_null = false;
  bool replay = false;       ///< Sent again on purpose: it leaves with the header `replay`.
  bool key_is_null = false;  ///< No key in the row: never sent; dead-lettered with its reason.
};

/// Rows in the order in which they must be first delivered per key, with the memory they point
/// into.
struct RowBatch {
  std::vector<OutboxRow> rows;
  std::shared_ptr<const void> memory;  ///< Keeps every view of `rows` valid.
  std::size_t bytes = 0;               ///< Of payloads, keys and headers, for the in-flight budget.
  bool more = false;  ///< The limit or the byte budget ended the read, not the table.
  bool aggregate_id_is_number = false;
};

}  // namespace outbox
