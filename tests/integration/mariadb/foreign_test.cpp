// SPDX-License-Identifier: Apache-2.0
//
// Row F1: the tables of documents C and D with their own DDL (ENUM, AUTO_INCREMENT, json), and A's
// kind of table under capture `row`, whose dead letters must never come back.
#include <gmock/gmock.h>

#include "integration/mariadb/relay.hpp"

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
  shape.columns.payload = "event_data";
  shape.columns.status = "status";
  shape.columns.retry_count = "retry_count";
  shape.columns.created_at = "created_at";
  return shape;
}

TableShape trading() {
  TableShape shape = no_columns("trading");
  shape.id_type = IdType::text;
  shape.order = RowOrder::created_at;
  shape.columns.aggregate_type = "aggregate_type";
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

TableShape publisher() {
  TableShape shape = no_columns("publisher");
  shape.id_type = IdType::uuid;
  shape.order = RowOrder::created_at;
  shape.status.dead = "FAILED";
  shape.columns.payload = "payload";
  shape.columns.next_attempt_at = "next_attempt_at";
  shape.columns.locked_by = "locked_by";
  shape.columns.locked_at = "locked_at";
  return shape;
}

constexpr const char* trading_sql =
    "CREATE TABLE outbox_events (id char(36) PRIMARY KEY, event_type varchar(100) NOT NULL, "
    "aggregate_id varchar(100) NOT NULL, aggregate_type varchar(100) NOT NULL, "
    "event_data json NOT NULL, status enum('pending', 'published', 'failed', 'retry') NOT NULL "
    "DEFAULT 'pending', retry_count int NOT NULL DEFAULT 0, max_retries int NOT NULL DEFAULT 3, "
    "created_at timestamp(6) NOT NULL DEFAULT current_timestamp(6), "
    "updated_at timestamp(6) NOT NULL DEFAULT current_timestamp(6), published_at timestamp NULL) "
    "ENGINE = InnoDB DEFAULT CHARSET = utf8mb4";

constexpr const char* publisher_sql =
    "CREATE TABLE outbox_events (id char(36) PRIMARY KEY DEFAULT (uuid()), aggregate_id "
    "varchar(255) NOT NULL, event_type varchar(100) NOT NULL, payload json NOT NULL, "
    "status varchar(20) NOT NULL DEFAULT 'PENDING', retry_count int NOT NULL DEFAULT 0, "
    "next_attempt_at timestamp NULL, locked_by varchar(100), locked_at timestamp NULL, "
    "created_at timestamp(6) NOT NULL DEFAULT current_timestamp(6)) ENGINE = InnoDB "
    "DEFAULT CHARSET = latin1";

store::HomeOptions foreign(const MariadbDatabase& database, const TableShape& shape) {
  store::HomeOptions options = options_of(database);
  options.table = shape;
  return options;
}

TEST(MariadbForeign, trading_rows_come_by_time_with_their_json_and_their_own_maximum) {
  MariadbDatabase database;
  database.execute(trading_sql);
  const store::HomeOptions options = foreign(database, trading());
  store::mariadb::make_home(options).migrations()->apply();
  database.execute(
      "INSERT INTO outbox_events (id, event_type, aggregate_id, aggregate_type, event_data, "
      "max_retries, created_at) VALUES "
      "('018f4e5a-1111-7222-8333-444455556666', 'FILLED', 'A', 'order', '{ \"n\":  1}', 5, "
      "'2026-01-02 00:00:00'), "
      "('118f4e5a-1111-7222-8333-444455556666', 'FILLED', 'a', 'order', '{}', 3, "
      "'2026-01-01 00:00:00')");
  Member member = join(options);
  const RowBatch batch = member.read();
  ASSERT_THAT(keys_of(batch), ElementsAre("a", "A"));
  const OutboxRow& row = batch.rows[1];
  EXPECT_EQ(row.payload, "{ \"n\":  1}") << "byte for byte";
  EXPECT_EQ(row.payload_kind, PayloadKind::json);
  EXPECT_EQ(row.max_retries, 5);
  EXPECT_EQ(to_string(row.event_id), "018f4e5a-1111-7222-8333-444455556666");
  EXPECT_EQ(row.occurred_at_us, 1'767'312'000'000'000);
  const std::vector<std::string> blocked = {"a"};
  EXPECT_THAT(keys_of(member.read({.blocked_keys = blocked})), ElementsAre("A"))
      << "by bytes, although the column compares otherwise";
  const std::vector<RowId> in_flight = {row.id};
  EXPECT_THAT(keys_of(member.read({.in_flight = in_flight})), ElementsAre("a"));
  const std::vector<store::PublishedRow> published = {{.id = row.id, .slot = row.slot}};
  const std::vector<store::RowChange> changes = {{.id = batch.rows[0].id,
                                                  .slot = batch.rows[0].slot,
                                                  .outcome = store::RowOutcome::retry,
                                                  .reason = "refused",
                                                  .retry_after = 1s}};
  EXPECT_EQ(member.settle({.published = published, .changes = changes}).rows_settled, 2);
  EXPECT_EQ(database.value("SELECT group_concat(status ORDER BY id) FROM outbox_events"),
            "published,retry");
  EXPECT_THAT(keys_of(member.read()), ElementsAre("a"));
}

TEST(MariadbForeign, a_dead_row_of_publisher_is_failed_for_ever_and_left_alone) {
  MariadbDatabase database;
  database.execute(publisher_sql);
  store::HomeOptions options = foreign(database, publisher());
  options.capture = store::CaptureMode::row;
  store::mariadb::make_home(options).migrations()->apply();
  database.execute(
      "INSERT INTO outbox_events (aggregate_id, event_type, payload) VALUES "
      "('k1', 'MADE', '{}'), ('k2', 'MADE', '{}')");
  Member member = join(options);
  const RowBatch batch = member.read();
  ASSERT_THAT(batch.rows, SizeIs(2));
  EXPECT_EQ(database.value("SELECT group_concat(DISTINCT status) FROM outbox_events"),
            "PROCESSING");
  const std::vector<store::RowChange> changes = {{.id = batch.rows[0].id,
                                                  .slot = batch.rows[0].slot,
                                                  .outcome = store::RowOutcome::dead,
                                                  .reason = "no",
                                                  .retry_after = {}},
                                                 {.id = batch.rows[1].id,
                                                  .slot = batch.rows[1].slot,
                                                  .outcome = store::RowOutcome::released,
                                                  .reason = {},
                                                  .retry_after = {}}};
  EXPECT_EQ(member.settle({.changes = changes}).rows_settled, 2);
  EXPECT_EQ(database.value("SELECT next_attempt_at FROM outbox_events WHERE status = 'FAILED'"),
            "2038-01-19 03:14:07");
  EXPECT_THAT(member.read().rows, SizeIs(1));
  EXPECT_EQ(member.home.backlog()->view(100).dead, 1);
}

TEST(MariadbForeign, an_event_is_inserted_with_what_the_documents_program_would_set) {
  MariadbDatabase database;
  database.execute(trading_sql);
  const store::HomeOptions options = foreign(database, trading());
  store::NewEvent event;
  event.aggregate_type = "order";
  event.aggregate_id = "7";
  event.event_type = "FILLED";
  event.payload = "{}";
  const auto ids = store::mariadb::make_home(options).events()->insert({&event, 1});
  ASSERT_THAT(ids, SizeIs(1));
  EXPECT_EQ(database.value("SELECT id FROM outbox_events WHERE status = 'pending'"), ids[0]);
}

TEST(MariadbForeign, a_table_without_transactions_is_refused) {
  MariadbDatabase database;
  store::mariadb::make_home(options_of(database)).migrations()->apply();
  database.execute("ALTER TABLE outbox_events ENGINE = Aria TRANSACTIONAL = 0");
  const Error error = error_of([&] { join(options_of(database)); });
  EXPECT_EQ(error.kind(), ErrorKind::configuration);
}

}  // namespace
}  // namespace outbox::testing
