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
