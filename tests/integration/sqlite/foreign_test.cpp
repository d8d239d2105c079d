// SPDX-License-Identifier: Apache-2.0
//
// Rows F1 and D2: tables of others with their own DDL. D's is what Java makes of it on SQLite; C's
// has text ids and is ordered by time.
#include <gmock/gmock.h>

#include <array>

#include <outbox/error.hpp>

#include "conformance/store/store_under_test.hpp"
#include "integration/sqlite/scratch.hpp"

namespace outbox::testing {
namespace {

using std::chrono_literals::operator""h;
using store::SettleMode;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::SizeIs;
using ::testing::StartsWith;

constexpr const char* framework_sql =
    "CREATE TABLE outbox_events (id INTEGER PRIMARY KEY AUTOINCREMENT, aggregate_id VARCHAR(255) "
    "NOT NULL, event_type VARCHAR(255) NOT NULL, event_data TEXT NOT NULL, created_at TIMESTAMP "
    "NOT NULL DEFAULT CURRENT_TIMESTAMP, processed_at TIMESTAMP, status VARCHAR(20) NOT NULL "
    "DEFAULT 'PENDING' CHECK (status IN ('PENDING', 'PROCESSED', 'FAILED')), retry_count INTEGER "
    "NOT NULL DEFAULT 0, version BIGINT NOT NULL DEFAULT 0)";

constexpr const char* trading_sql =
    "CREATE TABLE outbox_events (id VARCHAR(36) PRIMARY KEY, event_type VARCHAR(100) NOT NULL, "
    "aggregate_id VARCHAR(100) NOT NULL, aggregate_type VARCHAR(100) NOT NULL, event_data JSON NOT "
    "NULL, status VARCHAR(20) NOT NULL DEFAULT 'pending', retry_count INTEGER NOT NULL DEFAULT 0, "
    "max_retries INTEGER NOT NULL DEFAULT 3, created_at TIMESTAMP NOT NULL DEFAULT "
    "CURRENT_TIMESTAMP, updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, "
    "published_at TIMESTAMP)";

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
  shape.status.processing.reset();
  shape.status.failed.reset();
  return shape;
}

TableShape framework() {
  TableShape shape = no_columns("framework");
  shape.columns.published_at = "processed_at";
  shape.columns.error_message = "error_message";
  shape.columns.version = "version";
  shape.optional_columns = {"error_message", "version"};
  shape.status.published = "PROCESSED";
  shape.status.dead = "FAILED";
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
  shape.status.pending = "pending";
  shape.status.published = "published";
  shape.status.retry = "retry";
  shape.status.dead = "failed";
  return shape;
}

template <class Call>
Error thrown_by(Call&& call) {
  try {
    call();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "no outbox::Error was thrown";
  return Error(ErrorKind::failed, "none");
}

std::vector<std::string> keys_of(const RowBatch& batch) {
  std::vector<std::string> keys;
  for (const OutboxRow& row : batch.rows)
    keys.emplace_back(row.key);
  return keys;
}

/// A file with a table of somebody else's, and one member of a relay on it.
class SqliteForeign : public ::testing::Test {
 protected:
  void make(const char* table_sql, const TableShape& shape) {
    client_.emplace(folder_.file());
    client_->run(table_sql);
    options_.url = folder_.file();
    options_.member_name = "publisher-00000001";
    options_.table = shape;
    home().migrations()->apply();
  }

  [[nodiscard]] store::Home home() const { return store::sqlite::make_home(options_); }

  store::Agreed agree() {
    return home().agreement()->agree(
        {.relay_name = "default",
         .aggregate_types = {},
         .capture = "lease",
         .settle = options_.settle == SettleMode::remove ? "delete" : "mark",
         .slots = options_.slots});
  }

  void join() {
    agree();
    member_.home = home();
    member_.leases = member_.home.leases();
    member_.capture = member_.home.capture();
    member_.settlement = member_.home.settlement();
    member_.leases->join();
    for (const store::AcquiredSlot& slot : member_.leases->acquire(256))
      member_.held.push_back(slot.lease);
  }

  RowBatch read(const Query& query = {}) { return member_.read(query); }

  std::int64_t settle(const Settling& settling) { return member_.settle(settling).rows_settled; }

  static store::RetentionRequest after_a_day() {
    store::RetentionRequest request;
    request.keep = 24h;
    return request;
  }

  static store::RowChange change_of(const OutboxRow& row, store::RowOutcome outcome) {
    return {.id = row.id, .slot = row.slot, .outcome = outcome, .reason = "no", .retry_after = 1s};
  }

  void insert(const std::string& key, const std::string& columns = "",
              const std::string& values = "") {
    client_->run("INSERT INTO outbox_events (aggregate_id, event_type, event_data" + columns +
                 ") VALUES ('" + key + "', 'UserCreated', '{ \"n\":  1.10}'" + values + ")");
  }

  void insert_trade(const std::string& id, const std::string& key, const std::string& created_at) {
    insert(key, ", id, aggregate_type, created_at",
           ", '" + id + "', 'order', '" + created_at + "'");
  }

  ScratchFolder folder_;
  store::HomeOptions options_;
  std::optional<Client> client_;
  Member member_;
};

TEST_F(SqliteForeign, migrate_makes_only_tables_of_its_own) {
  make(framework_sql, framework());
  EXPECT_THAT(client_->run("SELECT name FROM sqlite_schema WHERE name NOT LIKE 'outboxd_%' AND "
                           "name NOT LIKE 'sqlite_%'"),
              ElementsAre("outbox_events"));
  EXPECT_EQ(client_->value("SELECT sql FROM sqlite_schema WHERE name = 'outbox_events'"),
            framework_sql);
  EXPECT_THAT(home().migrations()->apply(), IsEmpty());
}

TEST_F(SqliteForeign, framework_rows_come_in_order_and_become_processed) {
  make(framework_sql, framework());
  for (const char* key : {"b", "a", "b"})
    insert(key, ", version", ", 7");
  join();
  const RowBatch batch = read();
  ASSERT_THAT(keys_of(batch), ElementsAre("b", "a", "b"));
  const OutboxRow& row = batch.rows.front();
  EXPECT_EQ(row.payload, "{ \"n\":  1.10}") << "byte for byte";
  EXPECT_EQ(row.payload_kind, PayloadKind::text);
  EXPECT_EQ(row.version, 7);
  EXPECT_TRUE(row.event_id.is_nil()) << "derived by the relay";
  EXPECT_FALSE(row.key_is_null);
  const std::array published = {store::PublishedRow{.id = row.id, .slot = row.slot}};
  EXPECT_EQ(settle({.published = published}), 1);
  EXPECT_EQ(settle({.published = published}), 0) << "once settled it stays so";
  EXPECT_EQ(client_->value("SELECT status FROM outbox_events WHERE id = 1"), "PROCESSED");
  EXPECT_THAT(client_->value("SELECT processed_at FROM outbox_events WHERE id = 1"),
              MatchesRegex("....-..-.. ..:..:..\\...."))
      << "comparable with CURRENT_TIMESTAMP";
  EXPECT_THAT(keys_of(read()), ElementsAre("a", "b"));
}

TEST_F(SqliteForeign, a_failed_row_is_counted_its_key_held_back_and_at_last_it_is_failed) {
  make(framework_sql, framework());
  insert("a");
  join();
  const RowBatch batch = read();
  const OutboxRow& row = batch.rows.at(0);
  const std::array retried = {change_of(row, store::RowOutcome::retry)};
  store::KeyState key;
  key.key = "a";
  key.slot = row.slot;
  key.attempts = 1;
  key.blocked_for = 60s;
  key.head = row.id;
  key.reason = "no";
  const std::array held_back = {key};
  EXPECT_EQ(settle({.changes = retried, .keys = held_back}), 1);
  EXPECT_EQ(client_->value("SELECT status || retry_count FROM outbox_events"), "PENDING1");
  const auto view = home().backlog()->view(100);
  ASSERT_THAT(view.blocked_keys, SizeIs(1));
  EXPECT_EQ(view.blocked_keys[0].head, row.id);
  EXPECT_EQ(view.pending, 1);
  EXPECT_EQ(view.retrying, 1);
  EXPECT_LT(view.oldest_pending_age.value_or(1h), 60s);

  const std::array dead = {change_of(row, store::RowOutcome::dead)};
  EXPECT_EQ(settle({.changes = dead}), 1);
  EXPECT_EQ(client_->value("SELECT status || retry_count FROM outbox_events"), "FAILED2");
  EXPECT_THAT(read().rows, IsEmpty());
  EXPECT_EQ(home().backlog()->view(100).dead, 1);
}

TEST_F(SqliteForeign, optional_columns_are_used_where_the_table_has_them) {
  make(
      "CREATE TABLE outbox_events (ID INTEGER PRIMARY KEY AUTOINCREMENT, Aggregate_Id TEXT, "
      "event_type TEXT, event_data TEXT, created_at TEXT DEFAULT CURRENT_TIMESTAMP, "
      "processed_at TEXT, status TEXT DEFAULT 'PENDING', retry_count INTEGER DEFAULT 0, "
      "error_message TEXT)",
      framework());
  insert("a");
  join();
  const std::array dead = {change_of(read().rows.at(0), store::RowOutcome::dead)};
  EXPECT_EQ(settle({.changes = dead}), 1);
  EXPECT_EQ(client_->value("SELECT error_message FROM outbox_events"), "no");
}

TEST_F(SqliteForeign, what_is_missing_is_named_with_the_preset_that_fits) {
  make(framework_sql, trading());
  const Error columns = thrown_by([&] { agree(); });
  EXPECT_EQ(columns.kind(), ErrorKind::not_found);
  EXPECT_THAT(columns.what(), AllOf(HasSubstr("aggregate_type"), HasSubstr("max_retries"),
                                    HasSubstr("outbox.preset=framework")));
  EXPECT_THAT(thrown_by([&] { (void)home().backlog()->view(1); }).what(), HasSubstr("max_retries"));

  options_.table.table = "others";
  const Error table = thrown_by([&] { agree(); });
  EXPECT_EQ(table.kind(), ErrorKind::not_found);
  EXPECT_THAT(table.what(), HasSubstr("others"));

  options_.table = TableShape();
  EXPECT_THAT(thrown_by([&] { agree(); }).what(), HasSubstr("outbox.preset to framework"));
}

TEST_F(SqliteForeign, a_file_that_was_not_migrated_is_named_with_the_remedy) {
  client_.emplace(folder_.file());
  client_->run(framework_sql);
  options_.url = folder_.file();
  options_.table = framework();
  const Error error = thrown_by([&] { agree(); });
  EXPECT_EQ(error.kind(), ErrorKind::not_found);
  EXPECT_THAT(error.what(), AllOf(HasSubstr("outboxd_meta"), HasSubstr("outboxd migrate")));
}

TEST_F(SqliteForeign, ids_of_another_type_and_blobs_are_refused) {
  make(
      "CREATE TABLE outbox_events (id BLOB PRIMARY KEY, aggregate_id TEXT, event_type TEXT, "
      "event_data TEXT, created_at TEXT, processed_at TEXT, status TEXT, retry_count INTEGER)",
      framework());
  EXPECT_THAT(thrown_by([&] { agree(); }).what(), HasSubstr("BLOB and not bigint"));
  options_.table.id_type = IdType::uuid;
  EXPECT_THAT(thrown_by([&] { agree(); }).what(), HasSubstr("BLOB and not uuid"));
}

TEST_F(SqliteForeign, times_are_texts_or_integers_of_seconds_or_milliseconds) {
  make(framework_sql, framework());
  insert("text", ", created_at", ", '2026-01-02 03:04:05.678'");
  insert("seconds", ", created_at", ", 1767323045");
  insert("milliseconds", ", created_at", ", 1767323045678");
  insert("nonsense", ", created_at", ", 'soon'");
  join();
  const RowBatch batch = read();
  ASSERT_THAT(batch.rows, SizeIs(4));
  EXPECT_EQ(batch.rows[0].occurred_at_us, 1'767'323'045'678'000);
  EXPECT_EQ(batch.rows[1].occurred_at_us, 1'767'323'045'000'000);
  EXPECT_EQ(batch.rows[2].occurred_at_us, 1'767'323'045'678'000);
  EXPECT_EQ(batch.rows[3].occurred_at_us, 0);
}

TEST_F(SqliteForeign, rows_in_flight_are_left_out_and_reads_go_on_from_the_lowest_one) {
  make(framework_sql, framework());
  client_->run("CREATE INDEX by_status ON outbox_events (status, created_at)");
  for (const char* key : {"a", "b", "c", "d"})
    insert(key);
  join();
  const RowBatch first = read({.rows_max = 2});
  EXPECT_THAT(keys_of(first), ElementsAre("a", "b"));
  EXPECT_TRUE(first.more);
  const std::array in_flight = {first.rows[1].id, first.rows[0].id};
  const RowBatch all = read({.in_flight = in_flight, .rows_max = 2});
  EXPECT_THAT(keys_of(all), ElementsAre("c", "d"));
  EXPECT_FALSE(all.more);
  EXPECT_THAT(keys_of(read({.in_flight = in_flight, .lowest_unsettled = first.rows[1].id})),
              ElementsAre("c", "d"));
  const std::vector<std::string> blocked = {"c"};
  EXPECT_THAT(keys_of(read({.blocked_keys = blocked, .lowest_unsettled = first.rows[1].id})),
              ElementsAre("b", "d"));
}

TEST_F(SqliteForeign, trading_rows_come_by_time_with_text_ids_and_their_own_maximum) {
  make(trading_sql, trading());
  insert_trade("018f4e5a-1111-7222-8333-444455556666", "later", "2026-01-02 00:00:00");
  insert_trade("trade-2", "sooner", "2026-01-01 00:00:00");
  join();
  const RowBatch batch = read();
  ASSERT_THAT(keys_of(batch), ElementsAre("sooner", "later"));
  EXPECT_EQ(batch.rows[0].id.text, "trade-2");
  EXPECT_TRUE(batch.rows[0].event_id.is_nil());
  EXPECT_EQ(batch.rows[0].max_retries, 3);
  EXPECT_EQ(to_string(batch.rows[1].event_id), "018f4e5a-1111-7222-8333-444455556666");
  const std::array in_flight = {batch.rows[1].id};
  EXPECT_THAT(keys_of(read({.in_flight = in_flight})), ElementsAre("sooner"));
  const std::array published = {
      store::PublishedRow{.id = batch.rows[1].id, .slot = batch.rows[1].slot}};
  const std::array changes = {change_of(batch.rows[0], store::RowOutcome::retry)};
  EXPECT_EQ(settle({.published = published, .changes = changes}), 2);
  EXPECT_THAT(client_->run("SELECT status FROM outbox_events ORDER BY created_at"),
              ElementsAre("retry", "published"));
  EXPECT_THAT(keys_of(read()), ElementsAre("sooner"));
  const auto types = home().backlog()->pending_types(10, {});
  ASSERT_THAT(types, SizeIs(1));
  EXPECT_THAT(home().backlog()->pending_types(10, {types[0].aggregate_type}), SizeIs(0));
}

TEST_F(SqliteForeign, a_dead_row_that_is_failed_for_ever_is_left_alone) {
  TableShape shape = no_columns("publisher");
  shape.columns.next_attempt_at = "next_attempt_at";
  shape.status.failed = "FAILED";
  shape.status.dead = "FAILED";
  make(
      "CREATE TABLE outbox_events (id INTEGER PRIMARY KEY AUTOINCREMENT, aggregate_id TEXT, "
      "event_type TEXT, event_data TEXT, created_at TEXT DEFAULT CURRENT_TIMESTAMP, status TEXT "
      "DEFAULT 'PENDING', retry_count INTEGER DEFAULT 0, next_attempt_at TEXT)",
      shape);
  insert("dead");
  insert("retried");
  join();
  const RowBatch batch = read();
  const std::array changes = {change_of(batch.rows.at(0), store::RowOutcome::dead),
                              change_of(batch.rows.at(1), store::RowOutcome::retry)};
  EXPECT_EQ(settle({.changes = changes}), 2);
  EXPECT_THAT(client_->run("SELECT DISTINCT status FROM outbox_events"), ElementsAre("FAILED"));
  EXPECT_THAT(keys_of(read()), ElementsAre("retried"));
  EXPECT_EQ(home().backlog()->view(100).dead, 1);
}

TEST_F(SqliteForeign, an_event_is_inserted_with_what_the_documents_program_would_set) {
  make(framework_sql, framework());
  store::NewEvent event;
  event.aggregate_type = "user";
  event.aggregate_id = "42";
  event.event_type = "UserCreated";
  event.payload = "{}";
  EXPECT_THAT(home().events()->insert({&event, 1}), ElementsAre("1"));
  EXPECT_THAT(client_->value("SELECT created_at FROM outbox_events WHERE status = 'PENDING' AND "
                             "aggregate_id = '42' AND version = 1"),
              StartsWith("20"));
  event.topic = "elsewhere";
  EXPECT_THAT(thrown_by([&] {
                (void)home().events()->insert({&event, 1});
              }).what(),
              HasSubstr("no column for a topic"));
  EXPECT_EQ(client_->value("SELECT count(*) FROM outbox_events"), "1");
}

TEST_F(SqliteForeign, settled_rows_are_deleted_where_settle_says_so) {
  make(framework_sql, framework());
  options_.settle = SettleMode::remove;
  insert("a");
  join();
  const RowBatch batch = read();
  const std::array published = {
      store::PublishedRow{.id = batch.rows.at(0).id, .slot = batch.rows.at(0).slot}};
  EXPECT_EQ(settle({.published = published}), 1);
  EXPECT_EQ(client_->value("SELECT count(*) FROM outbox_events"), "0");
}

TEST_F(SqliteForeign, processed_rows_go_when_they_are_old_whatever_form_their_time_has) {
  make(framework_sql, framework());
  const std::string processed = ", status, created_at, processed_at";
  insert("old", processed, ", 'PROCESSED', '2001-01-01 00:00:00', '2001-01-02 00:00:00'");
  insert("old", processed, ", 'PROCESSED', 978307200000, 978393600000");
  insert("failed", processed, ", 'FAILED', '2001-01-01 00:00:00', NULL");
  insert("young", ", status, processed_at", ", 'PROCESSED', CURRENT_TIMESTAMP");
  insert("pending", ", created_at", ", '2001-01-01 00:00:00'");
  const auto retention = home().retention();
  EXPECT_EQ(retention->preview(after_a_day(), {}, 100).rows, 2);
  EXPECT_EQ(retention->clear_published(after_a_day()).rows, 2);
  EXPECT_THAT(client_->run("SELECT aggregate_id FROM outbox_events ORDER BY id"),
              ElementsAre("failed", "young", "pending"));
}

TEST_F(SqliteForeign, old_rows_with_text_ids_go_too) {
  make(trading_sql, trading());
  insert_trade("trade-1", "old", "2001-01-01 00:00:00");
  insert_trade("trade-2", "pending", "2001-01-01 00:00:00");
  client_->run(
      "UPDATE outbox_events SET status = 'published', published_at = '2001-01-01' "
      "WHERE id = 'trade-1'");
  EXPECT_EQ(home().retention()->clear_published(after_a_day()).rows, 1);
  EXPECT_THAT(client_->run("SELECT id FROM outbox_events"), ElementsAre("trade-2"));
}

// Without AUTOINCREMENT the id of a deleted newest row comes again, and the identity that is made
// from it; a consumer's inbox would take the new event for the old one.
TEST_F(SqliteForeign, the_newest_row_is_kept_where_its_id_would_be_given_out_again) {
  std::string sql = framework_sql;
  sql.erase(sql.find(" AUTOINCREMENT"), std::string(" AUTOINCREMENT").size());
  make(sql.c_str(), framework());
  for (int i = 0; i < 3; ++i) {
    insert("old", ", status, processed_at", ", 'PROCESSED', '2001-01-01 00:00:00'");
  }
  EXPECT_EQ(home().retention()->clear_published(after_a_day()).rows, 2);
  EXPECT_EQ(client_->value("SELECT group_concat(id) FROM outbox_events"), "3");
  const Uuid before = agree().outbox_id;
  EXPECT_EQ(agree().outbox_id, before);
  client_->run("DELETE FROM outbox_events");
  EXPECT_NE(agree().outbox_id, before);
  options_.settle = SettleMode::remove;
  EXPECT_THAT(thrown_by([&] { agree(); }).what(),
              AllOf(HasSubstr("relay.settle=delete"), HasSubstr("AUTOINCREMENT")));
}

}  // namespace
}  // namespace outbox::testing
