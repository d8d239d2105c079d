// SPDX-License-Identifier: Apache-2.0
//
// Issue 6, part 2: events found by what people know of them, at a bounded cost.
#include <gmock/gmock.h>

#include <fmt/format.h>

#include "conformance/store/operators_case.hpp"

namespace outbox::testing {
namespace {

using store::EventPage;
using store::EventState;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr const char* known = "018f4e5a-1111-7222-8333-444455556666";

TEST_P(StoreConformance, an_event_is_found_by_its_id_with_all_that_the_row_says) {
  store::NewEvent wanted = event("A-1", R"({"n":1.10})");
  wanted.event_id = known;
  wanted.key = "k";
  wanted.topic = "orders";
  wanted.headers_json = R"({"h":"x"})";
  insert({"a"});
  const auto ids = insert_events({wanted});
  insert({"b"});
  const auto lookup = store_->open(options()).lookup();
  const EventPage page = find(*lookup, {.event_id = parse_uuid(known)});
  ASSERT_THAT(page.events, SizeIs(1));
  const store::EventView& found = page.events[0];
  EXPECT_EQ(to_string(found.row), ids[0]);
  EXPECT_EQ(to_string(found.event_id), known);
  EXPECT_EQ(found.aggregate_type, "order");
  EXPECT_EQ(found.aggregate_id, "A-1");
  EXPECT_EQ(found.key, "k");
  EXPECT_EQ(found.event_type, "ORDER_PAID");
  EXPECT_EQ(found.topic, "orders");
  EXPECT_EQ(found.headers_json, R"({"h":"x"})");
  EXPECT_EQ(found.payload, R"({"n":1.10})") << "as it came in";
  EXPECT_EQ(found.payload_kind, PayloadKind::json);
  EXPECT_EQ(found.payload_bytes, 10);
  EXPECT_EQ(found.state, EventState::pending);
  EXPECT_EQ(found.status, "PENDING");
  EXPECT_GT(found.created_at_us, 1'700'000'000'000'000);
  EXPECT_EQ(found.published_at_us, std::nullopt);
  EXPECT_TRUE(page.looked_at_all);
  EXPECT_EQ(page.next, std::nullopt);
}

TEST_P(StoreConformance, events_are_found_by_each_of_their_texts_byte_for_byte) {
  store::NewEvent with_key = event("A-1");
  with_key.key = "it's \"k\" \\ é";
  insert_events({event("A-1"), event("a-1"), with_key});
  const auto lookup = store_->open(options()).lookup();
  const auto found = [&](const Search& query) { return keys_of(find(*lookup, query).events); };
  EXPECT_THAT(found({.key = "A-1"}), ElementsAre("A-1"));
  EXPECT_THAT(found({.key = with_key.key}), ElementsAre(*with_key.key));
  EXPECT_THAT(found({.aggregate_id = "A-1"}), ElementsAre(*with_key.key, "A-1"));
  EXPECT_THAT(found({.aggregate_type = "order", .aggregate_id = "a-1"}), ElementsAre("a-1"));
  EXPECT_THAT(found({.aggregate_id = "A-1 "}), IsEmpty());
  EXPECT_THAT(found({.event_type = "ORDER_PAID"}), SizeIs(3));
  EXPECT_THAT(found({.event_type = "order_paid"}), IsEmpty());
  EXPECT_THAT(found({.topic = "none"}), IsEmpty());
  EXPECT_THAT(found({.key = "x' OR '1'='1"}), IsEmpty());
  EXPECT_THAT(found({.key = std::string("a\0b", 3)}), IsEmpty());
  EXPECT_THAT(found({.key = "\xFF"}), IsEmpty());
}

TEST_P(StoreConformance, events_are_found_by_what_became_of_them) {
  const auto inserted = insert({"published", "dead", "retrying", "pending"});
  Member member = join(options());
  const RowBatch batch = member.read();
  const std::vector<store::PublishedRow> published = {
      {.id = batch.rows[0].id, .slot = batch.rows[0].slot}};
  const auto change = [&](std::size_t at, store::RowOutcome outcome) {
    return store::RowChange{.id = batch.rows[at].id,
                            .slot = batch.rows[at].slot,
                            .outcome = outcome,
                            .reason = "refused",
                            .retry_after = 60s};
  };
  const std::vector<store::RowChange> changes = {change(1, store::RowOutcome::dead),
                                                 change(2, store::RowOutcome::retry)};
  member.settle({.published = published, .changes = changes});
  const auto lookup = member.home.lookup();
  const auto found = [&](std::vector<EventState> states) {
    return find(*lookup, {.states = std::move(states)}).events;
  };
  for (const auto& [state, key] :
       {std::pair(EventState::published, "published"), std::pair(EventState::dead, "dead"),
        std::pair(EventState::retrying, "retrying"), std::pair(EventState::pending, "pending")}) {
    const auto events = found({state});
    ASSERT_THAT(keys_of(events), ElementsAre(key));
    EXPECT_EQ(events[0].state, state);
  }
  EXPECT_THAT(keys_of(found({EventState::pending, EventState::dead})),
              ElementsAre("pending", "dead"));
  EXPECT_THAT(keys_of(found({EventState::pending, EventState::retrying})),
              ElementsAre("pending", "retrying"));
  EXPECT_EQ(found({EventState::dead})[0].error, "refused");
  EXPECT_TRUE(found({EventState::published})[0].published_at_us);
  EXPECT_EQ(found({EventState::retrying})[0].retry_count, 1);
  EXPECT_TRUE(found({EventState::retrying})[0].next_attempt_at_us);
}

TEST_P(StoreConformance, pages_go_on_where_the_one_before_ended_the_newest_first) {
  insert({"1", "2", "3", "4", "5"});
  const auto lookup = store_->open(options()).lookup();
  EventPage page = find(*lookup, {.rows_max = 2});
  EXPECT_THAT(keys_of(page.events), ElementsAre("5", "4"));
  EXPECT_TRUE(page.looked_at_all);
  page = find(*lookup, {.before = page.next, .rows_max = 2});
  EXPECT_THAT(keys_of(page.events), ElementsAre("3", "2"));
  page = find(*lookup, {.before = page.next, .rows_max = 2});
  EXPECT_THAT(keys_of(page.events), ElementsAre("1"));
  EXPECT_EQ(page.next, std::nullopt);
}

TEST_P(StoreConformance, a_search_looks_at_no_more_rows_than_it_may_and_says_so) {
  std::vector<std::string> keys = {"wanted"};
  for (int i = 0; i < 40; ++i)
    keys.push_back("other");
  insert(keys);
  const auto lookup = store_->open(options()).lookup();
  Search query{.key = "wanted", .rows_max = 5, .looks_max = 15};
  EventPage page = find(*lookup, query);
  EXPECT_THAT(page.events, IsEmpty());
  EXPECT_FALSE(page.looked_at_all);
  int calls = 1;
  while (page.next && page.events.empty()) {
    query.before = page.next;
    page = find(*lookup, query);
    ++calls;
  }
  EXPECT_THAT(keys_of(page.events), ElementsAre("wanted"));
  EXPECT_EQ(calls, 3);
  EXPECT_TRUE(page.looked_at_all);
  EXPECT_EQ(page.next, std::nullopt);
}

TEST_P(StoreConformance, with_lookup_indexes_an_old_event_is_found_without_looking_at_the_newer) {
  store::HomeOptions indexed = options();
  indexed.lookup_indexes = true;
  EXPECT_THAT(store_->open(indexed).migrations()->apply(), SizeIs(1));
  EXPECT_THAT(store_->open(indexed).migrations()->apply(), IsEmpty());
  store::NewEvent wanted = event("wanted");
  wanted.event_id = known;
  store::NewEvent with_key = event("other");
  with_key.key = std::string(5000, 'k');
  std::vector<store::NewEvent> events = {wanted, with_key};
  for (int i = 0; i < 40; ++i)
    events.push_back(event("newer"));
  insert_events(events);
  const auto lookup = store_->open(indexed).lookup();
  const auto found = [&](Search search) {
    search.looks_max = 5;
    const EventPage page = find(*lookup, search);
    EXPECT_TRUE(page.looked_at_all);
    return keys_of(page.events);
  };
  EXPECT_THAT(found({.event_id = parse_uuid(known)}), ElementsAre("wanted"));
  EXPECT_THAT(found({.aggregate_id = "wanted"}), ElementsAre("wanted"));
  EXPECT_THAT(found({.key = "wanted"}), ElementsAre("wanted"));
  EXPECT_THAT(found({.key = with_key.key}), ElementsAre(*with_key.key));
  EXPECT_THAT(found({.key = std::string(4999, 'k')}), IsEmpty());
  EXPECT_THAT(keys_of(find(*lookup, {.key = "newer", .rows_max = 2, .looks_max = 5}).events),
              ElementsAre("newer", "newer"))
      << "frequent ones are met soon";
}

TEST_P(StoreConformance, a_search_has_its_time) {
  insert({"a"});
  const auto lookup = store_->open(options()).lookup();
  const std::int64_t created = *find(*lookup, {}).events.at(0).created_at_us;
  EXPECT_THAT(find(*lookup, {.since_us = created}).events, SizeIs(1));
  EXPECT_THAT(find(*lookup, {.since_us = created + 1'000'000}).events, IsEmpty());
  EXPECT_THAT(find(*lookup, {.until_us = created}).events, IsEmpty());
  EXPECT_THAT(find(*lookup, {.until_us = created + 1'000'000}).events, SizeIs(1));
}

TEST_P(StoreConformance, a_payload_is_cut_between_characters_and_its_length_is_told) {
  store::NewEvent bytes = event("bytes");
  bytes.payload.reset();
  bytes.payload_bytes = std::string("\0\1\2\xFF", 4);
  bytes.content_type = "application/octet-stream";
  insert_events({event("text", R"({"n":"ééé"})"), bytes});
  const auto lookup = store_->open(options()).lookup();
  const auto found = find(*lookup, {.payload_bytes_max = 8}).events;
  ASSERT_THAT(keys_of(found), ElementsAre("bytes", "text"));
  EXPECT_EQ(found[0].payload, bytes.payload_bytes);
  EXPECT_EQ(found[0].payload_kind, PayloadKind::bytes);
  EXPECT_EQ(found[0].payload_bytes, 4);
  EXPECT_EQ(found[0].content_type, "application/octet-stream");
  EXPECT_EQ(found[1].payload, R"({"n":"é)");
  EXPECT_EQ(found[1].payload_bytes, 14);
  EXPECT_EQ(find(*lookup, {.key = "text", .payload_bytes_max = 0}).events.at(0).payload,
            std::nullopt);
}

TEST_P(StoreConformance, a_row_is_found_by_its_id_and_none_by_another_ones) {
  const auto ids = insert({"a", "b"});
  const auto lookup = store_->open(options()).lookup();
  const RowId row{.number = std::stoll(ids[0]), .text = {}};
  EXPECT_THAT(keys_of(find(*lookup, {.row = row}).events), ElementsAre("a"));
  EXPECT_THAT(find(*lookup, {.row = RowId{.number = 999'999, .text = {}}}).events, IsEmpty());
  EXPECT_THAT(find(*lookup, {.row = RowId{.number = 0, .text = "x"}}).events, IsEmpty());
  EXPECT_THAT(find(*lookup, {.row = row, .key = "b"}).events, IsEmpty());
}

TEST_P(StoreConformance, the_inbox_tells_who_took_an_event) {
  const auto lookup = store_->open(options()).lookup();
  const Uuid id = *parse_uuid(known);
  EXPECT_THAT(lookup->inbox(id), IsEmpty());
  for (const char* consumer : {"stock", "mail", "bill"}) {
    store_->execute(
        fmt::format("INSERT INTO processed_events (consumer_name, event_id) VALUES "
                    "('{}', '{}')",
                    consumer, to_string(random_uuid())));
  }
  for (const char* consumer : {"stock", "bill"}) {
    store_->execute(
        fmt::format("INSERT INTO processed_events (consumer_name, event_id) VALUES "
                    "('{}', '{}')",
                    consumer, known));
  }
  std::vector<std::string> consumers;
  for (const store::InboxEntry& entry : lookup->inbox(id)) {
    consumers.push_back(entry.consumer);
    EXPECT_GT(entry.processed_at_us, 1'700'000'000'000'000);
  }
  EXPECT_THAT(consumers, ::testing::UnorderedElementsAre("stock", "bill"));
}

}  // namespace
}  // namespace outbox::testing
