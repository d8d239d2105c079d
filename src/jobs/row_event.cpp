// SPDX-License-Identifier: Apache-2.0
#include "jobs/row_event.hpp"

#include <utility>

#include <nlohmann/json.hpp>

namespace outbox::jobs {

namespace {

std::vector<ReceivedHeader> read_headers(std::string_view json) {
  std::vector<ReceivedHeader> headers;
  if (json.empty()) return headers;
  const auto parsed = nlohmann::json::parse(json, nullptr, false);
  if (parsed.is_null()) return headers;
  if (!parsed.is_object()) {
    throw Error(ErrorKind::failed, "the row's headers are no JSON object of texts");
  }
  for (const auto& [name, value] : parsed.items()) {
    if (value.is_null()) {
      headers.push_back({name, std::nullopt});
    } else {
      headers.push_back({name, value.is_string() ? value.get<std::string>() : value.dump()});
    }
  }
  return headers;
}

// As the relay has it: the row's own, or the id where that is a UUID, or one derived from both.
Uuid event_id_of(const OutboxRow& row, const std::string& row_id, const Uuid& outbox_id) {
  if (!row.event_id.is_nil()) return row.event_id;
  if (const auto own = parse_uuid(row.id.text)) return *own;
  return named_uuid(outbox_id, row_id);
}

}  // namespace

RowEvent::RowEvent(const OutboxRow& row, std::shared_ptr<const void> memory, const Uuid& outbox_id,
                   bool has_version)
    : memory_(std::move(memory)),
      row_id_(to_string(row.id)),
      occurred_at_(format_timestamp(row.occurred_at_us)),
      headers_(read_headers(row.headers_json)) {
  event_.event_id = event_id_of(row, row_id_, outbox_id);
  event_.event_type = row.event_type;
  event_.aggregate_type = row.aggregate_type;
  event_.aggregate_id = row.aggregate_id;
  event_.occurred_at = occurred_at_.text;
  event_.has_version = has_version;
  event_.version = row.version;
  if (!row.payload_is_null) event_.payload = row.payload;
  event_.content_type = row.content_type;
  if (!row.key_is_null) event_.key = row.key;
  event_.topic = row.topic;
  event_.timestamp_ms = row.occurred_at_us / 1000;
  event_.attempt = row.retry_count + 1;
  event_.headers = headers_;
}

}  // namespace outbox::jobs
