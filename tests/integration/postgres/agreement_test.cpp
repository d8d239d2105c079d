// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include "integration/postgres/relay.hpp"

namespace outbox::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class PostgresAgreement : public ::testing::Test {
 protected:
  void migrate() { store::postgres::make_home(options_of(schema_)).migrations()->apply(); }

  static store::Agreed agree(const store::HomeOptions& options) {
    return store::postgres::make_home(options).agreement()->agree({.relay_name = "default",
                                                                   .aggregate_types = {},
                                                                   .capture = "lease",
                                                                   .settle = "mark",
                                                                   .slots = 32});
  }

  PostgresSchema schema_;
};

TEST_F(PostgresAgreement, a_missing_table_names_migrate) {
  const Error error = error_of([&] { agree(options_of(schema_)); });
  EXPECT_EQ(error.kind(), ErrorKind::not_found);
  EXPECT_THAT(error.what(), AllOf(HasSubstr("outbox_events"), HasSubstr("outboxd migrate")));
}

TEST_F(PostgresAgreement, a_table_of_a_preset_names_the_preset) {
  schema_.execute(
      "CREATE TABLE outbox_events (id bigserial PRIMARY KEY, event_type text, "
      "topic text, partition_key text, payload text, status text, retry_count int)");
  const Error error = error_of([&] { agree(options_of(schema_)); });
  EXPECT_EQ(error.kind(), ErrorKind::not_found);
  EXPECT_THAT(error.what(), AllOf(HasSubstr("event_id"), HasSubstr("outbox.preset=commerce")));
}

TEST_F(PostgresAgreement, a_missing_column_is_named) {
  migrate();
  schema_.execute("ALTER TABLE outbox_events DROP COLUMN headers");
  const Error error = error_of([&] { agree(options_of(schema_)); });
  EXPECT_EQ(error.kind(), ErrorKind::not_found);
  EXPECT_THAT(error.what(), HasSubstr("no column headers"));
}

TEST_F(PostgresAgreement, a_column_of_a_type_that_cannot_be_used_is_named) {
  migrate();
  schema_.execute("ALTER TABLE outbox_events ALTER headers TYPE int USING 1");
  const Error error = error_of([&] { agree(options_of(schema_)); });
  EXPECT_EQ(error.kind(), ErrorKind::configuration);
  EXPECT_THAT(error.what(), AllOf(HasSubstr("headers"), HasSubstr("integer")));
}

TEST_F(PostgresAgreement, an_id_of_another_type_names_the_setting) {
  migrate();
  store::HomeOptions options = options_of(schema_);
  options.table.id_type = IdType::uuid;
  const Error error = error_of([&] { agree(options); });
  EXPECT_EQ(error.kind(), ErrorKind::configuration);
  EXPECT_THAT(error.what(), HasSubstr("outbox.columns.id-type"));
}

TEST_F(PostgresAgreement, own_tables_that_are_missing_name_migrate) {
  migrate();
  schema_.execute("DROP TABLE outboxd_slots");
  const Error error = error_of([&] { agree(options_of(schema_)); });
  EXPECT_EQ(error.kind(), ErrorKind::not_found);
  EXPECT_THAT(error.what(), AllOf(HasSubstr("outboxd_slots"), HasSubstr("outboxd migrate")));
}

TEST_F(PostgresAgreement, the_outbox_is_a_new_one_after_its_ids_went_back) {
  migrate();
  schema_.execute(
      "INSERT INTO outbox_events (aggregate_type, aggregate_id, event_type) "
      "SELECT 'order', 'k', 'PAID' FROM generate_series(1, 10)");
  const Uuid first = agree(options_of(schema_)).outbox_id;
  EXPECT_EQ(agree(options_of(schema_)).outbox_id, first);
  schema_.execute("DELETE FROM outbox_events");
  EXPECT_EQ(agree(options_of(schema_)).outbox_id, first) << "deleted rows are no step back";
  schema_.execute("TRUNCATE outbox_events RESTART IDENTITY");
  const Uuid second = agree(options_of(schema_)).outbox_id;
  EXPECT_NE(second, first);
  EXPECT_EQ(agree(options_of(schema_)).outbox_id, second);
}

TEST_F(PostgresAgreement, two_outboxes_of_one_schema_share_nothing) {
  migrate();
  store::HomeOptions other = options_of(schema_, "publisher-00000002");
  other.table.table = "orders_outbox";
  store::postgres::make_home(other).migrations()->apply();
  Member first = join(options_of(schema_));
  Member second = join(other);
  EXPECT_EQ(first.held.size(), 32U);
  EXPECT_EQ(second.held.size(), 32U);
  EXPECT_NE(agree(options_of(schema_)).outbox_id, agree(other).outbox_id);
}

TEST_F(PostgresAgreement, a_name_full_of_quotes_is_only_a_name) {
  store::HomeOptions options = options_of(schema_);
  options.table.table = "out\"box'; DROP TABLE x; --\\";
  store::postgres::make_home(options).migrations()->apply();
  const auto events = store::postgres::make_home(options).events();
  store::NewEvent event;
  event.aggregate_type = "order";
  event.aggregate_id = "k";
  event.event_type = "PAID";
  event.payload = "{}";
  events->insert({&event, 1});
  Member member = join(options);
  EXPECT_EQ(member.publish(member.read()).rows_settled, 1);
}

}  // namespace
}  // namespace outbox::testing
