// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "admin/status.hpp"
#include "unit/admin/fakes.hpp"

namespace outbox::testing {
namespace {

using namespace admin;

TEST(Status, tells_of_the_stores_that_answer_and_names_the_one_that_does_not) {
  const FakeSite fake({"eu", "us"});
  fake.stores.at("us")->is_down = true;
  Site site = fake.site();
  site.has_broker = false;
  Office office(std::move(site));
  const Json status = status_document(office, {{{"id", "instance-1"}}, nullptr});
  EXPECT_EQ(status["instance"]["id"], "instance-1");
  EXPECT_EQ(status["stores"][0]["state"], "up");
  EXPECT_EQ(status["stores"][0]["relays"][0]["members"][0]["buckets"], 256);
  EXPECT_EQ(status["stores"][1]["state"], "down");
  EXPECT_EQ(status["stores"][1]["error"], "the database is away");
  EXPECT_EQ(status["verdict"]["state"], "degraded");
  EXPECT_EQ(status["verdict"]["text"], "Store us does not answer.");
  EXPECT_EQ(list_relays(office)["errors"][0]["store"], "us");
  EXPECT_EQ(error_of([&] { return status_document(office, {}, "none"); }).kind(),
            ErrorKind::not_found);
}

TEST(Status, says_in_one_sentence_that_all_is_well) {
  const FakeSite fake;
  Site site = fake.site();
  site.has_broker = false;
  Office office(std::move(site));
  EXPECT_EQ(status_document(office)["verdict"]["text"], "All is well, nothing waits.");
  fake.first().add(1, store::EventState::pending);
  const Json verdict = status_document(office)["verdict"];
  EXPECT_EQ(verdict["state"], "ok");
  EXPECT_EQ(verdict["text"], "All is well: 1 event on the way, the oldest for 0.0 s.");
}

TEST(Verdict, tells_the_worst_first_and_counts_the_rest) {
  Json relay = {{"name", "default"},
                {"paused", true},
                {"members", Json::array()},
                {"backlog",
                 {{"pending", 5},
                  {"exact", true},
                  {"dead", 2},
                  {"oldest_pending_age_ms", 1},
                  {"held_topics", Json::array()},
                  {"blocked_keys", Json::array()}}}};
  Json status = {{"broker", {{"state", "down"}}},
                 {"stores", Json::array()},
                 {"consumers", Json::array()},
                 {"pauses", {{{"kind", "key"}, {"name", "k"}}}}};
  status["stores"].push_back({{"name", "global"},
                              {"state", "up"},
                              {"types_without_relay", "stock (3)"},
                              {"relays", Json::array({relay})}});
  const Json verdict = verdict_of(status);
  EXPECT_EQ(verdict["state"], "down");
  EXPECT_EQ(verdict["text"],
            "Kafka does not answer; relay default runs nowhere, 5 events wait; relay default is "
            "paused; and 3 more.");
}

TEST(Verdict, says_of_a_store_that_is_there_what_it_lacks) {
  Json status = {{"broker", {{"state", "up"}}},
                 {"stores", Json::array()},
                 {"consumers", Json::array()},
                 {"pauses", Json::array()}};
  status["stores"].push_back({{"name", "global"},
                              {"state", "down"},
                              {"reached", true},
                              {"error", "there is no table: run `outboxd migrate`"},
                              {"relays", Json::array()}});
  EXPECT_EQ(verdict_of(status)["state"], "down");
  EXPECT_EQ(verdict_of(status)["text"],
            "Store global cannot be used: there is no table: run `outboxd migrate`.");
  status["stores"][0]["reached"] = false;
  EXPECT_EQ(verdict_of(status)["text"], "No database answers.");
}

TEST(Verdict, is_not_well_while_dead_letters_of_consumers_stand) {
  Json status = {{"broker", {{"state", "up"}}},
                 {"stores", Json::array()},
                 {"consumers", Json::array()},
                 {"pauses", Json::array()}};
  status["consumers"].push_back({{"name", "stock"},
                                 {"paused", false},
                                 {"lag", 0},
                                 {"dead_letters", 2},
                                 {"members", Json::array({1})},
                                 {"error", nullptr}});
  EXPECT_EQ(verdict_of(status)["state"], "degraded");
  EXPECT_EQ(verdict_of(status)["text"], "Consumer stock has 2 dead letters.");
}

TEST(Backlog, is_told_by_what_its_events_have_in_common) {
  const FakeSite fake;
  for (int id = 1; id <= 30; ++id)
    fake.first().add(id, store::EventState::pending);
  Office office(fake.site());
  EXPECT_EQ(backlog_by(office, "type")["items"][0]["rows"], 30);
  EXPECT_EQ(backlog_by(office, "topic")["items"][0]["name"], "orders");
  EXPECT_EQ(backlog_by(office, "key")["items"].size(), 10U);
  EXPECT_EQ(backlog_by(office, "age")["items"][0]["name"], "above 1 day");
  EXPECT_EQ(error_of([&] { return backlog_by(office, "colour"); }).kind(), ErrorKind::usage);
}

}  // namespace
}  // namespace outbox::testing
