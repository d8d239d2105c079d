// SPDX-License-Identifier: Apache-2.0
//
// reliability.md, 7.14: MariaDB's usual comparison takes other keys for the same.
#include <gmock/gmock.h>

#include "integration/mariadb/relay.hpp"

namespace outbox::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

TEST(MariadbKeys, that_differ_in_case_blanks_or_accents_are_different_keys_in_our_table) {
  MariadbDatabase database;
  store::mariadb::make_home(options_of(database)).migrations()->apply();
  insert_keys(database, {"a", "A", "a ", "ä", "b"});
  Member member = join(options_of(database));
  const std::vector<std::string> blocked = {"a"};
  EXPECT_THAT(keys_of(member.read({.blocked_keys = blocked})), ElementsAre("A", "a ", "ä", "b"));
  EXPECT_EQ(database.value("SELECT count(DISTINCT aggregate_id) FROM outbox_events"), "5");
}

TEST(MariadbKeys, are_told_apart_in_the_table_of_blocked_keys) {
  MariadbDatabase database;
  store::mariadb::make_home(options_of(database)).migrations()->apply();
  insert_keys(database, {"a", "A", "a "});
  Member member = join(options_of(database));
  const RowBatch batch = member.read();
  std::vector<store::KeyChange> keys;
  for (const OutboxRow& row : batch.rows) {
    keys.push_back({.key = std::string(row.key),
                    .topic = "t",
                    .slot = row.slot,
                    .attempts = 1,
                    .blocked_for = 1s,
                    .head = row.id,
                    .reason = "refused"});
  }
  member.settle({.keys = keys});
  EXPECT_THAT(member.home.backlog()->view(100).blocked_keys, SizeIs(3));
}

TEST(MariadbKeys, with_quotes_backslashes_and_zeros_are_taken_as_they_are) {
  MariadbDatabase database;
  store::mariadb::make_home(options_of(database)).migrations()->apply();
  store::NewEvent event;
  event.aggregate_type = "order'; DROP TABLE outbox_events; -- ";
  event.aggregate_id = std::string("k\\'\"\0x", 6);
  event.event_type = "`$1`";
  event.payload = R"({"text": "it's \\ \"quoted\""})";
  store::mariadb::make_home(options_of(database)).events()->insert({&event, 1});
  Member member = join(options_of(database));
  const RowBatch batch = member.read();
  ASSERT_THAT(batch.rows, SizeIs(1));
  EXPECT_EQ(batch.rows[0].key, event.aggregate_id);
  EXPECT_EQ(batch.rows[0].aggregate_type, event.aggregate_type);
  EXPECT_EQ(batch.rows[0].event_type, event.event_type);
  EXPECT_EQ(batch.rows[0].payload, *event.payload);
  const std::vector<std::string> blocked = {event.aggregate_id};
  EXPECT_THAT(member.read({.blocked_keys = blocked}).rows, SizeIs(0));
}

TEST(MariadbKeys, reading_unsettled_rows_uses_their_index_and_sorts_nothing) {
  MariadbDatabase database;
  store::mariadb::make_home(options_of(database)).migrations()->apply();
  database.execute(
      "INSERT INTO outbox_events (aggregate_type, aggregate_id, event_type, payload, status) "
      "SELECT 'order', seq, 'PAID', '{}', 'PUBLISHED' FROM seq_1_to_20000");
  insert_keys(database, {"a", "b"});
  database.execute("FLUSH STATUS");
  EXPECT_EQ(database.value("SELECT count(*) FROM (SELECT id FROM outbox_events FORCE INDEX "
                           "(outboxd_open) WHERE open_state = 1 ORDER BY id LIMIT 1000) t"),
            "2");
  const auto read = database.value(
      "SELECT sum(variable_value) FROM information_schema.session_status WHERE variable_name IN "
      "('HANDLER_READ_NEXT', 'HANDLER_READ_RND_NEXT', 'SORT_ROWS')");
  EXPECT_LT(std::stol(*read), 2000) << "not the rows that are published";
}

}  // namespace
}  // namespace outbox::testing
