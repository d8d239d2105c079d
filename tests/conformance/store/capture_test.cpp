// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <set>

#include "conformance/store/store_under_test.hpp"

namespace outbox::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST_P(StoreConformance, rows_come_in_the_order_of_their_ids_with_all_their_columns) {
  store::NewEvent full = event("7", R"({ "b":1,  "a": "ä" })");
  full.event_id = "018f4e5a-1111-7222-8333-444455556666";
  full.key = "customer-9";
  full.topic = "orders";
  full.headers_json = R"({"trace":"x"})";
  store::NewEvent bytes = event("8");
  bytes.payload.reset();
  bytes.payload_bytes = std::string("\x00\xff\x01", 3);
  bytes.content_type = "application/avro";
  store::NewEvent empty = event("9");
  empty.payload.reset();
  const auto inserted = insert_events({full, bytes, empty});
  Member member = join(options());
  const RowBatch batch = member.read();
  ASSERT_THAT(ids(batch), ElementsAreArray(inserted));
  EXPECT_FALSE(batch.more);
  EXPECT_FALSE(batch.aggregate_id_is_number);
  const OutboxRow& first = batch.rows[0];
  EXPECT_EQ(to_string(first.event_id), "018f4e5a-1111-7222-8333-444455556666");
  EXPECT_EQ(first.aggregate_type, "order");
  EXPECT_EQ(first.aggregate_id, "7");
  EXPECT_EQ(first.key, "customer-9");
  EXPECT_EQ(first.event_type, "ORDER_PAID");
  EXPECT_EQ(first.topic, "orders");
  EXPECT_EQ(first.headers_json, R"({"trace":"x"})");
  EXPECT_EQ(first.payload, R"({ "b":1,  "a": "ä" })") << "byte for byte";
  EXPECT_EQ(first.payload_kind, PayloadKind::json);
  EXPECT_GT(first.occurred_at_us, 1'700'000'000'000'000);
  const OutboxRow& second = batch.rows[1];
  EXPECT_EQ(second.payload, std::string_view("\x00\xff\x01", 3));
  EXPECT_EQ(second.payload_kind, PayloadKind::bytes);
  EXPECT_EQ(second.content_type, "application/avro");
  EXPECT_EQ(second.key, "8");
  EXPECT_FALSE(second.event_id.is_nil());
  EXPECT_FALSE(second.payload_is_null);
  EXPECT_TRUE(batch.rows[2].payload_is_null);
}

TEST_P(StoreConformance, a_batch_ends_at_the_number_of_rows_and_says_that_there_is_more) {
  insert({"a", "b", "c"});
  Member member = join(options());
  const RowBatch two = member.read({.rows_max = 2});
  EXPECT_THAT(keys(two), ElementsAre("a", "b"));
  EXPECT_TRUE(two.more);
  const RowBatch all = member.read({.rows_max = 4});
  EXPECT_THAT(all.rows, SizeIs(3));
  EXPECT_FALSE(all.more);
}

TEST_P(StoreConformance, a_byte_budget_ends_a_batch_and_a_larger_row_comes_alone) {
  const std::string large = "\"" + std::string(100'000, 'x') + "\"";
  insert_events({event("a", large), event("b", large), event("c", large), event("d", large)});
  Member member = join(options());
  const RowBatch batch = member.read({.rows_max = 100, .bytes_max = 150'000});
  EXPECT_THAT(keys(batch), ElementsAre("a", "b")) << "over the budget by one row at most";
  EXPECT_TRUE(batch.more);
  EXPECT_EQ(batch.rows[1].payload, large);
  EXPECT_GE(batch.bytes, 200'000U);
  const RowBatch single = member.read({.rows_max = 100, .bytes_max = 10});
  EXPECT_THAT(keys(single), ElementsAre("a"));
  EXPECT_TRUE(single.more);
  EXPECT_EQ(single.rows[0].payload, large);
}

TEST_P(StoreConformance, rows_of_all_sizes_are_read_whole_by_a_small_budget) {
  std::vector<store::NewEvent> events;
  for (int i = 0; i < 40; ++i) {
    const std::size_t size = i % 7 == 0 ? 30'000U : static_cast<std::size_t>(10 + i);
    events.push_back(event("k" + std::to_string(i), "\"" + std::string(size, 'y') + "\""));
  }
  const auto inserted = insert_events(events);
  Member member = join(options());
  std::vector<std::string> seen;
  for (int reads = 0; reads < 100; ++reads) {
    const RowBatch batch = member.read({.rows_max = 10, .bytes_max = 20'000});
    if (batch.rows.empty()) break;
    for (const OutboxRow& row : batch.rows) {
      EXPECT_EQ(row.payload, *events[seen.size()].payload);
      seen.push_back(to_string(row.id));
    }
    EXPECT_EQ(member.publish(batch).rows_settled, static_cast<std::int64_t>(batch.rows.size()));
  }
  EXPECT_THAT(seen, ElementsAreArray(inserted));
}

TEST_P(StoreConformance, rows_in_flight_are_left_out) {
  insert({"a", "b", "c", "d"});
  Member member = join(options());
  const RowBatch all = member.read();
  const std::vector<RowId> in_flight = {all.rows[0].id, all.rows[2].id};
  const RowBatch rest = member.read({.in_flight = in_flight, .lowest_unsettled = all.rows[0].id});
  EXPECT_THAT(keys(rest), ElementsAre("b", "d"));
}

TEST_P(StoreConformance, rows_of_blocked_keys_are_left_out_and_keys_are_compared_by_bytes) {
  insert({"a", "A", "a ", "b", "a"});
  Member member = join(options());
  const std::vector<std::string> blocked = {"a"};
  EXPECT_THAT(keys(member.read({.blocked_keys = blocked})), ElementsAre("A", "a ", "b"));
  EXPECT_THAT(keys(member.read()), SizeIs(5)) << "they come again once the key is free";
}

TEST_P(StoreConformance, a_key_of_its_own_counts_as_the_wire_key) {
  store::NewEvent keyed = event("1");
  keyed.key = "customer";
  insert_events({keyed, event("2")});
  Member member = join(options());
  const std::vector<std::string> blocked = {"customer"};
  EXPECT_THAT(keys(member.read({.blocked_keys = blocked})), ElementsAre("2"));
}

TEST_P(StoreConformance, only_rows_of_the_keys_asked_for_are_read) {
  insert({"a", "b", "c", "b"});
  Member member = join(options());
  const std::vector<std::string> only = {"b", "x"};
  EXPECT_THAT(keys(member.read({.only_keys = only})), ElementsAre("b", "b"));
}

TEST_P(StoreConformance, rows_of_held_routes_are_left_out) {
  store::NewEvent other_topic = event("a");
  other_topic.topic = "payments";
  store::NewEvent other_type = event("b");
  other_type.event_type = "ORDER_CANCELED";
  insert_events({event("c"), other_topic, other_type});
  Member member = join(options());
  const std::vector<store::RouteColumns> held = {
      {.topic = "", .aggregate_type = "order", .event_type = "ORDER_PAID"},
      {.topic = "payments", .aggregate_type = "order", .event_type = "ORDER_PAID"}};
  EXPECT_THAT(keys(member.read({.held_routes = held})), ElementsAre("b"));
  EXPECT_THAT(keys(member.read({.held_routes = std::span(held).first(1)})), ElementsAre("a", "b"));
}

TEST_P(StoreConformance, each_row_is_read_by_the_holder_of_its_slot_alone) {
  std::vector<std::string> many;
  for (int i = 0; i < 300; ++i)
    many.push_back("key-" + std::to_string(i));
  insert(many);
  Member first = join(options("publisher-00000001"), 11);
  Member second = join(options("publisher-00000002"));
  const RowBatch one = first.read();
  const RowBatch two = second.read();
  EXPECT_GT(one.rows.size(), 30U);
  EXPECT_EQ(one.rows.size() + two.rows.size(), many.size());
  std::set<std::string> together;
  for (const RowBatch* batch : {&one, &two}) {
    for (const OutboxRow& row : batch->rows)
      together.emplace(row.key);
  }
  EXPECT_THAT(together, SizeIs(many.size()));
  for (const OutboxRow& row : one.rows) {
    const auto holds = [&row](const store::SlotLease& lease) { return lease.slot == row.slot; };
    EXPECT_TRUE(std::any_of(first.held.begin(), first.held.end(), holds));
  }
}

TEST_P(StoreConformance, rows_of_one_key_are_in_one_slot_whatever_the_column) {
  store::NewEvent keyed = event("other");
  keyed.key = "same";
  insert_events({event("same"), keyed});
  Member member = join(options());
  const RowBatch batch = member.read();
  ASSERT_THAT(batch.rows, SizeIs(2));
  EXPECT_EQ(batch.rows[0].slot, batch.rows[1].slot);
}

TEST_P(StoreConformance, a_relay_reads_its_share_of_the_aggregate_types) {
  store::NewEvent payment = event("p");
  payment.aggregate_type = "payment";
  insert_events({event("o"), payment});
  store::HomeOptions payments = options();
  payments.aggregate_types = {"payment"};
  Member member = join(payments);
  EXPECT_THAT(keys(member.read()), ElementsAre("p"));
}

TEST_P(StoreConformance, nothing_is_read_without_a_lease) {
  insert({"a"});
  Member member = join(options(), 0);
  EXPECT_THAT(member.read().rows, IsEmpty());
}

TEST_P(StoreConformance, a_backlog_is_drained_in_order_and_each_row_once) {
  std::vector<store::NewEvent> events;
  for (int i = 0; i < 3000; ++i)
    events.push_back(event("k" + std::to_string(i % 50)));
  const auto inserted = insert_events(events);
  Member member = join(options());
  std::vector<std::string> seen;
  std::vector<RowBatch> in_flight;
  while (true) {
    std::vector<RowId> known;
    for (const RowBatch& batch : in_flight) {
      for (const OutboxRow& row : batch.rows)
        known.push_back(row.id);
    }
    Query request{.in_flight = known, .rows_max = 100};
    if (!known.empty()) request.lowest_unsettled = known.front();
    RowBatch batch = member.read(request);
    for (const std::string& id : ids(batch))
      seen.push_back(id);
    if (batch.rows.empty() && in_flight.empty()) break;
    if (!batch.rows.empty()) in_flight.push_back(std::move(batch));
    if (in_flight.size() < 3 && seen.size() < inserted.size()) continue;
    member.publish(in_flight.front());
    in_flight.erase(in_flight.begin());
  }
  EXPECT_EQ(seen, inserted);
  EXPECT_THAT(member.read({.rescan = true}).rows, IsEmpty());
}

TEST_P(OpenWriterConformance, a_row_that_commits_late_is_read_after_those_that_drew_later_ids) {
  Member member = join(options());
  const auto late = store_->open_writer();
  late->insert("late");
  insert({"early"});
  const RowBatch early = member.read();
  EXPECT_THAT(keys(early), ElementsAre("early"));
  member.publish(early);
  EXPECT_THAT(member.read().rows, IsEmpty());
  late->commit();
  EXPECT_THAT(keys(member.read()), ElementsAre("late"));
}

TEST_P(OpenWriterConformance, a_row_that_is_rolled_back_is_never_read) {
  Member member = join(options());
  store_->open_writer()->insert("ghost");
  insert({"real"});
  EXPECT_THAT(keys(member.read()), ElementsAre("real"));
}

}  // namespace
}  // namespace outbox::testing
