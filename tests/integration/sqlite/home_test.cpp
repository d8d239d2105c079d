// SPDX-License-Identifier: Apache-2.0
//
// What is particular to SQLite; what all stores have in common is tests/conformance/store.
#include <gmock/gmock.h>

#include <array>
#include <thread>

#include <outbox/error.hpp>

#include "core/clock.hpp"
#include "integration/sqlite/scratch.hpp"

namespace outbox::testing {
namespace {

using store::SettleMode;
using ::testing::HasSubstr;

class Sqlite : public SqliteFile {
 protected:
  static constexpr const char* insert_row =
      "INSERT INTO outbox_events (aggregate_type, aggregate_id, event_type, payload) "
      "VALUES ('order', '17', 'ORDER_PAID', '{\"n\": 1.10}')";
};

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

TEST_F(Sqlite, takes_rows_of_any_client_with_only_types_aggregate_and_payload) {
  client_->run(insert_row);
  const auto leases = home().leases();
  const auto held = take_all(*leases);
  const RowBatch batch = read(held);
  ASSERT_EQ(batch.rows.size(), 1U);
  const OutboxRow& row = batch.rows.front();
  EXPECT_EQ(row.key, "17");
  EXPECT_EQ(row.payload, "{\"n\": 1.10}") << "the bytes as they came in";
  EXPECT_FALSE(row.event_id.is_nil());
  EXPECT_EQ(row.event_id.bytes[6] >> 4U, 4) << "a random UUID says so";
  const std::int64_t age_us = wall_clock_us() - row.occurred_at_us;
  EXPECT_GE(age_us, -1000);
  EXPECT_LT(age_us, 60'000'000);
}

TEST_F(Sqlite, reads_created_at_to_the_millisecond_in_any_form_sqlite_takes) {
  client_->run(
      "INSERT INTO outbox_events (aggregate_type, aggregate_id, event_type, created_at) VALUES "
      "('a', '1', 't', '2026-01-02T03:04:05.678Z'), ('a', '2', 't', '2026-01-02 03:04:05')");
  const auto leases = home().leases();
  const auto held = take_all(*leases);
  const RowBatch batch = read(held);
  ASSERT_EQ(batch.rows.size(), 2U);
  EXPECT_EQ(batch.rows[0].occurred_at_us, 1'767'323'045'678'000);
  EXPECT_EQ(batch.rows[1].occurred_at_us, 1'767'323'045'000'000);
}

TEST_F(Sqlite, does_not_take_bytes_that_are_no_text_for_json) {
  client_->run(
      "PRAGMA ignore_check_constraints = 1;"
      "INSERT INTO outbox_events (aggregate_type, aggregate_id, event_type, payload) "
      "VALUES ('a', '1', 't', CAST(x'7B22FF227D' AS TEXT))");
  const auto leases = home().leases();
  const auto held = take_all(*leases);
  const RowBatch batch = read(held);
  ASSERT_EQ(batch.rows.size(), 1U);
  EXPECT_EQ(batch.rows[0].payload_kind, PayloadKind::bytes);
}

TEST_F(Sqlite, reads_unsettled_rows_by_the_partial_index_alone) {
  const auto plan = client_->run(
      "EXPLAIN QUERY PLAN SELECT id FROM outbox_events INDEXED BY outbox_events_unsettled "
      "WHERE (status = 'PENDING' OR status = 'PROCESSING' OR status = 'FAILED') AND id >= 5 "
      "ORDER BY id");
  EXPECT_EQ(plan.size(), 1U) << "no sorting step";
}

TEST_F(Sqlite, gives_no_id_out_twice_after_the_newest_row_was_deleted) {
  options_.settle = SettleMode::remove;
  const auto leases = home().leases();
  const auto held = take_all(*leases);
  client_->run(insert_row);
  const RowBatch batch = read(held);
  ASSERT_EQ(batch.rows.size(), 1U);
  EXPECT_EQ(publish(*home().settlement(), held, batch), 1);
  EXPECT_EQ(client_->value("SELECT count(*) FROM outbox_events"), "0");
  client_->run(insert_row);
  EXPECT_EQ(client_->value("SELECT id FROM outbox_events"), "2");
}

TEST_F(Sqlite, refuses_capture_row_and_schemas_with_the_reason) {
  auto options = options_;
  options.capture = store::CaptureMode::row;
  EXPECT_THAT(thrown_by([&] { (void)store::sqlite::make_home(options); }).what(),
              HasSubstr("relay.capture"));
  options = options_;
  options.table.schema = "app";
  EXPECT_THAT(thrown_by([&] { (void)store::sqlite::make_home(options); }).what(),
              HasSubstr("outbox.table"));
}

TEST_F(Sqlite, names_migrate_where_file_or_table_is_missing) {
  auto options = options_;
  options.url = folder_.file("nothing.db");
  const Error no_file =
      thrown_by([&] { store::sqlite::make_home(options).agreement()->agree({}); });
  EXPECT_EQ(no_file.kind(), ErrorKind::not_found);
  EXPECT_THAT(no_file.what(), HasSubstr("outboxd migrate"));
  EXPECT_FALSE(std::filesystem::exists(options.url)) << "looking must not make the file";

  options = options_;
  options.table.table = "others";
  const Error no_table =
      thrown_by([&] { store::sqlite::make_home(options).agreement()->agree({}); });
  EXPECT_EQ(no_table.kind(), ErrorKind::not_found);
  EXPECT_THAT(no_table.what(), HasSubstr("others"));
}

TEST_F(Sqlite, gives_the_outbox_a_new_identity_after_its_sequence_went_back) {
  const store::Terms terms{"default", {}, "lease", "mark", "idempotent", 32};
  client_->run(insert_row);
  const Uuid first = home().agreement()->agree(terms).outbox_id;
  EXPECT_EQ(home().agreement()->agree(terms).outbox_id, first);
  client_->run("DELETE FROM outbox_events; DELETE FROM sqlite_sequence");
  EXPECT_NE(home().agreement()->agree(terms).outbox_id, first);
}

TEST_F(Sqlite, binds_parameters_by_their_number_not_by_where_they_stand) {
  client_->run("CREATE TABLE pairs (a TEXT, b INTEGER)");
  const auto inbox = home().inbox();
  {
    const auto transaction = inbox->begin();
    const std::array<std::optional<std::string>, 2> values = {"left", "2"};
    transaction->execute("INSERT INTO pairs (b, a) VALUES ($2, $1)", values);
    transaction->commit();
  }
  EXPECT_EQ(client_->value("SELECT a || typeof(b) || b FROM pairs"), "leftinteger2");
}

TEST_F(Sqlite, refuses_a_handler_that_ends_the_transaction_itself) {
  const auto inbox = home().inbox();
  const auto transaction = inbox->begin();
  EXPECT_EQ(thrown_by([&] { transaction->execute("COMMIT", {}); }).kind(), ErrorKind::usage);
}

TEST_F(Sqlite, does_not_hang_where_a_thread_calls_a_seam_within_its_own_inbox_transaction) {
  const auto inbox = home().inbox();
  const auto transaction = inbox->begin();
  const auto events = home().events();
  EXPECT_EQ(thrown_by([&] { events->insert({}); }).kind(), ErrorKind::usage);
}

// Trap 45: a deferred BEGIN fails at once where another has committed meanwhile.
TEST_F(Sqlite, writes_beside_eight_other_writers_without_one_busy_error) {
  constexpr int each = 50;
  std::vector<std::jthread> writers;
  for (int i = 0; i < 8; ++i) {
    writers.emplace_back([this] {
      Client writer(folder_.file());
      for (int n = 0; n < each; ++n)
        writer.run(insert_row);
    });
  }
  const auto leases = home().leases();
  const auto held = take_all(*leases);
  const auto settlement = home().settlement();
  std::int64_t settled = 0;
  while (settled < 8 * each) {
    settled += publish(*settlement, held, read(held));
  }
  writers.clear();
  EXPECT_EQ(client_->value("SELECT count(*) FROM outbox_events WHERE status = 'PUBLISHED'"), "400");
}

TEST_F(Sqlite, keeps_the_write_ahead_log_bounded) {
  const auto events = home().events();
  const store::NewEvent event = order_event('"' + std::string(4000, 'x') + '"');
  for (int i = 0; i < 4000; ++i)
    events->insert(std::array{event});
  // 16 MB were written; a checkpoint is due every thousand pages, which is 4 MB.
  EXPECT_LT(std::filesystem::file_size(folder_.file() + "-wal"), 8U << 20U);
  EXPECT_EQ(client_->value("PRAGMA quick_check"), "ok");
}

}  // namespace
}  // namespace outbox::testing
