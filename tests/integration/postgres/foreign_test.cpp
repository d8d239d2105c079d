// SPDX-License-Identifier: Apache-2.0
//
// Row F1: tables of the five documents, as their own programs make them, taken over as they stand.
#include <gmock/gmock.h>

#include "integration/postgres/relay.hpp"

namespace outbox::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TableShape no_columns(const std::string& preset) {
  TableShape shape;
  shape.native = false;
  shape.preset = preset;
  for (const ColumnField& field : column_fields)
    (shape.columns.*field.member).reset();
  shape.columns.id = "id";
  shape.columns.aggregate_id = "aggregate_id";
  shape.columns.event_type = "event_type";
  shape.columns.payload = "payload";
  shape.columns.status = "status";
  shape.columns.retry_count = "retry_count";
  shape.columns.created_at = "created_at";
  return shape;
}

TableShape shop() {
  TableShape shape = no_columns("shop");
  shape.id_type = IdType::uuid;
  shape.order = RowOrder::created_at;
  shape.status.dead = "FAILED";
  shape.columns.aggregate_type = "aggregate_type";
  shape.columns.next_attempt_at = "next_attempt_at";
  shape.columns.locked_by = "locked_by";
  shape.columns.locked_at = "locked_at";
  shape.columns.published_at = "published_at";
  shape.columns.error_message = "error_message";
  shape.columns.topic = "topic";
  shape.optional_columns = {"topic", "published_at"};
  return shape;
}

TableShape trading() {
  TableShape shape = no_columns("trading");
  shape.id_type = IdType::text;
  shape.order = RowOrder::created_at;
  shape.columns.aggregate_type = "aggregate_type";
  shape.columns.payload = "event_data";
  shape.columns.max_retries = "max_retries";
  shape.columns.updated_at = "updated_at";
  shape.columns.published_at = "published_at";
  shape.status = {.pending = "pending",
                  .processing = {},
                  .published = "published",
                  .failed = {},
                  .retry = "retry",
                  .dead = "failed"};
  return shape;
}

TableShape framework() {
  TableShape shape = no_columns("framework");
  shape.columns.payload = "event_data";
  shape.columns.published_at = "processed_at";
  shape.columns.version = "version";
  shape.status = {.pending = "PENDING",
                  .processing = {},
                  .published = "PROCESSED",
                  .failed = {},
                  .retry = {},
                  .dead = "FAILED"};
  return shape;
}

TableShape commerce() {
  TableShape shape = no_columns("commerce");
  shape.columns.aggregate_id.reset();
  shape.columns.key = "partition_key";
  shape.columns.topic = "topic";
  shape.status = {.pending = "PENDING",
                  .processing = {},
                  .published = "PUBLISHED",
                  .failed = {},
                  .retry = {},
                  .dead = "FAILED"};
  return shape;
}

class PostgresForeign : public ::testing::Test {
 protected:
  Member take_over(const TableShape& shape,
                   store::CaptureMode capture = store::CaptureMode::lease) {
    options_ = options_of(schema_);
    options_.table = shape;
    options_.capture = capture;
    store::postgres::make_home(options_).migrations()->apply();
    return join(options_);
  }

  std::vector<std::string> insert(store::NewEvent event) {
    return store::postgres::make_home(options_).events()->insert({&event, 1});
  }

  static store::NewEvent event(const std::string& key) {
    store::NewEvent event;
    event.aggregate_type = "order";
    event.aggregate_id = key;
    event.event_type = "PAID";
    event.payload = R"({"n":1})";
    return event;
  }

  static store::SettleResult change(Member& member, const OutboxRow& row,
                                    store::RowOutcome outcome) {
    const std::vector<store::RowChange> changes = {{.id = row.id,
                                                    .slot = row.slot,
                                                    .outcome = outcome,
                                                    .reason = "refused",
                                                    .retry_after = 60s}};
    return member.settle({.changes = changes});
  }

  std::string status(const std::string& where = "true") {
    return schema_.value("SELECT status FROM outbox_events WHERE " + where).value_or("gone");
  }

  PostgresSchema schema_;
  store::HomeOptions options_;
};

