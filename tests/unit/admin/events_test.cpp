// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <set>

#include "admin/controls.hpp"
#include "admin/events.hpp"
#include "admin/trace.hpp"
#include "unit/admin/fakes.hpp"

namespace outbox::testing {
namespace {

using namespace admin;

const Actor ada{"ada", "api"};

TEST(Events, of_several_stores_come_newest_first_page_by_page_each_once) {
  const FakeSite fake({"eu", "us"});
  for (int id = 1; id <= 50; ++id)
    fake.stores.at(id % 3 == 0 ? "us" : "eu")->add(id, store::EventState::pending);
  Office office(fake.site());
  EventsRequest request;
  request.query.rows_max = 7;
  std::vector<int> rows;
  for (int page = 0; page < 20; ++page) {
    const Json found = find_events(office, request);
    EXPECT_TRUE(found["errors"].empty());
    for (const Json& event : found["items"])
      rows.push_back(std::stoi(event["row"].get<std::string>()));
    if (found["next_cursor"].is_null()) break;
    request.cursor = found["next_cursor"];
  }
  std::vector<int> expected;
  for (int id = 50; id >= 1; --id)
    expected.push_back(id);
  EXPECT_EQ(rows, expected);
}

TEST(Events, are_found_in_the_stores_that_answer) {
  const FakeSite fake({"eu", "us"});
  fake.stores.at("eu")->add(1, store::EventState::pending);
  fake.stores.at("us")->is_down = true;
  Office office(fake.site());
  const Json found = find_events(office, {});
  EXPECT_EQ(found["items"].size(), 1U);
  EXPECT_EQ(found["errors"][0]["store"], "us");
  fake.stores.at("eu")->is_down = true;
  EXPECT_EQ(error_of([&] { return find_events(office, {}); }).kind(), ErrorKind::unreachable);
}

TEST(Events, refuse_a_cursor_that_is_none_and_an_id_that_is_none) {
  const FakeSite fake;
  Office office(fake.site());
  EventsRequest request;
  request.cursor = "'; DROP TABLE outbox_events";
  EXPECT_EQ(error_of([&] { return find_events(office, request); }).kind(), ErrorKind::usage);
  EXPECT_EQ(error_of([&] { return show_event(office, "1 OR 1=1"); }).kind(), ErrorKind::usage);
  EXPECT_EQ(error_of([&] { return show_event(office, "77"); }).kind(), ErrorKind::not_found);
}

TEST(Events, are_retried_only_where_they_are_dead_and_the_log_says_by_whom) {
  const FakeSite fake;
  fake.first().add(1, store::EventState::dead);
  fake.first().add(2, store::EventState::published);
  Office office(fake.site());
  const std::string id = to_string(fake.first().rows.at(1).event_id);
  EXPECT_EQ(retry_event(office, {id, {}, "fixed"}, ada)["state"], "pending");
  EXPECT_EQ(error_of([&] {
              return retry_event(office, {"2", {}, "x"}, ada);
            }).kind(),
            ErrorKind::conflict);
  EXPECT_EQ(error_of([&] {
              return discard_event(office, {"2", {}, ""}, ada);
            }).kind(),
            ErrorKind::usage);
  const Json audit = list_audit(office, {});
  ASSERT_EQ(audit["items"].size(), 1U);
  EXPECT_EQ(audit["items"][0]["who"], "ada");
  EXPECT_EQ(audit["items"][0]["action"], "replay");
  EXPECT_EQ(audit["items"][0]["target"], "row.global.1");
  EXPECT_EQ(audit["items"][0]["details"]["via"], "api");
}

TEST(Audit, goes_on_page_by_page_over_all_stores) {
  const FakeSite fake({"eu", "us"});
  for (int i = 0; i < 10; ++i) {
    for (const auto& [name, store] : fake.stores)
      FakeControls(store).note({0, 0, "ada", "pause", name + std::to_string(i), "", "{}"});
  }
  Office office(fake.site());
  AuditRequest request;
  request.limit = 3;
  std::set<std::string> targets;
  std::size_t lines = 0;
  for (int page = 0; page < 20; ++page) {
    const Json found = list_audit(office, request);
    for (const Json& one : found["items"])
      targets.insert(one["target"].get<std::string>());
    lines += found["items"].size();
    if (found["next_cursor"].is_null()) break;
    request.cursor = found["next_cursor"];
  }
  EXPECT_EQ(lines, 20U);
  EXPECT_EQ(targets.size(), 20U);
}

TEST(Pauses, of_a_consumer_are_kept_by_its_group_and_where_its_inbox_is) {
  const FakeSite fake({"eu", "us"});
  Office office(fake.site());
  const PauseRequest request{store::PauseKind::consumer, "stock-keeper", {}, "deploy"};
  EXPECT_TRUE(pause(office, request, ada).changed);
  EXPECT_FALSE(pause(office, request, ada).changed);
  ASSERT_EQ(fake.stores.at("eu")->pauses.size(), 1U);
  EXPECT_EQ(fake.stores.at("eu")->pauses[0].name, "stock");
  EXPECT_TRUE(fake.stores.at("us")->pauses.empty());
  EXPECT_EQ(list_pauses(office)["items"][0]["name"], "stock");
  fake.stores.at("eu")->log_is_gone = true;
  EXPECT_EQ(error_of([&] { return resume(office, request, ada).changed; }).kind(),
            ErrorKind::failed);
  EXPECT_EQ(fake.stores.at("eu")->pauses.size(), 1U) << "what the log does not take stays";
  fake.stores.at("eu")->log_is_gone = false;
  EXPECT_TRUE(resume(office, request, ada).changed);
  EXPECT_FALSE(resume(office, request, ada).changed);
}

TEST(Pauses, of_what_is_not_there_are_refused) {
  const FakeSite fake;
  Office office(fake.site());
  const auto kind = [&](store::PauseKind what, const std::string& name) {
    return error_of([&] { return pause(office, {what, name, {}, ""}, ada).changed; }).kind();
  };
  EXPECT_EQ(kind(store::PauseKind::relay, "nobody"), ErrorKind::not_found);
  EXPECT_EQ(kind(store::PauseKind::consumer, "nobody"), ErrorKind::not_found);
  EXPECT_EQ(kind(store::PauseKind::topic, "no topic"), ErrorKind::usage);
  EXPECT_EQ(kind(store::PauseKind::key, ""), ErrorKind::usage);
  EXPECT_EQ(kind(store::PauseKind::key, std::string("a\0b", 3)), ErrorKind::usage);
  EXPECT_EQ(kind(store::PauseKind::key, std::string(5'000, 'k')), ErrorKind::usage);
}

TEST(Trace, puts_what_is_known_of_an_event_in_the_order_of_time) {
  FakeSite fake;
  store::EventView& row = fake.first().add(5, store::EventState::published);
  row.published_at_us = *row.created_at_us + 2'500;
  fake.first().inboxes[row.event_id] = {{"stock", *row.created_at_us + 9'000}};
  fake.topic->add(0, *row.key, to_string(row.event_id), "no stock");
  Office office(fake.site());
  const Json found = trace(office, "a5");
  EXPECT_EQ(found["matched_by"], "aggregate_id");
  ASSERT_EQ(found["events"].size(), 1U);
  std::vector<std::string> what;
  for (const Json& entry : found["events"][0]["timeline"])
    what.push_back(entry["what"]);
  EXPECT_EQ(what,
            (std::vector<std::string>{"written", "published", "consumed", "consumer_dead_letter"}));
  EXPECT_EQ(found["events"][0]["timeline"][1]["after_ms"], 2.5);
  EXPECT_EQ(trace(office, "5")["matched_by"], "row");
  EXPECT_EQ(trace(office, to_string(row.event_id))["matched_by"], "event_id");
  EXPECT_EQ(trace(office, "k5")["matched_by"], "key");
  EXPECT_EQ(trace(office, "nothing")["matched_by"], nullptr);
  EXPECT_EQ(error_of([&] { return trace(office, ""); }).kind(), ErrorKind::usage);
}

TEST(Trace, knows_an_event_whose_row_is_gone_by_its_inbox_entries) {
  const FakeSite fake;
  const Uuid id = random_uuid();
  fake.first().inboxes[id] = {{"stock", 1'000'000}};
  Office office(fake.site());
  const Json found = trace(office, to_string(id));
  ASSERT_EQ(found["events"].size(), 1U);
  EXPECT_EQ(found["events"][0]["timeline"][0]["consumer"], "stock");
}

}  // namespace
}  // namespace outbox::testing
