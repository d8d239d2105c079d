// SPDX-License-Identifier: Apache-2.0
//
// Row F1 and issue 6: what operators do to a table of others, which stays as it is.
#include <gmock/gmock.h>

#include "conformance/store/operators_mapped.hpp"

namespace outbox::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST_P(OperatorsMapped, dead_rows_are_replayed_in_their_order_and_marked) {
  Member member = join(shop_);
  const std::vector<RowId> dead = let_all_die(member);
  ASSERT_THAT(dead, SizeIs(3));
  EXPECT_EQ(value("status", 1), "FAILED");
  const auto rows = member.home.dead_rows();
  EXPECT_EQ(rows->count(10).rows, 3);
  EXPECT_THAT(keys_of(rows->page(std::nullopt, 2, 100)), ElementsAre("3", "1"));
  EXPECT_THAT(keys_of(rows->page(dead[1], 2, 100)), ElementsAre("2"));
  EXPECT_THAT(rows->replay(dead), SizeIs(3));
  EXPECT_THAT(rows->replay(dead), IsEmpty());
  EXPECT_EQ(value("status", 1), "PENDING");
  EXPECT_EQ(value("retry_count", 1), "0");
  EXPECT_EQ(value("error_message", 1), "NULL");
  const RowBatch batch = member.read({.rescan = true});
  ASSERT_THAT(keys(batch), ElementsAre("3", "1", "2"));
  EXPECT_TRUE(batch.rows[0].replay);
  EXPECT_EQ(member.publish(batch).rows_settled, 3);
  EXPECT_EQ(store_->value("SELECT count(*) FROM outboxd_replays"), "0");
}

TEST_P(OperatorsMapped, a_page_of_dead_rows_goes_on_behind_a_row_that_was_discarded) {
  Member member = join(shop_);
  let_all_die(member);
  const auto rows = member.home.dead_rows();
  std::vector<std::string> keys;
  std::optional<RowId> after;
  for (auto page = rows->page(after, 1, 100); !page.empty(); page = rows->page(after, 1, 100)) {
    keys.push_back(page[0].key.value_or("none"));
    after = page[0].row;
    const std::vector<RowId> one = {page[0].row};
    EXPECT_THAT(rows->discard(one, "ann", "why"), SizeIs(1));
  }
  EXPECT_THAT(keys, ElementsAre("3", "1", "2"));
  EXPECT_EQ(store_->value("SELECT count(*) FROM shop_outbox"), "0");
  EXPECT_THAT(*store_->value("SELECT row_json FROM outboxd_discarded"), HasSubstr("our own"));
}

TEST_P(OperatorsMapped, an_edit_of_a_column_that_is_not_there_names_it) {
  Member member = join(shop_);
  const std::vector<RowId> dead = let_all_die(member);
  const auto rows = member.home.dead_rows();
  try {
    edit(*rows, dead[0], {.payload = R"({"n": 2})", .topic = "t"});
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::configuration);
    EXPECT_THAT(error.what(), HasSubstr("outbox.columns.topic"));
  }
  EXPECT_EQ(rows->page(dead[0], 0, 100).size(), 0U);
  EXPECT_EQ(rows->page(std::nullopt, 1, 100).at(0).payload, R"({"n": 1})");
  EXPECT_TRUE(edit(*rows, dead[0], {.payload = R"({"n": 2})"}));
  EXPECT_EQ(rows->page(std::nullopt, 1, 100).at(0).payload, R"({"n": 2})");
}

TEST_P(OperatorsMapped, events_are_found_by_id_key_and_what_became_of_them) {
  Member member = join(shop_);
  const RowBatch batch = member.read();
  const std::vector<store::RowChange> changes = {{.id = batch.rows[0].id,
                                                  .slot = batch.rows[0].slot,
                                                  .outcome = store::RowOutcome::dead,
                                                  .reason = "no",
                                                  .retry_after = {}},
                                                 {.id = batch.rows[1].id,
                                                  .slot = batch.rows[1].slot,
                                                  .outcome = store::RowOutcome::retry,
                                                  .reason = "no",
                                                  .retry_after = 60s}};
  member.settle({.changes = changes});
  const auto lookup = member.home.lookup();
  const auto found = find(*lookup, {.event_id = parse_uuid(id(1))}).events;
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(to_string(found[0].event_id), id(1));
  EXPECT_EQ(found[0].row.text, id(1));
  EXPECT_EQ(found[0].state, store::EventState::retrying);
  EXPECT_EQ(found[0].status, "FAILED");
  EXPECT_EQ(found[0].created_at_us, 1'767'312'000'000'000);
  const auto keys_found = [&](const Search& query) { return keys_of(find(*lookup, query).events); };
  EXPECT_THAT(keys_found({.key = "2"}), ElementsAre("2"));
  EXPECT_THAT(keys_found({.aggregate_id = "2"}), ElementsAre("2"));
  EXPECT_THAT(keys_found({.states = {store::EventState::dead}}), ElementsAre("3"));
  EXPECT_THAT(keys_found({.states = {store::EventState::retrying}}), ElementsAre("1"));
  EXPECT_THAT(keys_found({.states = {store::EventState::pending}}), ElementsAre("2"));
  EXPECT_THAT(keys_found({.topic = "t"}), IsEmpty());
  EXPECT_EQ(find(*lookup, {.states = {store::EventState::dead}}).events[0].next_attempt_at_us,
            std::nullopt)
      << "never";
}

TEST_P(OperatorsMapped, with_an_index_over_the_time_events_come_by_it_page_by_page) {
  const auto by_id = store_->open(shop_).lookup();
  EXPECT_THAT(keys_of(find(*by_id, {}).events), ElementsAre("3", "2", "1"));
  store_->execute("CREATE INDEX shop_time ON shop_outbox (created_at)");
  const auto lookup = store_->open(shop_).lookup();
  std::vector<std::string> keys;
  std::optional<RowId> before;
  do {
    const store::EventPage page = find(*lookup, {.before = before, .rows_max = 1});
    for (const store::EventView& event : page.events)
      keys.push_back(*event.key);
    before = page.next;
  } while (before);
  EXPECT_THAT(keys, ElementsAre("2", "1", "3"));
}

}  // namespace

}  // namespace outbox::testing
