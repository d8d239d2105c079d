// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "admin/dead_letters.hpp"
#include "unit/admin/fakes.hpp"

namespace outbox::testing {
namespace {

using namespace admin;
using namespace std::chrono_literals;

const Actor ada{"ada", "api"};
const Actor ben{"ben", "command line"};

class Replaying : public ::testing::Test {
 protected:
  Replaying() : office_(fake_.site()), letters_(office_) {}

  ReplayRequest all() {
    ReplayRequest request;
    request.choice.filter.emplace();
    request.reason = "mended";
    return request;
  }

  FakeSite fake_;
  Office office_;
  DeadLetters letters_;
};

TEST_F(Replaying, sends_every_dead_row_once_in_its_order_and_tells_how_far_it_is) {
  for (int id = 1; id <= 2'500; ++id)
    fake_.first().add(id, id % 5 == 0 ? store::EventState::published : store::EventState::dead);
  std::vector<Progress> told;
  Running running;
  running.report = [&](const Progress& progress) { told.push_back(progress); };
  const Json done = letters_.replay(all(), ada, running);
  EXPECT_EQ(done["done"], 2'000);
  EXPECT_EQ(done["failed"], 0);
  EXPECT_EQ(done["total"], 2'000);
  EXPECT_EQ(fake_.first().replayed.size(), 2'000U);
  EXPECT_TRUE(std::ranges::is_sorted(fake_.first().replayed));
  ASSERT_GE(told.size(), 4U);
  EXPECT_EQ(told.back().done, 2'000);
  EXPECT_EQ(told.back().total, 2'000);
}

TEST_F(Replaying, keeps_to_the_rate) {
  for (int id = 1; id <= 60; ++id)
    fake_.first().add(id, store::EventState::dead);
  ReplayRequest request = all();
  request.letters_per_second = 100;
  const Moment begin = BootClock::now();
  EXPECT_EQ(letters_.replay(request, ada, {})["done"], 60);
  // Three portions of twenty: the last begins after 0.4 s.
  EXPECT_GE(BootClock::now() - begin, 390ms);
}

TEST_F(Replaying, cannot_be_told_to_go_faster_than_the_site_allows) {
  for (int id = 1; id <= 60; ++id)
    fake_.first().add(id, store::EventState::dead);
  Site site = fake_.site();
  site.replays_per_second_max = 100;
  Office office(std::move(site));
  DeadLetters letters(office);
  ReplayRequest request = all();
  request.letters_per_second = 1e9;
  const Moment begin = BootClock::now();
  EXPECT_EQ(letters.replay(request, ada, {})["done"], 60);
  EXPECT_GE(BootClock::now() - begin, 390ms);
}

TEST_F(Replaying, by_two_jobs_at_once_keeps_to_the_site_s_rate_together) {
  for (int id = 1; id <= 80; ++id)
    fake_.first().add(id, store::EventState::dead);
  Site site = fake_.site();
  site.replays_per_second_max = 100;
  Office office(std::move(site));
  DeadLetters letters(office);
  ReplayRequest one;
  ReplayRequest other;
  for (int id = 1; id <= 40; ++id) {
    one.choice.ids.push_back("row.global." + std::to_string(id));
    other.choice.ids.push_back("row.global." + std::to_string(id + 40));
  }
  const Moment begin = BootClock::now();
  {
    const std::jthread first([&] { letters.replay(one, ada, {}); });
    const std::jthread second([&] { letters.replay(other, ben, {}); });
  }
  EXPECT_EQ(fake_.first().replayed.size(), 80U);
  // Four portions of twenty: the last begins after 0.6 s, each job by itself after 0.2 s.
  EXPECT_GE(BootClock::now() - begin, 590ms);
}

TEST_F(Replaying, of_edited_ones_keeps_what_stood_there_before) {
  fake_.first().add(1, store::EventState::dead);
  fake_.topic->add(0, "a", to_string(random_uuid()), "no stock");
  ReplayRequest request = all();
  request.edit.payload = R"({"n":2})";
  EXPECT_EQ(letters_.replay(request, ada, {})["done"], 2);
  std::vector<std::string> before;
  for (const auto& line : fake_.first().audit) {
    if (line.action != "edit") continue;
    const Json details = Json::parse(line.details_json);
    before.push_back(line.target + " " + details["before"]["payload"].get<std::string>());
    EXPECT_NE(details["before"]["payload_sha256"], details["after"]["payload_sha256"]);
    EXPECT_EQ(details["after"]["payload_bytes"], 7);
  }
  EXPECT_EQ(before, (std::vector<std::string>{R"(row.global.1 {"n": 1.10})",
                                              R"(topic.deadletter.events.0.0 {"n": 1})"}));
}

TEST_F(Replaying, changes_nothing_that_the_log_does_not_take) {
  fake_.first().add(1, store::EventState::dead);
  fake_.first().log_is_gone = true;
  ReplayRequest request = all();
  request.edit.payload = R"({"n":2})";
  EXPECT_EQ(error_of([&] { return letters_.replay(request, ada, {}); }).kind(), ErrorKind::failed);
  EXPECT_EQ(fake_.first().rows.at(1).payload, R"({"n": 1.10})");
  EXPECT_TRUE(fake_.first().replayed.empty());
}

TEST_F(Replaying, of_which_the_answer_was_lost_is_told_as_unconfirmed) {
  fake_.first().add(1, store::EventState::dead);
  fake_.first().loses_answers = true;
  std::vector<Json> told;
  Running running;
  running.tell = [&](const Json& one) { told.push_back(one); };
  const Json done = letters_.replay(all(), ada, running);
  EXPECT_EQ(done["done"], 0);
  EXPECT_EQ(done["unconfirmed"], 1);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0]["result"], "unconfirmed");
  EXPECT_EQ(fake_.first().audit.back().action, "unconfirmed");
}

TEST_F(Replaying, counts_what_it_skipped_by_reason) {
  fake_.first().add(1, store::EventState::published);
  fake_.first().add(2, store::EventState::published);
  ReplayRequest request;
  request.choice.ids = {"row.global.1", "row.global.2"};
  const Json done = letters_.replay(request, ada, {});
  EXPECT_EQ(done["skip_reasons"], (Json{{"it is published", 2}}));
  EXPECT_EQ(done["missing"], 0);
}

TEST_F(Replaying, is_told_beforehand_by_topic_type_and_consumer_with_its_rate) {
  for (int id = 1; id <= 7; ++id)
    fake_.first().add(id, store::EventState::dead);
  fake_.topic->add(0, "a", to_string(random_uuid()), "no stock");
  ReplayRequest request = all();
  request.letters_per_second = 2;
  request.edit.topic = "elsewhere";
  const Json plan = letters_.plan_replay(request);
  EXPECT_EQ(plan["would_replay"], 8);
  EXPECT_EQ(plan["by_topic"], Json::parse(R"([{"name":"elsewhere","letters":8}])"));
  EXPECT_EQ(plan["by_event_type"][0]["letters"], 8);
  EXPECT_EQ(plan["by_consumer"], Json::parse(R"([{"name":"stock","letters":1}])"));
  EXPECT_EQ(plan["first"].size(), 5U);
  EXPECT_EQ(plan["first"][0], "row.global.1");
  EXPECT_EQ(plan["edit"]["topic"], "elsewhere");
  EXPECT_EQ(plan["takes_seconds"], 4);
}

TEST_F(Replaying, stops_when_told_and_goes_on_with_the_rest_when_begun_anew) {
  for (int id = 1; id <= 1'000; ++id)
    fake_.first().add(id, store::EventState::dead);
  std::stop_source stop;
  Running running{stop.get_token(), {}, {}, false};
  running.report = [&](const Progress& progress) {
    if (progress.done >= 200) stop.request_stop();
  };
  ReplayRequest request = all();
  request.letters_per_second = 500;
  const Json first = letters_.replay(request, ada, running);
  EXPECT_EQ(first["stopped"], true);
  const int done = first["done"];
  EXPECT_GE(done, 200);
  EXPECT_LT(done, 1'000);
  EXPECT_EQ(letters_.replay(all(), ada, {})["done"], 1'000 - done);
  EXPECT_TRUE(std::ranges::is_sorted(fake_.first().replayed));
  EXPECT_EQ(fake_.first().replayed.size(), 1'000U);
}

TEST_F(Replaying, mends_by_an_edit_and_leaves_dead_what_it_cannot_mend_with_what_follows_it) {
  for (int id = 1; id <= 30; ++id)
    fake_.first().add(id, store::EventState::dead);
  fake_.first().rows.at(3).payload = "no json";
  fake_.first().rows.at(3).payload_bytes = 7;
  ReplayRequest request = all();
  request.edit.merge_patch = R"({"fixed":true})";
  const Json plan = letters_.plan_replay(request);
  EXPECT_EQ(plan["would_replay"], 29);
  EXPECT_EQ(plan["would_fail"], 1);
  EXPECT_TRUE(fake_.first().replayed.empty());
  std::vector<Json> told;
  Running running;
  running.tell = [&](const Json& one) { told.push_back(one); };
  const Json done = letters_.replay(request, ada, running);
  // Rows 13 and 23 are of row 3's key.
  EXPECT_EQ(done["done"], 27);
  EXPECT_EQ(done["failed"], 1);
  EXPECT_EQ(done["skipped"], 2);
  EXPECT_EQ(done["failures"][0]["id"], "row.global.3");
  EXPECT_NE(done["failures"][0]["reason"].get<std::string>().find("no JSON"), std::string::npos);
  EXPECT_EQ(told.size(), 3U);
  EXPECT_EQ(fake_.first().rows.at(3).state, store::EventState::dead);
  EXPECT_EQ(fake_.first().rows.at(13).state, store::EventState::dead);
  EXPECT_EQ(fake_.first().rows.at(4).payload, R"({"n":1.10,"fixed":true})");
}

TEST_F(Replaying, of_chosen_ones_takes_these_in_order_and_says_what_is_not_there) {
  for (int id = 1; id <= 30; ++id)
    fake_.first().add(id, store::EventState::dead);
  fake_.first().add(31, store::EventState::published);
  ReplayRequest request;
  request.choice.ids = {"row.global.9", "row.global.2", "row.global.2", "row.global.31",
                        "row.global.77"};
  const Json done = letters_.replay(request, ada, {});
  EXPECT_EQ(done["done"], 2);
  EXPECT_EQ(done["skipped"], 1);
  EXPECT_EQ(done["failed"], 1);
  EXPECT_EQ(fake_.first().replayed, (std::vector<std::int64_t>{2, 9}));
}

TEST_F(Replaying, by_two_operators_at_once_sends_each_row_and_each_message_once) {
  for (int id = 1; id <= 3'000; ++id)
    fake_.first().add(id, store::EventState::dead);
  for (int i = 0; i < 300; ++i)
    fake_.topic->add(i % 3, "k" + std::to_string(i % 7), to_string(random_uuid()), "no stock");
  Json one;
  Json other;
  {
    const std::jthread first([&] { one = letters_.replay(all(), ada, {}); });
    const std::jthread second([&] { other = letters_.replay(all(), ben, {}); });
  }
  EXPECT_EQ(fake_.first().replayed.size(), 3'000U);
  std::set<std::string> events;
  for (const auto& message : fake_.sending->sent)
    events.insert(header_of(message, "event_id"));
  EXPECT_EQ(events.size(), fake_.sending->sent.size());
  // What one of them left to the other, since an earlier one of its key was under way, is left.
  const Json rest = letters_.replay(all(), ada, {});
  EXPECT_EQ(fake_.sending->sent.size(), 300U);
  EXPECT_EQ(one["done"].get<int>() + other["done"].get<int>() + rest["done"].get<int>(), 3'300);
}

TEST_F(Replaying, of_messages_keeps_the_order_of_a_key_of_which_one_failed) {
  for (const char* key : {"a", "b", "a", "b"})
    fake_.topic->add(0, key, to_string(random_uuid()), "no stock");
  fake_.sending->refused_keys = {"a"};
  const Json done = letters_.replay(all(), ada, {});
  EXPECT_EQ(done["done"], 2);
  EXPECT_EQ(done["failed"], 1);
  EXPECT_EQ(done["skipped"], 1);
  EXPECT_EQ(fake_.first().marks.size(), 2U);
  // What failed can be tried again; what was sent is not sent again.
  fake_.sending->refused_keys.clear();
  EXPECT_EQ(letters_.replay(all(), ada, {})["done"], 2);
  EXPECT_EQ(fake_.sending->sent.size(), 4U);
  EXPECT_EQ(letters_.list({})["items"].size(), 0U);
  LettersPage page;
  page.filter.settled_too = true;
  EXPECT_EQ(letters_.list(page)["items"][0]["state"], "replayed");
}

TEST_F(Replaying, of_a_topic_that_was_made_anew_holds_no_letter_for_one_that_stood_there_before) {
  fake_.topic->add(0, "a", to_string(random_uuid()), "no stock");
  EXPECT_EQ(letters_.replay(all(), ada, {})["done"], 1);
  EXPECT_EQ(letters_.list({})["items"].size(), 0U);
  fake_.topic->partitions.clear();
  fake_.topic->add(0, "a", to_string(random_uuid()), "no stock");
  fake_.topic->partitions[0][0].timestamp_ms += 5'000;
  ASSERT_EQ(letters_.list({})["items"].size(), 1U);
  const std::string id = letters_.list({})["items"][0]["id"];
  EXPECT_EQ(letters_.show(id)["state"], "dead");
  EXPECT_EQ(letters_.replay(all(), ada, {})["done"], 1);
  EXPECT_EQ(fake_.sending->sent.size(), 2U);
  EXPECT_EQ(letters_.show(id)["state"], "replayed");
}

TEST_F(Replaying, forgets_the_marks_of_letters_that_the_topic_no_longer_holds) {
  for (int i = 0; i < 5; ++i)
    fake_.topic->add(0, "a", to_string(random_uuid()), "no stock");
  EXPECT_EQ(letters_.replay(all(), ada, {})["done"], 5);
  EXPECT_EQ(fake_.first().marks.size(), 5U);
  fake_.topic->first[0] = 4;
  fake_.topic->add(0, "a", to_string(random_uuid()), "no stock");
  EXPECT_EQ(letters_.replay(all(), ada, {})["done"], 1);
  EXPECT_EQ(fake_.first().marks.size(), 2U);
}

TEST_F(Replaying, stands_in_the_log_with_all_that_was_replayed) {
  for (int id = 1; id <= 1'500; ++id)
    fake_.first().add(id, store::EventState::dead);
  letters_.replay(all(), ada, {});
  const auto& audit = fake_.first().audit;
  ASSERT_EQ(audit.size(), 3U);
  EXPECT_EQ(audit[0].action, "replay");
  EXPECT_EQ(audit[0].reason, "mended");
  std::size_t ids = 0;
  for (const auto& line : audit) {
    const Json details = Json::parse(line.details_json);
    if (line.action == "replayed") ids += details["letters"].size();
  }
  EXPECT_EQ(ids, 1'500U);
}

TEST_F(Replaying, fails_where_a_store_stays_away_and_keeps_what_was_done) {
  for (int id = 1; id <= 10; ++id)
    fake_.first().add(id, store::EventState::dead);
  fake_.first().is_down = true;
  EXPECT_EQ(error_of([&] { return letters_.replay(all(), ada, {}); }).kind(),
            ErrorKind::unreachable);
}

TEST_F(Replaying, refuses_requests_that_make_no_sense) {
  const auto kind = [&](const ReplayRequest& request) {
    return error_of([&] { return letters_.replay(request, ada, {}); }).kind();
  };
  EXPECT_EQ(kind({}), ErrorKind::usage);
  ReplayRequest both = all();
  both.choice.ids = {"row.global.1"};
  EXPECT_EQ(kind(both), ErrorKind::usage);
  ReplayRequest slow = all();
  slow.letters_per_second = -1;
  EXPECT_EQ(kind(slow), ErrorKind::usage);
  ReplayRequest many;
  many.choice.ids.assign(10'001, "row.global.1");
  EXPECT_EQ(kind(many), ErrorKind::usage);
  DiscardRequest discard;
  discard.choice.filter.emplace();
  EXPECT_EQ(error_of([&] { return letters_.discard(discard, ada, {}); }).kind(), ErrorKind::usage);
}

TEST_F(Replaying, discards_rows_and_marks_messages) {
  for (int id = 1; id <= 5; ++id)
    fake_.first().add(id, store::EventState::dead);
  fake_.topic->add(0, "a", to_string(random_uuid()), "no stock");
  DiscardRequest request;
  request.choice.filter.emplace();
  request.reason = "test data";
  EXPECT_EQ(letters_.plan_discard(request)["would_discard"], 6);
  EXPECT_EQ(letters_.discard(request, ada, {})["done"], 6);
  EXPECT_EQ(fake_.first().discarded.size(), 5U);
  EXPECT_EQ(fake_.first().marks.begin()->second.state, store::LetterState::discarded);
  EXPECT_EQ(letters_.replay(all(), ada, {})["done"], 0);
}

}  // namespace
}  // namespace outbox::testing