constexpr const char* shop_table =
    "CREATE TABLE outbox_events (id uuid PRIMARY KEY, aggregate_type varchar(50) NOT NULL, "
    "aggregate_id bigint NOT NULL, event_type varchar(50) NOT NULL, payload jsonb NOT NULL, "
    "status varchar(20) NOT NULL, retry_count int NOT NULL, next_attempt_at timestamp NOT NULL, "
    "locked_by varchar(64), locked_at timestamp, error_message text, "
    "created_at timestamp NOT NULL)";

TEST_F(PostgresForeign, a_shop_row_lives_as_its_document_says) {
  schema_.execute(shop_table);
  Member member = take_over(shop(), store::CaptureMode::row);
  const auto ids = insert(event("42"));
  const RowBatch batch = member.read();
  ASSERT_THAT(batch.rows, SizeIs(1));
  EXPECT_TRUE(batch.aggregate_id_is_number);
  EXPECT_EQ(batch.rows[0].key, "42");
  EXPECT_EQ(to_string(batch.rows[0].event_id), ids[0]) << "the id is the event's identity";
  EXPECT_EQ(batch.rows[0].payload, R"({"n": 1})") << "as jsonb writes it";
  EXPECT_EQ(status(), "PROCESSING");
  EXPECT_EQ(change(member, batch.rows[0], store::RowOutcome::retry).rows_settled, 1);
  EXPECT_EQ(status(), "FAILED");
  EXPECT_EQ(schema_.value("SELECT retry_count FROM outbox_events WHERE locked_by IS NULL AND "
                          "next_attempt_at - (now() AT TIME ZONE 'UTC') BETWEEN "
                          "interval '50 s' AND interval '61 s'"),
            "1");
  EXPECT_THAT(member.read().rows, IsEmpty()) << "not before its time";
  schema_.execute("UPDATE outbox_events SET next_attempt_at = now() AT TIME ZONE 'UTC'");
  const RowBatch again = member.read();
  ASSERT_THAT(again.rows, SizeIs(1));
  EXPECT_EQ(change(member, again.rows[0], store::RowOutcome::dead).rows_settled, 1);
  EXPECT_EQ(status("next_attempt_at = 'infinity'"), "FAILED");
  EXPECT_THAT(member.read().rows, IsEmpty()) << "FAILED for ever is dead";
  const store::BacklogView view = member.home.backlog()->view(10);
  EXPECT_EQ(view.pending, 0);
  EXPECT_EQ(view.dead, 1);
}

TEST_F(PostgresForeign, shop_rows_come_by_the_time_of_their_making_and_are_published) {
  schema_.execute(shop_table);
  Member member = take_over(shop(), store::CaptureMode::row);
  schema_.execute(
      "INSERT INTO outbox_events SELECT gen_random_uuid(), 'order', i, 'PAID', '{}', 'PENDING', 0, "
      "now() AT TIME ZONE 'UTC', NULL, NULL, NULL, now() AT TIME ZONE 'UTC' - i * interval '1 min' "
      "FROM generate_series(1, 4) i");
  const RowBatch batch = member.read();
  EXPECT_THAT(keys_of(batch), ElementsAre("4", "3", "2", "1"));
  EXPECT_EQ(member.publish(batch).rows_settled, 4);
  EXPECT_EQ(status("status <> 'PUBLISHED'"), "gone");
}

TEST_F(PostgresForeign, rows_in_flight_of_uuid_tables_are_left_out) {
  schema_.execute(shop_table);
  Member member = take_over(shop());
  insert(event("1"));
  insert(event("2"));
  const RowBatch batch = member.read();
  ASSERT_THAT(batch.rows, SizeIs(2));
  const std::vector<RowId> in_flight = {batch.rows[0].id};
  EXPECT_THAT(keys_of(member.read({.in_flight = in_flight})), ElementsAre(batch.rows[1].key));
}

TEST_F(PostgresForeign, a_trading_row_is_tried_again_under_its_own_word) {
  schema_.execute(
      "CREATE TABLE outbox_events (id varchar(36) PRIMARY KEY, event_type varchar(100) NOT NULL, "
      "aggregate_id varchar(100) NOT NULL, aggregate_type varchar(100) NOT NULL, event_data text "
      "NOT NULL, status varchar(20) NOT NULL, retry_count int NOT NULL, max_retries int NOT NULL, "
      "created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL, published_at "
      "timestamptz)");
  Member member = take_over(trading());
  insert(event("AAPL"));
  schema_.execute("UPDATE outbox_events SET updated_at = 'epoch'");
  const RowBatch batch = member.read();
  ASSERT_THAT(batch.rows, SizeIs(1));
  EXPECT_EQ(batch.rows[0].max_retries, 3);
  EXPECT_EQ(batch.rows[0].payload_kind, PayloadKind::text);
  EXPECT_FALSE(batch.rows[0].event_id.is_nil()) << "its text is a UUID";
  change(member, batch.rows[0], store::RowOutcome::retry);
  EXPECT_EQ(status("retry_count = 1 AND updated_at > 'epoch'"), "retry");
  const RowBatch again = member.read();
  ASSERT_THAT(again.rows, SizeIs(1));
  change(member, again.rows[0], store::RowOutcome::dead);
  EXPECT_EQ(status(), "failed");
  EXPECT_THAT(member.read().rows, IsEmpty());
}

