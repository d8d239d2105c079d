// SPDX-License-Identifier: Apache-2.0
#include "relay/prepare.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <exception>
#include <limits>
#include <new>
#include <utility>

#include <fmt/format.h>

#include "core/clock.hpp"
#include "core/json_text.hpp"
#include "core/murmur2.hpp"
#include "relay/envelope_fault.hpp"
#include "relay/envelope_headers.hpp"
#include "relay/route.hpp"
#include "relay/transform.hpp"

namespace outbox::relay {
namespace {

using Fault = std::optional<std::string>;

constexpr std::size_t uuid_length = 36;
constexpr std::size_t timestamp_length = sizeof(TimestampText::text) - 1;
constexpr std::size_t number_length_max = 20;
constexpr std::size_t reserved_headers = 7;

// Years 1 to 9999, which RFC 3339 has digits for.
constexpr std::int64_t occurred_at_us_min = -62'135'596'800'000'000;
constexpr std::int64_t occurred_at_us_max = 253'402'300'799'999'999;

std::size_t varint_size(std::size_t length) noexcept {
  std::size_t bytes = 1;
  for (std::size_t rest = length >> 6U; rest > 0; rest >>= 7U)
    ++bytes;
  return bytes;
}

std::size_t sized(std::size_t length) noexcept {
  return varint_size(length) + length;
}

// Kafka's record batch (magic 2) with this one record, uncompressed: 61 bytes of batch header, then
// a record whose attributes, timestamp delta and offset delta take a byte each.
std::uint32_t wire_bytes_of(const OutboxRow& row, std::optional<std::string_view> value,
                            const broker::Header* headers, std::size_t count) noexcept {
  constexpr std::size_t batch_header = 61;
  constexpr std::size_t lease_epoch = 1 + sizeof("lease_epoch") - 1 + 1 + 1;  // At least one digit.
  std::size_t body = 3 + sized(row.key.size()) + (value ? sized(value->size()) : 1) +
                     varint_size(count + 1) + lease_epoch;
  for (std::size_t i = 0; i < count; ++i) {
    body += sized(headers[i].name.size());
    body += headers[i].value ? sized(headers[i].value->size()) : 1;
  }
  return static_cast<std::uint32_t>(
      std::min<std::size_t>(batch_header + sized(body), std::numeric_limits<std::uint32_t>::max()));
}

std::string name_of(const RowId& id) {
  return id.text.empty() ? std::to_string(id.number) : quoted(id.text);
}

// A view that is not null, so that no C library takes an empty text for none.
std::string_view not_null(std::string_view text) noexcept {
  return text.data() == nullptr ? std::string_view("") : text;
}

}  // namespace

struct Preparer::Rules {
  explicit Rules(PrepareOptions given)
      : options(std::move(given)),
        outbox_id(to_string(options.outbox_id)),
        router(
            {options.default_topic, options.routes, options.transform, options.transformer.topic}),
        transformation(options.transform),
        envelope(options.envelope, options.cloudevents_source) {}

  PrepareOptions options;
  std::string outbox_id;
  Router router;
  Transformation transformation;
  Envelope envelope;
};

struct Preparer::Memory {
  Memory(std::shared_ptr<const Rules> kept, std::size_t expected)
      : rules(std::move(kept)), arena(expected) {}

  std::shared_ptr<const Rules> rules;
  TextArena arena;
};

// Makes one batch.
class Preparer::Making {
 public:
  Making(const Rules& rules, TextArena& arena, PreparedBatch& batch)
      : rules_(rules),
        arena_(arena),
        batch_(batch),
        row_headers_({rules.options.headers_max, rules.options.header_value_bytes_max}) {}

