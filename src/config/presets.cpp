// SPDX-License-Identifier: Apache-2.0
#include "config/presets.hpp"

#include <array>

namespace outbox::config {
namespace {

// A preset begins with a table of no columns: what is not named here the document does not have.
// The columns with `?` are not in each form of the document; they are used where the table has
// them.

// A: publisher service. Rows A2, A4, A7, A9.
constexpr std::array publisher = {
    PresetValue{"outbox.table", "outbox_events"},
    PresetValue{"outbox.order-by", "created_at"},
    PresetValue{"outbox.columns.id-type", "uuid"},
    PresetValue{"outbox.columns.id", "id"},
    PresetValue{"outbox.columns.aggregate-type", "aggregate_type?"},
    PresetValue{"outbox.columns.aggregate-id", "aggregate_id"},
    PresetValue{"outbox.columns.event-type", "event_type"},
    PresetValue{"outbox.columns.payload", "payload"},
    PresetValue{"outbox.columns.topic", "topic?"},
    PresetValue{"outbox.columns.status", "status"},
    PresetValue{"outbox.columns.retry-count", "retry_count"},
    PresetValue{"outbox.columns.next-attempt-at", "next_attempt_at"},
    PresetValue{"outbox.columns.locked-by", "locked_by"},
    PresetValue{"outbox.columns.locked-at", "locked_at"},
    PresetValue{"outbox.columns.created-at", "created_at"},
    PresetValue{"outbox.columns.updated-at", "updated_at?"},
    PresetValue{"outbox.columns.published-at", "published_at"},
    PresetValue{"outbox.columns.error-message", "error_message?"},
    PresetValue{"outbox.columns.version", "version?"},
    PresetValue{"outbox.status.dead", "FAILED"},
    PresetValue{"relay.capture", "row"},
    PresetValue{"relay.envelope", "raw"},
    PresetValue{"relay.polling-interval", "1s"},
    PresetValue{"relay.batch-size", "100"},
    PresetValue{"relay.backoff", "fixed"},
    PresetValue{"relay.backoff-initial", "60s"},
    PresetValue{"relay.backoff-jitter", "0"},
};

// B: shop pipeline. Rows B2 to B5. Its back-off is min(300, 2^retry_count) seconds with the count
// that the failed attempt has just raised, so the first wait is 2 s.
constexpr std::array shop = {
    PresetValue{"outbox.table", "outbox_events"},
    PresetValue{"outbox.order-by", "created_at"},
    PresetValue{"outbox.columns.id-type", "uuid"},
    PresetValue{"outbox.columns.id", "id"},
    PresetValue{"outbox.columns.aggregate-type", "aggregate_type"},
    PresetValue{"outbox.columns.aggregate-id", "aggregate_id"},
    PresetValue{"outbox.columns.event-type", "event_type"},
    PresetValue{"outbox.columns.payload", "payload"},
    PresetValue{"outbox.columns.topic", "topic?"},
    PresetValue{"outbox.columns.status", "status"},
    PresetValue{"outbox.columns.retry-count", "retry_count"},
    PresetValue{"outbox.columns.next-attempt-at", "next_attempt_at"},
    PresetValue{"outbox.columns.locked-by", "locked_by"},
    PresetValue{"outbox.columns.locked-at", "locked_at"},
    PresetValue{"outbox.columns.created-at", "created_at"},
    PresetValue{"outbox.columns.updated-at", "updated_at?"},
    PresetValue{"outbox.columns.published-at", "published_at?"},
    PresetValue{"outbox.columns.error-message", "error_message?"},
    PresetValue{"outbox.columns.version", "version?"},
    PresetValue{"outbox.status.dead", "FAILED"},
    PresetValue{"relay.capture", "row"},
    PresetValue{"relay.envelope", "standard"},
    PresetValue{"relay.polling-interval", "200ms"},
    PresetValue{"relay.batch-size", "100"},
    PresetValue{"relay.backoff", "exponential"},
    PresetValue{"relay.backoff-initial", "2s"},
    PresetValue{"relay.backoff-max", "300s"},
    PresetValue{"relay.backoff-jitter", "0"},
    PresetValue{"relay.default-topic", "default.events"},
    PresetValue{"relay.dead-letter-topic", "deadletter.events"},
};

// C: trading platform. Rows C1, C2 (a clean-up that is called, not one by itself), C5.
constexpr std::array trading = {
    PresetValue{"outbox.table", "outbox_events"},
    PresetValue{"outbox.order-by", "created_at"},
    PresetValue{"outbox.columns.id-type", "text"},
    PresetValue{"outbox.columns.id", "id"},
    PresetValue{"outbox.columns.aggregate-type", "aggregate_type"},
    PresetValue{"outbox.columns.aggregate-id", "aggregate_id"},
    PresetValue{"outbox.columns.event-type", "event_type"},
    PresetValue{"outbox.columns.payload", "event_data"},
    PresetValue{"outbox.columns.status", "status"},
    PresetValue{"outbox.columns.retry-count", "retry_count"},
    PresetValue{"outbox.columns.max-retries", "max_retries"},
    PresetValue{"outbox.columns.created-at", "created_at"},
    PresetValue{"outbox.columns.updated-at", "updated_at"},
    PresetValue{"outbox.columns.published-at", "published_at"},
    PresetValue{"outbox.columns.error-message", "error_message?"},
    PresetValue{"outbox.columns.version", "version?"},
    PresetValue{"outbox.status.pending", "pending"},
    PresetValue{"outbox.status.processing", ""},
    PresetValue{"outbox.status.published", "published"},
    PresetValue{"outbox.status.failed", ""},
    PresetValue{"outbox.status.retry", "retry"},
    PresetValue{"outbox.status.dead", "failed"},
    PresetValue{"relay.max-attempts", "3"},
    PresetValue{"cleanup.retention-days", "7"},
};

// D: framework module. Rows D1, D6, D10.
constexpr std::array framework = {
    PresetValue{"outbox.table", "outbox_events"},
    PresetValue{"outbox.order-by", "id"},
    PresetValue{"outbox.columns.id-type", "bigint"},
    PresetValue{"outbox.columns.id", "id"},
    PresetValue{"outbox.columns.aggregate-id", "aggregate_id"},
    PresetValue{"outbox.columns.event-type", "event_type"},
    PresetValue{"outbox.columns.payload", "event_data"},
    PresetValue{"outbox.columns.status", "status"},
    PresetValue{"outbox.columns.retry-count", "retry_count"},
    PresetValue{"outbox.columns.created-at", "created_at"},
    PresetValue{"outbox.columns.published-at", "processed_at"},
    PresetValue{"outbox.columns.error-message", "error_message?"},
    PresetValue{"outbox.columns.version", "version?"},
    PresetValue{"outbox.status.processing", ""},
    PresetValue{"outbox.status.published", "PROCESSED"},
    PresetValue{"outbox.status.failed", ""},
    PresetValue{"outbox.status.dead", "FAILED"},
    PresetValue{"relay.polling-interval", "5000"},
    PresetValue{"relay.batch-size", "100"},
    PresetValue{"relay.backoff", "exponential"},
    PresetValue{"relay.max-attempts", "3"},
    PresetValue{"cleanup.enabled", "true"},
    PresetValue{"cleanup.retention-days", "30"},
    PresetValue{"cleanup.cleanup-interval", "86400000"},
};

// E: commerce pipeline. Row E1; its columns as JPA's usual naming writes them.
constexpr std::array commerce = {
    PresetValue{"outbox.table", "outbox_events"},
    PresetValue{"outbox.order-by", "id"},
    PresetValue{"outbox.columns.id-type", "bigint"},
    PresetValue{"outbox.columns.id", "id"},
    PresetValue{"outbox.columns.aggregate-type", "aggregate_type?"},
    PresetValue{"outbox.columns.aggregate-id", "aggregate_id?"},
    PresetValue{"outbox.columns.key", "partition_key"},
    PresetValue{"outbox.columns.event-type", "event_type"},
    PresetValue{"outbox.columns.payload", "payload"},
    PresetValue{"outbox.columns.topic", "topic"},
    PresetValue{"outbox.columns.status", "status"},
    PresetValue{"outbox.columns.retry-count", "retry_count"},
    PresetValue{"outbox.columns.created-at", "created_at?"},
    PresetValue{"outbox.columns.updated-at", "updated_at?"},
    PresetValue{"outbox.columns.published-at", "published_at?"},
    PresetValue{"outbox.columns.error-message", "error_message?"},
    PresetValue{"outbox.columns.version", "version?"},
    PresetValue{"outbox.status.processing", ""},
    PresetValue{"outbox.status.failed", ""},
    PresetValue{"outbox.status.dead", "FAILED"},
    PresetValue{"relay.polling-interval", "5s"},
    PresetValue{"relay.max-attempts", "3"},
};

constexpr std::string_view no_words =
    "its table has no status word for a row in work and no columns for who holds it";

constexpr std::array all = {
    Preset{"publisher", "A, the publisher service", publisher, ""},
    Preset{"shop", "B, the shop pipeline", shop, ""},
    Preset{"trading", "C, the trading platform", trading, no_words},
    Preset{"framework", "D, the framework module", framework, no_words},
    Preset{"commerce", "E, the commerce pipeline", commerce, no_words},
};

}  // namespace

std::span<const Preset> presets() {
  return all;
}

const Preset* find_preset(std::string_view name) {
  for (const Preset& preset : all) {
    if (preset.name == name) return &preset;
  }
  return nullptr;
}

}  // namespace outbox::config
