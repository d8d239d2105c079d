// SPDX-License-Identifier: Apache-2.0
//
// Rows become messages here: topic, headers, transformers and envelope, or the defect for which a
// row can never be sent. On the path of every event, so a row of the envelope raw without
// transformers costs no allocation and no look into its payload.
//
// Every message carries the headers `event_id`, `event_type`, `aggregate_type`, `aggregate_id`,
// `occurred_at`, `row_id` and `outbox_id` (the publisher adds `lease_epoch`, and `replay` where it
// is one), empty where the table has no such column; an empty aggregate_id is the key, which then
// names the aggregate (E1). Then come the envelope's (relay/envelope.hpp), then those of the row's
// headers column: strings as their text, numbers, booleans, objects and arrays as their JSON, null
// as a null header.
//
// A row's header never replaces one of ours. One of the same name and text is left out, since
// nothing is lost by it; one of the same name and another text makes the row a dead letter that
// names it, because to drop it in silence would lose what someone meant to say. `lease_epoch` and
// `replay` are refused.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include <outbox/transform.hpp>
#include <outbox/uuid.hpp>

#include "core/message_rules.hpp"
#include "core/row.hpp"
#include "relay/envelope.hpp"
#include "relay/prepared.hpp"

namespace outbox::relay {

struct PrepareOptions {
  Uuid outbox_id;
  EnvelopeKind envelope = EnvelopeKind::raw;
  std::string default_topic = "default.events";
  std::vector<RouteRule> routes;
  std::vector<TransformStep> transform;
  Transformer transformer;  ///< After the steps of `transform`.
  std::string cloudevents_source = "/outboxd";
  std::size_t header_value_bytes_max = 16U << 10U;
  std::size_t headers_max = 100;  ///< Of the row's own.
};

/// Thread-safe; batches keep what they need of it alive.
class Preparer {
 public:
  /// Throws Error(configuration) where a rule cannot be followed.
  explicit Preparer(PrepareOptions options);

  /// Never throws for what is in a row: that is a defect of it alone. Throws std::bad_alloc, and
  /// Error where OpenSSL cannot derive an event id.
  [[nodiscard]] PreparedBatch prepare(RowBatch batch) const;

 private:
  struct Rules;
  struct Memory;
  class Making;

  std::shared_ptr<const Rules> rules_;
};

}  // namespace outbox::relay