  void make(const OutboxRow& row, PreparedRow& out) {
    out.row = &row;
    out.headers_begin = static_cast<std::uint32_t>(batch_.headers.size());
    Fault fault = fill(row, out);
    if (fault) {
      batch_.headers.resize(out.headers_begin);
      out = PreparedRow{};
      out.row = &row;
      out.headers_begin = static_cast<std::uint32_t>(batch_.headers.size());
      out.defect =
          Failure{FailureKind::dead_letter, fmt::format("row {}: {}", name_of(row.id), *fault)};
      return;
    }
    out.headers_count = static_cast<std::uint32_t>(batch_.headers.size()) - out.headers_begin;
    out.wire_bytes =
        wire_bytes_of(row, out.value, batch_.headers.data() + out.headers_begin, out.headers_count);
  }

 private:
  Fault fill(const OutboxRow& row, PreparedRow& out) {
    if (row.key.empty()) {
      return fmt::format("its key is {}: set aggregate_id or event_key",
                         row.key_is_null ? "NULL" : "empty");
    }
    out.key_hash = murmur2(row.key);
    EnvelopeInput input;
    input.row = &row;
    input.aggregate_id = row.aggregate_id.empty() ? row.key : row.aggregate_id;
    input.aggregate_id_is_number = batch_.source.aggregate_id_is_number;
    if (auto fault = check_columns(row, input.aggregate_id)) return fault;
    Routed routed = rules_.router.route(row, routes_, arena_);
    if (!routed.fault.empty()) return std::move(routed.fault);
    out.topic = routed.topic;
    add_reserved_headers(row, input);
    if (auto fault = row_headers_.read(row.headers_json, arena_)) return fault;
    input.content_type =
        row.content_type.empty() ? row_headers_.text_of("content-type") : row.content_type;
    input.traceparent = row_headers_.text_of("traceparent");
    input.tracestate = row_headers_.text_of("tracestate");
    if (!row.payload_is_null) input.payload = not_null(row.payload);
    if (auto fault = transform(input, out.topic)) return fault;
    EnvelopeOutput output{batch_.headers, arena_, std::nullopt};
    if (auto fault = rules_.envelope.wrap(input, output)) return fault;
    out.value = output.value;
    const bool value_is_wrapped = rules_.envelope.kind() == EnvelopeKind::cloudevents_structured ||
                                  rules_.envelope.kind() == EnvelopeKind::standard;
    return row_headers_.append_to(batch_.headers, out.headers_begin, value_is_wrapped);
  }

  Fault check_columns(const OutboxRow& row, std::string_view aggregate_id) const {
    const std::size_t bytes_max = rules_.options.header_value_bytes_max;
    const auto too_long = [&](std::string_view column, std::size_t bytes) {
      return fmt::format("its {} has {} bytes, and it becomes a header, which takes {}: shorten it",
                         column, bytes, bytes_max);
    };
    if (row.event_type.size() > bytes_max) return too_long("event_type", row.event_type.size());
    if (row.aggregate_type.size() > bytes_max) {
      return too_long("aggregate_type", row.aggregate_type.size());
    }
    if (aggregate_id.size() > bytes_max) return too_long("aggregate_id", aggregate_id.size());
    if (row.content_type.size() > bytes_max) {
      return too_long("content_type", row.content_type.size());
    }
    if (row.id.text.size() > bytes_max) return too_long("id", row.id.text.size());
    if (row.occurred_at_us < occurred_at_us_min || row.occurred_at_us > occurred_at_us_max) {
      return "its created_at lies outside the years 1 to 9999: correct it";
    }
    return std::nullopt;
  }

  void add_reserved_headers(const OutboxRow& row, EnvelopeInput& input) {
    input.event_id = event_id_of(row);
    char* const time = arena_.room(timestamp_length);
    std::memcpy(time, format_timestamp(row.occurred_at_us).text, timestamp_length);
    input.occurred_at = {time, timestamp_length};
    auto& headers = batch_.headers;
    headers.push_back({"event_id", input.event_id});
    headers.push_back({"event_type", not_null(row.event_type)});
    headers.push_back({"aggregate_type", not_null(row.aggregate_type)});
    headers.push_back({"aggregate_id", input.aggregate_id});
    headers.push_back({"occurred_at", input.occurred_at});
    headers.push_back({"row_id", row_id_of(row.id)});
    headers.push_back({"outbox_id", rules_.outbox_id});
    if (row.replay) headers.push_back({"replay", "1"});
  }

