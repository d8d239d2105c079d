// SPDX-License-Identifier: Apache-2.0
//
// Issue 6, part 1: dead rows are listed, edited, sent again and taken out.
#include <gmock/gmock.h>

#include <fmt/format.h>

#include "conformance/store/operators_case.hpp"
#include "core/clock.hpp"

namespace outbox::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST_P(StoreConformance, dead_rows_come_in_the_order_of_their_delivery_page_by_page) {
  insert({"a", "b", "c"});
  Member member = join(options());
  const std::vector<RowId> dead = let_all_die(member);
  insert({"pending"});
  const auto rows = member.home.dead_rows();
  EXPECT_THAT(keys_of(rows->page(std::nullopt, 2, 100)), ElementsAre("a", "b"));
  EXPECT_THAT(keys_of(rows->page(dead[1], 2, 100)), ElementsAre("c"));
  EXPECT_THAT(rows->page(dead[2], 2, 100), IsEmpty());
  EXPECT_EQ(rows->count(100).rows, 3);
  EXPECT_TRUE(rows->count(3).exact);
  EXPECT_EQ(rows->count(2).rows, 2);
  EXPECT_FALSE(rows->count(2).exact);
}

TEST_P(StoreConformance, a_replayed_row_begins_anew_and_is_read_as_a_replay_until_it_is_settled) {
  const auto inserted = insert({"a", "b"});
  Member member = join(options());
  const std::vector<RowId> dead = let_all_die(member);
  const auto rows = member.home.dead_rows();
  EXPECT_THAT(rows->replay(dead), ElementsAreArray(dead));
  const RowFacts facts = *store_->row(inserted[0]);
  EXPECT_EQ(facts.status, "PENDING");
  EXPECT_EQ(facts.retry_count, 0);
  EXPECT_EQ(facts.error_message, "");
  EXPECT_EQ(facts.next_attempt_in, std::nullopt);
  EXPECT_THAT(rows->replay(dead), IsEmpty()) << "they are dead no more";
  insert({"new"});
  const RowBatch batch = member.read({.rescan = true});
  ASSERT_THAT(keys(batch), ElementsAre("a", "b", "new"));
  EXPECT_TRUE(batch.rows[0].replay);
  EXPECT_TRUE(batch.rows[1].replay);
  EXPECT_FALSE(batch.rows[2].replay);
  EXPECT_EQ(member.publish(batch).rows_settled, 3);
  EXPECT_EQ(store_->row(inserted[0])->status, "PUBLISHED");
  store_->execute("UPDATE outbox_events SET status = 'PENDING'");
  const RowBatch again = member.read({.rescan = true});
  ASSERT_THAT(again.rows, SizeIs(3));
  EXPECT_FALSE(again.rows[0].replay) << "that replay was settled";
}

TEST_P(StoreConformance, a_replay_outlives_the_instance_that_read_it_and_one_that_fails_again) {
  insert({"a"});
  store::HomeOptions first_options = options("publisher-00000001");
  Member first = join(first_options);
  const std::vector<RowId> dead = let_all_die(first);
  first.home.dead_rows()->replay(dead);
  EXPECT_TRUE(first.read({.rescan = true}).rows.at(0).replay);
  first.leases->leave();
  Member second = join(options("publisher-00000002"));
  const RowBatch batch = second.read();
  ASSERT_THAT(batch.rows, SizeIs(1));
  EXPECT_TRUE(batch.rows[0].replay);
  const std::vector<store::RowChange> changes = {{.id = batch.rows[0].id,
                                                  .slot = batch.rows[0].slot,
                                                  .outcome = store::RowOutcome::retry,
                                                  .reason = "refused",
                                                  .retry_after = 0s}};
  second.settle({.changes = changes});
  EXPECT_TRUE(second.read({.rescan = true}).rows.at(0).replay);
  EXPECT_THAT(let_all_die(second), SizeIs(1));
  second.home.dead_rows()->replay(dead);
  EXPECT_TRUE(second.read({.rescan = true}).rows.at(0).replay);
}

TEST_P(StoreConformance, a_replayed_row_is_no_longer_its_keys_head) {
  insert({"a"});
  Member member = join(options());
  const RowBatch batch = member.read();
  const std::vector<store::RowChange> changes = {{.id = batch.rows[0].id,
                                                  .slot = batch.rows[0].slot,
                                                  .outcome = store::RowOutcome::dead,
                                                  .reason = "refused",
                                                  .retry_after = {}}};
  const std::vector<store::KeyChange> blocked = {{.key = "a",
                                                  .topic = "t",
                                                  .slot = batch.rows[0].slot,
                                                  .attempts = 3,
                                                  .blocked_for = 60s,
                                                  .head = batch.rows[0].id,
                                                  .reason = "refused"}};
  member.settle({.changes = changes, .keys = blocked});
  const std::vector<RowId> rows = {batch.rows[0].id};
  member.home.dead_rows()->replay(rows);
  EXPECT_THAT(member.home.backlog()->view(10).blocked_keys, IsEmpty());
}

