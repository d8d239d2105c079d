// SPDX-License-Identifier: Apache-2.0
//
// Row F1: what each preset sets, and how a table is described by hand.
#include "config/presets.hpp"

#include <algorithm>

#include "config/settings_table.hpp"
#include "support.hpp"

namespace outbox::config {
namespace {

using ::testing::ElementsAre;
using testing::Given;
using ::testing::HasSubstr;
using testing::load_given;
using testing::refusal;
using namespace std::chrono_literals;

Settings with_preset(const std::string& name) {
  return load_given({.flags = {{"outbox.preset", name}}});
}

TEST(WithoutPreset, the_table_is_the_products_own_and_the_numbers_are_the_fast_ones) {
  const Settings settings = load_given({});
  EXPECT_EQ(settings.outbox().table, TableShape{});
  const RelaySettings& relay = settings.relay("default");
  EXPECT_EQ(relay.polling_interval, 50ms);
  EXPECT_EQ(relay.batch_size, 1'000);
  EXPECT_EQ(relay.backoff.kind, BackoffKind::exponential);
  EXPECT_EQ(relay.backoff.initial, 1s);
  EXPECT_EQ(relay.backoff.max, 300s);
  EXPECT_EQ(relay.max_attempts, 10);
  EXPECT_EQ(relay.envelope, Envelope::raw);
  EXPECT_EQ(relay.capture, Capture::lease);
  EXPECT_EQ(relay.settle, Settle::mark);
  EXPECT_EQ(relay.lease_ttl, 10s);
  EXPECT_EQ(relay.lock_timeout, 5min);
}

TEST(WithoutPreset, the_defaults_of_the_groups_are_those_of_the_table_of_settings) {
  const Settings settings = load_given({});
  const RelaySettings plain;
  const RelaySettings& relay = settings.relay("default");
  EXPECT_EQ(relay.polling_interval, plain.polling_interval);
  EXPECT_EQ(relay.batch_size, plain.batch_size);
  EXPECT_EQ(relay.default_topic, plain.default_topic);
  EXPECT_EQ(relay.lease_ttl, plain.lease_ttl);
  EXPECT_EQ(relay.lock_timeout, plain.lock_timeout);
  EXPECT_EQ(relay.slots, plain.slots);
  EXPECT_EQ(relay.max_attempts, plain.max_attempts);
  EXPECT_EQ(relay.backoff.jitter, plain.backoff.jitter);
  EXPECT_EQ(relay.max_in_flight_bytes, plain.max_in_flight_bytes);
  EXPECT_EQ(relay.max_in_flight_rows, plain.max_in_flight_rows);
  EXPECT_EQ(relay.max_blocked_keys, plain.max_blocked_keys);
  EXPECT_EQ(relay.topic_refresh_interval, plain.topic_refresh_interval);
  EXPECT_EQ(settings.process().start_timeout, ProcessSettings{}.start_timeout);
  EXPECT_EQ(settings.process().shutdown_timeout, ProcessSettings{}.shutdown_timeout);
  EXPECT_EQ(settings.cleanup().retention, CleanupSettings{}.retention);
  EXPECT_EQ(settings.cleanup().interval, CleanupSettings{}.interval);
}

TEST(Publisher, sets_the_table_and_the_numbers_of_document_a) {
  const Settings settings = with_preset("publisher");
  const TableShape& table = settings.outbox().table;
  EXPECT_FALSE(table.native);
  EXPECT_EQ(table.table, "outbox_events");
  EXPECT_EQ(table.id_type, IdType::uuid);
  EXPECT_EQ(table.order, RowOrder::created_at);
  EXPECT_TRUE(table.can_lock_rows());
  EXPECT_TRUE(table.dead_is_failed_for_ever());
  EXPECT_EQ(table.columns.event_id, std::nullopt);
  EXPECT_EQ(table.columns.bucket, std::nullopt);
  const RelaySettings& relay = settings.relay("default");
  EXPECT_EQ(relay.capture, Capture::row);
  EXPECT_EQ(relay.polling_interval, 1s);
  EXPECT_EQ(relay.batch_size, 100);
  EXPECT_EQ(relay.backoff.kind, BackoffKind::fixed);
  EXPECT_EQ(relay.backoff.initial, 60s);
  EXPECT_EQ(relay.backoff.jitter, 0);
  EXPECT_EQ(relay.envelope, Envelope::raw);
  EXPECT_EQ(relay.max_attempts, 10);
}

TEST(Shop, sets_the_table_and_the_numbers_of_document_b) {
  const Settings settings = with_preset("shop");
  const TableShape& table = settings.outbox().table;
  EXPECT_EQ(table.id_type, IdType::uuid);
  EXPECT_EQ(table.order, RowOrder::created_at);
  EXPECT_TRUE(table.dead_is_failed_for_ever());
  const RelaySettings& relay = settings.relay("default");
  EXPECT_EQ(relay.capture, Capture::row);
  EXPECT_EQ(relay.polling_interval, 200ms);
  EXPECT_EQ(relay.batch_size, 100);
  EXPECT_EQ(relay.envelope, Envelope::standard);
  EXPECT_EQ(relay.backoff.initial, 2s) << "min(300, 2^retry_count), the count being 1";
  EXPECT_EQ(relay.backoff.max, 300s);
  EXPECT_EQ(relay.backoff.jitter, 0);
  EXPECT_EQ(relay.default_topic, "default.events");
  EXPECT_EQ(relay.dead_letter_topic, "deadletter.events");
}

TEST(Trading, has_its_status_words_in_lower_case_and_a_maximum_per_event) {
  const Settings settings = with_preset("trading");
  const TableShape& table = settings.outbox().table;
  EXPECT_EQ(table.status.pending, "pending");
  EXPECT_EQ(table.status.published, "published");
  EXPECT_EQ(table.status.retry, "retry");
  EXPECT_EQ(table.status.dead, "failed");
  EXPECT_EQ(table.status.processing, std::nullopt);
  EXPECT_EQ(table.status.failed, std::nullopt);
  EXPECT_EQ(table.retried_word(), "retry");
  EXPECT_FALSE(table.dead_is_failed_for_ever());
  EXPECT_EQ(table.columns.payload, "event_data");
  EXPECT_EQ(table.columns.max_retries, "max_retries");
  EXPECT_EQ(table.order, RowOrder::created_at);
  EXPECT_EQ(settings.relay("default").max_attempts, 3);
  EXPECT_EQ(settings.relay("default").capture, Capture::lease);
}

TEST(Framework, has_neither_topic_nor_aggregate_type) {
  const Settings settings = with_preset("framework");
  const TableShape& table = settings.outbox().table;
  EXPECT_EQ(table.id_type, IdType::bigint);
  EXPECT_EQ(table.order, RowOrder::id);
  EXPECT_EQ(table.columns.payload, "event_data");
  EXPECT_EQ(table.columns.published_at, "processed_at");
  EXPECT_EQ(table.columns.topic, std::nullopt);
  EXPECT_EQ(table.columns.aggregate_type, std::nullopt);
  EXPECT_EQ(table.status.published, "PROCESSED");
  EXPECT_EQ(table.status.dead, "FAILED");
  const RelaySettings& relay = settings.relay("default");
  EXPECT_EQ(relay.polling_interval, 5s);
  EXPECT_EQ(relay.batch_size, 100);
  EXPECT_EQ(relay.max_attempts, 3);
}

TEST(Commerce, takes_the_partition_key_as_key) {
  const Settings settings = with_preset("commerce");
  const TableShape& table = settings.outbox().table;
  EXPECT_EQ(table.columns.key, "partition_key");
  EXPECT_EQ(table.columns.topic, "topic");
  EXPECT_EQ(table.columns.created_at, "created_at");
  EXPECT_THAT(table.optional_columns, ::testing::Contains("created_at"));
  EXPECT_EQ(settings.relay("default").polling_interval, 5s);
  EXPECT_EQ(settings.relay("default").max_attempts, 3);
}

class EveryPreset : public ::testing::TestWithParam<std::string> {};

TEST_P(EveryPreset, is_taken_whole_and_names_only_settings_that_exist) {
  const Settings settings = with_preset(GetParam());
  EXPECT_EQ(settings.preset(), GetParam());
  EXPECT_EQ(settings.outbox().table.preset, GetParam());
  EXPECT_TRUE(settings.warnings().empty());
  for (const PresetValue& value : find_preset(GetParam())->values) {
    EXPECT_NE(find_setting(value.setting), nullptr) << value.setting;
  }
}

TEST_P(EveryPreset, loses_optional_columns_that_the_table_has_not_and_no_others) {
  TableShape table = with_preset(GetParam()).outbox().table;
  const std::size_t before = table.column_names().size();
  const std::size_t optional = table.optional_columns.size();
  table.drop_missing_optional_columns({});
  EXPECT_EQ(table.column_names().size(), before - optional);
}

TEST_P(EveryPreset, can_be_overridden_setting_by_setting) {
  const Settings settings = load_given({.flags = {{"outbox.preset", GetParam()},
                                                  {"relay.batch-size", "7"},
                                                  {"outbox.columns.payload", "body"},
                                                  {"outbox.columns.topic", ""},
                                                  {"outbox.table", "legacy.events"}}});
  EXPECT_EQ(settings.relay("default").batch_size, 7);
  EXPECT_EQ(settings.outbox().table.columns.payload, "body");
  EXPECT_EQ(settings.outbox().table.columns.topic, std::nullopt);
  EXPECT_EQ(settings.outbox().table.schema, "legacy");
  EXPECT_EQ(settings.outbox().table.table, "events");
}

INSTANTIATE_TEST_SUITE_P(Presets, EveryPreset,
                         ::testing::Values("publisher", "shop", "trading", "framework",
                                           "commerce"));

class NoRowCapture : public ::testing::TestWithParam<std::string> {};

TEST_P(NoRowCapture, is_refused_with_the_reason) {
  const std::string message =
      refusal({.flags = {{"outbox.preset", GetParam()}, {"relay.capture", "row"}}});
  EXPECT_THAT(message, HasSubstr("relay.capture (flag --relay.capture) is 'row', and preset " +
                                 GetParam() + " refuses it, its table has no status word"));
  testing::expect_good_message(message);
}

INSTANTIATE_TEST_SUITE_P(Presets, NoRowCapture,
                         ::testing::Values("trading", "framework", "commerce"));

TEST(OwnMapping, describes_a_table_that_may_lack_all_that_is_not_named) {
  const Settings settings = load_given({.yaml = "outbox:\n"
                                                "  table: legacy_events\n"
                                                "  columns: {payload: body, key: part_key}\n"
                                                "  status: {published: SENT}\n"});
  TableShape table = settings.outbox().table;
  EXPECT_FALSE(table.native);
  EXPECT_EQ(table.columns.payload, "body");
  EXPECT_EQ(table.status.published, "SENT");
  table.drop_missing_optional_columns({"id", "event_type", "status", "body", "part_key"});
  EXPECT_THAT(table.column_names(), ElementsAre("id", "part_key", "event_type", "body", "status"));
}

TEST(OwnMapping, only_moves_the_native_table_where_no_column_or_word_is_given) {
  const Settings settings = load_given({.flags = {{"outbox.table", "shop.my_events"}}});
  EXPECT_TRUE(settings.outbox().table.native);
  EXPECT_EQ(settings.outbox().table.schema, "shop");
  EXPECT_TRUE(settings.outbox().table.optional_columns.empty());
}

struct Bad {
  Given given;
  std::string words;
};

class BadMapping : public ::testing::TestWithParam<Bad> {};

TEST_P(BadMapping, is_refused) {
  const std::string message = refusal(GetParam().given);
  EXPECT_THAT(message, HasSubstr(GetParam().words));
  testing::expect_good_message(message);
}

INSTANTIATE_TEST_SUITE_P(
    Mappings, BadMapping,
    ::testing::Values(
        Bad{{.flags = {{"outbox.columns.payload", ""}}}, "must have this column"},
        Bad{{.flags = {{"outbox.columns.payload", "a b"}}}, "no SQL name"},
        Bad{{.flags = {{"outbox.columns.payload", "body"}, {"outbox.columns.topic", "body"}}},
            "is 'body', which outbox.columns.payload is too"},
        Bad{{.flags = {{"outbox.columns.key", ""}, {"outbox.columns.aggregate-id", ""}}},
            "the column that holds the key"},
        Bad{{.flags = {{"outbox.columns.created-at", ""}, {"outbox.order-by", "created_at"}}},
            "outbox.columns.created-at is empty"},
        Bad{{.flags = {{"outbox.status.published", "PENDING"}}},
            "is 'PENDING', which outbox.status.pending is too"},
        Bad{{.flags = {{"outbox.status.dead", "FAILED"}, {"outbox.columns.next-attempt-at", ""}}},
            "is 'FAILED', which outbox.status.failed is too"},
        Bad{{.flags = {{"outbox.status.dead", ""}}}, "outbox.status.dead"},
        Bad{{.flags = {{"outbox.status.dead", "it's"}}}, "printable letters"},
        Bad{{.flags = {{"outbox.columns.locked-by", ""}, {"relay.capture", "row"}}},
            "no columns for who holds it"},
        Bad{{.flags = {{"outbox.preset", "framework"}, {"relay.aggregate-types", "order"}}},
            "the table has no column for the type"}));

}  // namespace
}  // namespace outbox::config