  std::string_view event_id_of(const OutboxRow& row) {
    Uuid id = row.event_id;
    if (id.is_nil()) {
      const auto own = parse_uuid(row.id.text);
      id = own ? *own : named_uuid(rules_.options.outbox_id, row_id_of(row.id));
    }
    char* const text = arena_.room(uuid_length);
    format_to(id, text);
    return {text, uuid_length};
  }

  // A text id stays where it is: the rows do not move any more.
  std::string_view row_id_of(const RowId& id) {
    if (!id.text.empty()) return id.text;
    std::array<char, number_length_max> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), id.number);
    return arena_.keep({digits.data(), static_cast<std::size_t>(end.ptr - digits.data())});
  }

  Fault transform(EnvelopeInput& input, std::string_view topic) {
    if (!rules_.transformation.is_empty() && input.payload) {
      if (auto fault = run_steps(input, topic)) return fault;
    }
    if (rules_.options.transformer.value) return run_function(input, topic);
    return std::nullopt;
  }

  Fault run_steps(EnvelopeInput& input, std::string_view topic) {
    const OutboxRow& row = *input.row;
    const std::string_view payload = trim_json(*input.payload);
    if (const auto fault = find_json_fault(payload)) {
      return fmt::format(
          "relay.transform needs a payload that is a JSON object, and this is no JSON "
          "({}): correct it",
          describe(*fault));
    }
    if (json_type(payload) != JsonType::object) {
      return "relay.transform needs a payload that is a JSON object, and this is another JSON "
             "value: "
             "correct it";
    }
    for (const std::string_view text : {row.event_type, row.aggregate_type, input.aggregate_id}) {
      if (find_utf8_fault(text)) {
        return fmt::format("relay.transform needs {} to be UTF-8: correct it", quoted(text));
      }
    }
    std::string changed;
    changed.reserve(payload.size() + 64);
    const TemplateValues values{row.event_type, row.aggregate_type, input.aggregate_id, topic};
    if (auto fault = rules_.transformation.apply(payload, values, changed)) return fault;
    input.payload = arena_.take(changed);
    return std::nullopt;
  }

  Fault run_function(EnvelopeInput& input, std::string_view topic) {
    const OutboxRow& row = *input.row;
    const TransformInput event{.event_id = input.event_id,
                               .event_type = row.event_type,
                               .aggregate_type = row.aggregate_type,
                               .aggregate_id = input.aggregate_id,
                               .key = row.key,
                               .topic = topic,
                               .content_type = input.content_type,
                               .occurred_at_us = row.occurred_at_us,
                               .payload = input.payload};
    try {
      std::optional<std::string> value = rules_.options.transformer.value(event);
      input.payload.reset();
      if (value) input.payload = arena_.take(*value);
      return std::nullopt;
    } catch (const std::bad_alloc&) {
      throw;
    } catch (const std::exception& error) {
      return fmt::format("the transformer failed on it: {}", quoted(error.what()));
    }
  }

  const Rules& rules_;
  TextArena& arena_;
  PreparedBatch& batch_;
  RowHeaders row_headers_;
  Router::Memory routes_;
};

Preparer::Preparer(PrepareOptions options)
    : rules_(std::make_shared<const Rules>(std::move(options))) {}

PreparedBatch Preparer::prepare(RowBatch batch) const {
  PreparedBatch out;
  out.source = std::move(batch);
  const std::size_t rows = out.source.rows.size();
  // Most rows need this much; the short texts of all then stand in one block.
  const std::size_t expected = rows * (uuid_length + timestamp_length + number_length_max);
  const auto memory = std::make_shared<Memory>(rules_, expected);
  out.rows.resize(rows);
  out.headers.reserve(rows * (reserved_headers + 1));
  Making making(*rules_, memory->arena, out);
  for (std::size_t i = 0; i < rows; ++i)
    making.make(out.source.rows[i], out.rows[i]);
  out.memory = memory;
  return out;
}

}  // namespace outbox::relay
