// SPDX-License-Identifier: Apache-2.0
//
// Dead letters on real databases and a real Kafka (issue 6, Shows: grouped, mended, replayed).
#include <cstdlib>
#include <iostream>
#include <set>

#include "admin/controls.hpp"
#include "admin/events.hpp"
#include "admin/trace.hpp"
#include "integration/admin/operated.hpp"

namespace outbox::testing {
namespace {

using namespace admin;

const Actor ada{"ada", "api"};
const Actor ben{"ben", "command line"};

using Letters = Operated;
INSTANTIATE_TEST_SUITE_P(Stores, Letters, all_stores(), store_name);

ReplayRequest all_letters() {
  ReplayRequest request;
  request.choice.filter.emplace();
  request.reason = "mended";
  return request;
}

/// The numbers in the payloads of each key, in the order of arrival.
template <class Messages>
std::map<std::string, std::vector<int>> numbers_by_key(const Messages& messages) {
  std::map<std::string, std::vector<int>> numbers;
  for (const auto& message : messages)
    numbers[message.key].push_back(Json::parse(message.value)["n"].template get<int>());
  return numbers;
}

/// 20,001 keep the test below a minute; the issue's 100,000 are had by OUTBOXD_TEST_DEAD_LETTERS.
int dead_letters_wanted() {
  const char* const text = std::getenv("OUTBOXD_TEST_DEAD_LETTERS");
  const int wanted = text == nullptr ? 20'001 : std::stoi(text);
  return wanted / 3 * 3;
}

TEST_P(Letters, of_three_causes_are_grouped_mended_and_replayed_in_order_per_key) {
  const int count = dead_letters_wanted();
  add_dead_rows(count);
  Office office(site());
  DeadLetters letters(office);

  Json groups = letters.groups({});
  for (int round = 0; round < 10 && groups["exact"] != true; ++round)
    groups = letters.groups({});
  EXPECT_EQ(groups["letters"], count);
  ASSERT_EQ(groups["items"].size(), 3U);
  std::string wanted;
  for (const Json& group : groups["items"]) {
    EXPECT_EQ(group["letters"], count / 3) << group["cause"];
    if (group["cause"] == "field amount is missing") wanted = group["group"];
  }
  ASSERT_NE(wanted, "");

  ReplayRequest request = all_letters();
  request.choice.filter->group = wanted;
  request.edit.merge_patch = R"({"amount": 2.50})";
  request.letters_per_second = 20'000;
  std::vector<Progress> told;
  Running running;
  running.report = [&](const Progress& progress) { told.push_back(progress); };
  const Relaying relaying(own_->url(), topic_);
  const Moment begin = BootClock::now();
  const Json done = letters.replay(request, ada, running);
  const std::chrono::duration<double> took = BootClock::now() - begin;
  std::cout << "replayed " << done["done"] << " of " << count << " in " << took.count() << " s\n";
  EXPECT_EQ(done["done"], count / 3);
  EXPECT_EQ(done["failed"], 0);
  EXPECT_GE(took.count(), (count / 3 - 500) / 20'000.0);
  EXPECT_GT(told.size(), 10U);
  EXPECT_EQ(told.back().done, count / 3);

  EXPECT_EQ(await_arrivals(count / 3), count / 3);
  const auto messages = arrived();
  ASSERT_EQ(messages.size(), static_cast<std::size_t>(count / 3));
  EXPECT_EQ(messages.front().value.find(R"("amount":2.50)") != std::string::npos ||
                messages.front().value.find(R"("amount": 2.50)") != std::string::npos,
            true)
      << messages.front().value;
  EXPECT_NE(messages.front().value.find("1.10"), std::string::npos) << messages.front().value;
  for (const auto& [key, numbers] : numbers_by_key(messages))
    EXPECT_TRUE(std::ranges::is_sorted(numbers)) << key;
  EXPECT_EQ(value("SELECT count(*) FROM outbox_events WHERE status = 'DEAD'"),
            std::to_string(count / 3 * 2));
}

TEST_P(Letters, replayed_by_two_at_once_go_out_once) {
  add_dead_rows(2'000);
  for (int i = 0; i < 40; ++i)
    add_dead_message("k" + std::to_string(i % 4), to_string(random_uuid()));
  Office office(site());
  DeadLetters letters(office);
  Json one;
  Json other;
  {
    const std::jthread first([&] { one = letters.replay(all_letters(), ada, {}); });
    const std::jthread second([&] { other = letters.replay(all_letters(), ben, {}); });
  }
  const Json rest = letters.replay(all_letters(), ada, {});
  EXPECT_EQ(one["done"].get<int>() + other["done"].get<int>() + rest["done"].get<int>(), 2'040);
  const Relaying relaying(own_->url(), topic_);
  EXPECT_EQ(await_arrivals(2'040), 2'040);
  std::set<std::string> events;
  for (const auto& message : arrived())
    events.insert(message.event_id);
  EXPECT_EQ(events.size(), 2'040U);
  EXPECT_EQ(letters.list({})["items"].size(), 0U);
}

TEST_P(Letters, are_listed_shown_changed_and_discarded) {
  add_dead_rows(25);
  add_dead_message("kk", to_string(random_uuid()));
  Office office(site());
  DeadLetters letters(office);
  LettersPage page;
  page.limit = 4;
  std::vector<std::string> ids;
  for (int i = 0; i < 20; ++i) {
    const Json list = letters.list(page);
    EXPECT_TRUE(list["errors"].empty()) << list["errors"];
    for (const Json& letter : list["items"])
      ids.push_back(letter["id"]);
    if (list["next_cursor"].is_null()) break;
    page.cursor = list["next_cursor"];
  }
  ASSERT_EQ(ids.size(), 26U);
  EXPECT_EQ(letters.show(ids[3])["payload"]["n"], 3);
  EXPECT_EQ(letters.show(ids.back())["consumer"], "stock");
  const Json changed = letters.edit(ids[3], {.merge_patch = R"({"n": 77})"}, ada, "typo");
  EXPECT_EQ(changed["payload"]["n"], 77);
  EXPECT_EQ(changed["state"], "dead");
  DiscardRequest discard;
  discard.choice.ids = {ids[0], ids.back()};
  discard.reason = "test data";
  EXPECT_EQ(letters.discard(discard, ada, {})["done"], 2);
  EXPECT_EQ(letters.list({})["items"].size(), 24U);
  EXPECT_EQ(value("SELECT count(*) FROM outboxd_discarded"), "1");
  EXPECT_EQ(list_audit(office, {})["items"][0]["action"], "discarded");
}

TEST_P(Letters, leave_a_trace_from_the_insert_to_the_replay) {
  add_dead_rows(1);
  Office office(site());
  DeadLetters letters(office);
  const std::string id = letters.list({})["items"][0]["event_id"];
  EXPECT_EQ(trace(office, id)["events"][0]["timeline"].back()["what"], "dead_letter");
  letters.replay(all_letters(), ada, {});
  const Relaying relaying(own_->url(), topic_);
  ASSERT_EQ(await_arrivals(1), 1);
  ASSERT_TRUE(eventually([&] { return show_event(office, id)["state"] == "published"; }));
  add_dead_message("k0", id);
  const Json found = trace(office, "k0");
  EXPECT_EQ(found["matched_by"], "aggregate_id");
  std::set<std::string> what;
  for (const Json& entry : found["events"][0]["timeline"]) {
    what.insert(entry["what"]);
    if (entry["what"] == "published") {
      EXPECT_EQ(entry["offset"], 0) << entry;
      EXPECT_EQ(entry["topic"], topic_);
    }
  }
  EXPECT_EQ(what,
            (std::set<std::string>{"written", "replayed", "published", "consumer_dead_letter"}))
      << found.dump(1);
}

}  // namespace
}  // namespace outbox::testing