TEST_P(StoreConformance, only_dead_rows_are_changed) {
  insert({"pending"});
  Member member = join(options());
  const std::vector<RowId> rows = {member.read().rows.at(0).id,
                                   {.number = 999'999, .text = {}},
                                   {.number = 0, .text = "it's no id"}};
  const auto dead = member.home.dead_rows();
  EXPECT_THAT(dead->replay(rows), IsEmpty());
  EXPECT_THAT(dead->discard(rows, "me", "why"), IsEmpty());
  EXPECT_FALSE(edit(*dead, rows[0], {.payload = "{}"}));
  EXPECT_FALSE(edit(*dead, rows[1], {.payload = "{}"}));
  EXPECT_FALSE(member.read({.rescan = true}).rows.at(0).replay);
}

TEST_P(StoreConformance, an_edited_row_stays_dead_with_its_new_payload_topic_and_headers) {
  store::NewEvent bytes = event("bytes");
  bytes.payload.reset();
  bytes.payload_bytes = "\x01";
  insert_events({event("text"), bytes});
  Member member = join(options());
  const std::vector<RowId> dead = let_all_die(member);
  const auto rows = member.home.dead_rows();
  EXPECT_TRUE(edit(
      *rows, dead[0],
      {.payload = R"({"it's": "\\ é"})", .topic = "elsewhere", .headers_json = R"({"h": "1"})"}));
  EXPECT_TRUE(edit(*rows, dead[0], {.payload = R"({"it's": "\\ é"})"})) << "the same once more";
  EXPECT_TRUE(edit(*rows, dead[1], {.payload = std::string("\0\xFF", 2)}));
  const auto page = rows->page(std::nullopt, 10, 1000);
  ASSERT_THAT(page, SizeIs(2));
  EXPECT_EQ(page[0].payload, R"({"it's": "\\ é"})");
  EXPECT_EQ(page[0].topic, "elsewhere");
  EXPECT_EQ(page[0].headers_json, R"({"h": "1"})");
  EXPECT_EQ(page[1].payload, std::string("\0\xFF", 2));
  EXPECT_EQ(page[1].payload_kind, PayloadKind::bytes);
  EXPECT_TRUE(edit(*rows, dead[0], {.topic = "", .headers_json = ""}));
  EXPECT_EQ(rows->page(std::nullopt, 1, 1000)[0].topic, "");
  EXPECT_EQ(rows->page(std::nullopt, 1, 1000)[0].headers_json, "");
}

TEST_P(StoreConformance, an_edit_that_no_row_could_hold_is_refused_and_changes_nothing) {
  insert({"a"});
  Member member = join(options());
  const std::vector<RowId> dead = let_all_die(member);
  const auto rows = member.home.dead_rows();
  for (const std::string& payload : {std::string("{"), std::string("\xFF"), std::string("1 2")}) {
    EXPECT_THROW(edit(*rows, dead[0], {.payload = payload, .topic = "t"}), Error);
  }
  EXPECT_THROW(edit(*rows, dead[0], {.headers_json = "{"}), Error);
  const auto page = rows->page(std::nullopt, 10, 1000);
  EXPECT_EQ(page.at(0).payload, R"({"n": 1})");
  EXPECT_EQ(page.at(0).topic, "");
}

TEST_P(StoreConformance, a_discarded_row_is_gone_from_the_outbox_and_kept_whole) {
  store::NewEvent special = event("it's", R"({"n":1.10})");
  special.event_id = "018f4e5a-1111-7222-8333-444455556666";
  const auto inserted = insert_events({special, event("kept")});
  Member member = join(options());
  const std::vector<RowId> dead = let_all_die(member);
  const auto rows = member.home.dead_rows();
  const std::vector<RowId> one = {dead[0]};
  EXPECT_THAT(rows->discard(one, "ann's", "it's \\ broken"), ElementsAreArray(one));
  EXPECT_THAT(rows->discard(one, "bob", ""), IsEmpty()) << "somebody did it before";
  EXPECT_FALSE(store_->row(inserted[0]));
  EXPECT_TRUE(store_->row(inserted[1]));
  const std::string row = *store_->value("SELECT row_json FROM outboxd_discarded");
  for (const char* part : {"it's", "1.10", "018f4e5a-1111-7222-8333-444455556666", "DEAD",
                           "refused", "aggregate_type", "locked_by"}) {
    EXPECT_THAT(row, HasSubstr(part));
  }
  EXPECT_EQ(store_->value("SELECT row_id FROM outboxd_discarded"), inserted[0]);
  EXPECT_EQ(store_->value("SELECT event_id FROM outboxd_discarded"), special.event_id);
  EXPECT_EQ(store_->value("SELECT who FROM outboxd_discarded"), "ann's");
  EXPECT_EQ(store_->value("SELECT reason FROM outboxd_discarded"), "it's \\ broken");
}

TEST_P(StoreConformance, rows_of_any_size_are_discarded_together) {
  store::NewEvent bytes = event("bytes");
  bytes.payload.reset();
  bytes.payload_bytes = "x";
  insert({"small"});
  const std::string large = insert_events({bytes}).front();
  // Larger than what one statement may bring to MariaDB.
  const std::string url = options().url;
  const std::string_view nine_million = url.starts_with("postgres")
                                            ? "convert_to(repeat('x', 9000000), 'UTF8')"
                                        : url.starts_with("mariadb") ? "repeat('x', 9000000)"
                                                                     : "zeroblob(9000000)";
  store_->execute(fmt::format("UPDATE outbox_events SET payload_bytes = {} WHERE id = {}",
                              nine_million, large));
  insert_events({event("text", R"({"text": ")" + std::string(15'000'000, 'x') + "\"}")});
  Member member = join(options());
  std::vector<RowId> dead;
  for (int i = 0; i < 10 && dead.size() < 3; ++i) {
    for (const RowId& id : let_all_die(member))
      dead.push_back(id);
  }
  ASSERT_THAT(dead, SizeIs(3));
  EXPECT_THAT(member.home.dead_rows()->discard(dead, "ann", "all of them"), ElementsAreArray(dead));
  EXPECT_EQ(store_->value("SELECT count(*) FROM outbox_events"), "0");
  EXPECT_EQ(store_->value("SELECT count(*) FROM outboxd_discarded"), "3");
}

TEST_P(StoreConformance, a_discarded_row_is_found_by_its_id_and_its_events_id) {
  store::NewEvent special = event("it's", R"({"n":1.10})");
  special.event_id = "018f4e5a-1111-7222-8333-444455556666";
  special.topic = "orders";
  const auto inserted = insert_events({special, event("kept")});
  Member member = join(options());
  const std::vector<RowId> dead = let_all_die(member);
  const std::vector<RowId> one = {dead[0]};
  member.home.dead_rows()->discard(one, "ann", "a test order");
  const auto lookup = member.home.lookup();
  for (const std::string& id : {inserted[0], special.event_id.value()}) {
    const auto found = lookup->discarded(id, 100);
    ASSERT_THAT(found, SizeIs(1)) << id;
    EXPECT_EQ(found[0].who, "ann");
    EXPECT_EQ(found[0].reason, "a test order");
    EXPECT_GT(found[0].at_us, 1'700'000'000'000'000);
    const store::EventView& view = found[0].event;
    EXPECT_EQ(view.row, dead[0]);
    EXPECT_EQ(to_string(view.event_id), special.event_id);
    EXPECT_EQ(view.key, "it's");
    EXPECT_EQ(view.aggregate_type, "order");
    EXPECT_EQ(view.event_type, "ORDER_PAID");
    EXPECT_EQ(view.topic, "orders");
    EXPECT_EQ(view.state, store::EventState::dead);
    EXPECT_EQ(view.error, "refused");
    EXPECT_THAT(view.payload.value_or(""), HasSubstr("1.10"));
  }
  EXPECT_THAT(lookup->discarded(inserted[1], 100), IsEmpty());
  EXPECT_THAT(lookup->discarded("it's none", 100), IsEmpty());
}

TEST_P(StoreConformance, a_dead_row_says_when_it_died) {
  insert({"a"});
  Member member = join(options());
  const std::int64_t before_us = wall_clock_us() - 5'000'000;
  const std::vector<RowId> dead = let_all_die(member);
  const auto rows = member.home.dead_rows();
  const auto page = rows->page(std::nullopt, 1, 0);
  ASSERT_THAT(page, SizeIs(1));
  ASSERT_TRUE(page[0].died_at_us);
  EXPECT_GT(*page[0].died_at_us, before_us);
  EXPECT_LT(*page[0].died_at_us, before_us + 60'000'000);
  EXPECT_EQ(page[0].next_attempt_at_us, std::nullopt);
  rows->replay(dead);
  const auto found = find(*member.home.lookup(), {.row = dead[0]}).events;
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].died_at_us, std::nullopt);
  EXPECT_EQ(found[0].next_attempt_at_us, std::nullopt);
}

// SQLite's file is migrated before anything relays on it.
TEST_P(OpenWriterConformance, a_relay_that_runs_while_the_table_of_replays_is_made_marks_them) {
  insert({"a"});
  store_->execute("ALTER TABLE outboxd_replays RENAME TO not_yet_there");
  Member member = join(options());
  const std::vector<RowId> dead = let_all_die(member);
  store_->execute("ALTER TABLE not_yet_there RENAME TO outboxd_replays");
  member.home.dead_rows()->replay(dead);
  const auto deadline = BootClock::now() + 20s;
  bool is_replay = false;
  while (!is_replay && BootClock::now() < deadline) {
    const RowBatch batch = member.read({.rescan = true});
    ASSERT_THAT(batch.rows, SizeIs(1));
    is_replay = batch.rows[0].replay;
  }
  EXPECT_TRUE(is_replay);
}

}  // namespace
}  // namespace outbox::testing
