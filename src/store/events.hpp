// SPDX-License-Identifier: Apache-2.0
//
// Writing events from the program itself (`outboxd publish`, demo, tests); a back end uses
// outbox::publish on its own connection (habits: store/leases.hpp).
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace outbox::store {

struct NewEvent {
  std::optional<std::string> event_id;  ///< A UUID; empty: the table's default.
  std::string aggregate_type;
  std::string aggregate_id;
  std::string event_type;
  std::optional<std::string> key;            ///< Where it differs from aggregate_id.
  std::optional<std::string> payload;        ///< JSON text (or any text where the column is text).
  std::optional<std::string> payload_bytes;  ///< Raw bytes with content_type, instead of payload.
  std::optional<std::string> content_type;
  std::optional<std::string> topic;
  std::optional<std::string> headers_json;  ///< A JSON object of texts.
};

class Events {
 public:
  virtual ~Events() = default;

  /// Inserts all of them in one transaction; returns their row ids in order. Throws Error(failed)
  /// naming the event (its position) and what the database refused; nothing is inserted then.
  virtual std::vector<std::string> insert(std::span<const NewEvent> events) = 0;
};

}  // namespace outbox::store