TEST_F(PostgresForeign, a_framework_row_stays_pending_until_it_is_processed) {
  schema_.execute(
      "CREATE TABLE outbox_events (id bigserial PRIMARY KEY, aggregate_id varchar(255) NOT NULL, "
      "event_type varchar(255) NOT NULL, event_data text NOT NULL, created_at timestamp NOT NULL, "
      "processed_at timestamp, status varchar(20) NOT NULL, retry_count int NOT NULL, "
      "version bigint)");
  Member member = take_over(framework());
  insert(event("a"));
  const RowBatch batch = member.read();
  ASSERT_THAT(batch.rows, SizeIs(1));
  EXPECT_TRUE(batch.rows[0].event_id.is_nil()) << "the relay derives it";
  EXPECT_TRUE(batch.rows[0].aggregate_type.empty());
  change(member, batch.rows[0], store::RowOutcome::retry);
  EXPECT_EQ(status("retry_count = 1"), "PENDING");
  EXPECT_EQ(member.publish(member.read()).rows_settled, 1);
  EXPECT_EQ(status("processed_at IS NOT NULL"), "PROCESSED");
}

TEST_F(PostgresForeign, a_commerce_row_goes_by_its_partition_key) {
  schema_.execute(
      "CREATE TYPE outbox_status AS ENUM ('PENDING', 'PUBLISHED', 'FAILED');"
      "CREATE TABLE outbox_events (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, event_type "
      "text NOT NULL, topic text NOT NULL, partition_key text, payload text NOT NULL, "
      "status outbox_status NOT NULL, retry_count int NOT NULL, created_at timestamptz NOT NULL)");
  Member member = take_over(commerce());
  store::NewEvent created = event("17");
  created.topic = "order-events";
  insert(created);
  insert(created);
  schema_.execute("UPDATE outbox_events SET partition_key = NULL WHERE id = 2");
  const RowBatch batch = member.read();
  ASSERT_THAT(batch.rows, SizeIs(2));
  EXPECT_EQ(batch.rows[0].key, "17");
  EXPECT_EQ(batch.rows[0].topic, "order-events");
  EXPECT_TRUE(batch.rows[1].key_is_null);
  EXPECT_EQ(change(member, batch.rows[1], store::RowOutcome::dead).rows_settled, 1);
  EXPECT_EQ(member.publish(batch).rows_settled, 1);
  EXPECT_EQ(status("id = 1"), "PUBLISHED") << "the status column may be an enum";
  EXPECT_EQ(status("id = 2"), "FAILED");
}

TEST_F(PostgresForeign, a_table_without_columns_for_locks_refuses_capture_row) {
  schema_.execute(
      "CREATE TABLE outbox_events (id bigserial PRIMARY KEY, aggregate_id text, event_type text, "
      "event_data text, created_at timestamp, processed_at timestamp, status text, "
      "retry_count int, version int)");
  const Error error = error_of([&] { take_over(framework(), store::CaptureMode::row); });
  EXPECT_EQ(error.kind(), ErrorKind::configuration);
  EXPECT_THAT(error.what(), ::testing::HasSubstr("relay.capture"));
}

TEST_F(PostgresForeign, what_an_event_says_and_the_table_cannot_hold_is_refused) {
  schema_.execute(shop_table);
  Member member = take_over(shop());
  store::NewEvent keyed = event("1");
  keyed.key = "other";
  const Error error = error_of([&] { insert(keyed); });
  EXPECT_EQ(error.kind(), ErrorKind::failed);
  EXPECT_THAT(error.what(), ::testing::HasSubstr("event 1 of 1"));
}

}  // namespace
}  // namespace outbox::testing
