// SPDX-License-Identifier: Apache-2.0
//
// What is put around a payload (`relay.envelope`), and the headers that go with it:
//
//   raw                     the payload, byte by byte; NULL is a tombstone. `content-type` where
//   the
//                           row says one.
//   standard                one JSON object (B3): event_id, occurred_at, aggregate_type,
//   aggregate_id,
//                           event_type, payload, version. `content-type` application/json.
//   cloudevents             CloudEvents 1.0, binary mode of the Kafka binding: the payload as it
//   is,
//                           attributes as headers `ce_*`, `content-type` its media type.
//   cloudevents_structured  the same as one JSON object: JSON in `data`, other text there as a
//   string,
//                           bytes in `data_base64`.
//   debezium                as its outbox event router does by default: the payload as it is, NULL
//   is a
//                           tombstone, the event's id in the header `id`; and `eventType`.
//
// Where the envelope is JSON, the payload stands in it as the bytes that came in, after a check
// that it is JSON. A trace context in the row's headers becomes the CloudEvents extensions
// `traceparent` and `tracestate`; the wire key `partitionkey`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/producer.hpp"
#include "core/row.hpp"
#include "relay/envelope_arena.hpp"

namespace outbox::relay {

enum class EnvelopeKind : std::uint8_t {
  raw,
  standard,
  cloudevents,
  cloudevents_structured,
  debezium,
};

/// An event as the envelope takes it.
struct EnvelopeInput {
  const OutboxRow* row = nullptr;
  std::string_view event_id;
  std::string_view occurred_at;
  std::string_view aggregate_id;
  bool aggregate_id_is_number = false;
  std::string_view content_type;  ///< The column, or else the row's header; may be empty.
  std::string_view traceparent;   ///< Of the row's headers; may be empty.
  std::string_view tracestate;
  std::optional<std::string_view> payload;  ///< After the transformers. None: NULL.
};

/// Where the envelope puts things. Its texts live as long as the arena, the input and the envelope.
struct EnvelopeOutput {
  std::vector<broker::Header>& headers;  ///< Appended to.
  TextArena& arena;
  std::optional<std::string_view> value;
};

/// Immutable; used by several threads at once.
class Envelope {
 public:
  /// `source` is the attribute of CloudEvents of that name, a URI reference in UTF-8.
  Envelope(EnvelopeKind kind, std::string source) : kind_(kind), source_(std::move(source)) {}

  [[nodiscard]] EnvelopeKind kind() const noexcept { return kind_; }

  /// Returns why the event does not fit, as the end of a sentence with the remedy, or nothing.
  [[nodiscard]] std::optional<std::string> wrap(const EnvelopeInput& input,
                                                EnvelopeOutput& output) const;

 private:
  std::optional<std::string> wrap_standard(const EnvelopeInput& input,
                                           EnvelopeOutput& output) const;
  std::optional<std::string> wrap_binary(const EnvelopeInput& input, EnvelopeOutput& output) const;
  std::optional<std::string> wrap_structured(const EnvelopeInput& input,
                                             EnvelopeOutput& output) const;

  EnvelopeKind kind_;
  std::string source_;
};

}  // namespace outbox::relay
