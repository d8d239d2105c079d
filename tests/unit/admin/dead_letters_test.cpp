// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "admin/dead_letters.hpp"
#include "unit/admin/fakes.hpp"

namespace outbox::testing {
namespace {

using namespace admin;

const Actor ada{"ada", "api"};

std::vector<std::string> ids_of(const Json& list) {
  std::vector<std::string> ids;
  for (const Json& one : list["items"])
    ids.push_back(one["id"]);
  return ids;
}

std::vector<std::string> all_pages(DeadLetters& letters, LettersPage page) {
  std::vector<std::string> ids;
  for (int i = 0; i < 100; ++i) {
    const Json list = letters.list(page);
    for (const std::string& id : ids_of(list))
      ids.push_back(id);
    if (list["next_cursor"].is_null()) break;
    page.cursor = list["next_cursor"];
  }
  return ids;
}

class Letters : public ::testing::Test {
 protected:
  Letters() {
    for (int id = 1; id <= 6; ++id) {
      store::EventView& row = fake_.stores.at("eu")->add(id, store::EventState::dead);
      row.error = "value " + std::to_string(id) + (id % 2 == 0 ? " too long" : " is no date");
      row.event_type = id % 2 == 0 ? "placed" : "paid";
    }
    fake_.stores.at("eu")->add(7, store::EventState::pending);
    fake_.stores.at("us")->add(1, store::EventState::dead).error = "value 9 too long";
    for (int i = 0; i < 3; ++i)
      fake_.topic->add(i % 2, "k" + std::to_string(i), to_string(random_uuid()), "no stock");
    office_ = std::make_unique<Office>(fake_.site());
    letters_ = std::make_unique<DeadLetters>(*office_);
  }

  FakeSite fake_{{"eu", "us"}};
  std::unique_ptr<Office> office_;
  std::unique_ptr<DeadLetters> letters_;
};

TEST_F(Letters, of_both_sources_are_one_list_in_the_order_of_replay) {
  const std::vector<std::string> all = {"row.eu.1",
                                        "row.eu.2",
                                        "row.eu.3",
                                        "row.eu.4",
                                        "row.eu.5",
                                        "row.eu.6",
                                        "row.us.1",
                                        "topic.deadletter.events.0.0",
                                        "topic.deadletter.events.0.1",
                                        "topic.deadletter.events.1.0"};
  for (const std::size_t limit : {1U, 2U, 3U, 4U, 7U, 100U}) {
    LettersPage page;
    page.limit = limit;
    EXPECT_EQ(all_pages(*letters_, page), all) << limit;
  }
}

TEST_F(Letters, are_filtered_by_what_is_given) {
  const auto ids = [&](LetterFilter filter) {
    LettersPage page;
    page.filter = std::move(filter);
    return all_pages(*letters_, page);
  };
  EXPECT_EQ(ids({.store = "us", .event_types = {"placed"}}),
            (std::vector<std::string>{"row.us.1"}));
  EXPECT_EQ(ids({.source = LetterSource::relay, .key = "k2"}),
            (std::vector<std::string>{"row.eu.2"}));
  EXPECT_EQ(ids({.consumer = "stock-keeper"}).size(), 3U);
  EXPECT_EQ(ids({.consumer = "mails"}).size(), 0U);
  EXPECT_EQ(ids({.topic = "nowhere"}).size(), 0U);
  EXPECT_EQ(ids({.source = LetterSource::relay, .since_us = 1'700'000'000'000'005}).size(), 2U);
  EXPECT_EQ(error_of([&] { return ids({.store = "none"}).size(); }).kind(), ErrorKind::not_found);
  EXPECT_EQ(error_of([&] { return ids({.dead_letter_topic = "none"}).size(); }).kind(),
            ErrorKind::not_found);
  LettersPage page;
  page.cursor = "xyz";
  EXPECT_EQ(error_of([&] { return letters_->list(page); }).kind(), ErrorKind::usage);
}

TEST_F(Letters, come_from_the_stores_and_brokers_that_answer) {
  fake_.stores.at("eu")->is_down = true;
  fake_.topic->is_down = true;
  const Json list = letters_->list({});
  EXPECT_EQ(ids_of(list), (std::vector<std::string>{"row.us.1"}));
  EXPECT_EQ(list["errors"][0]["store"], "eu");
  EXPECT_EQ(list["errors"][1]["topic"], "deadletter.events");
}

TEST_F(Letters, fall_into_groups_by_cause) {
  const Json groups = letters_->groups({});
  EXPECT_EQ(groups["letters"], 10);
  EXPECT_EQ(groups["exact"], true);
  ASSERT_EQ(groups["items"].size(), 4U);
  EXPECT_EQ(groups["items"][0]["letters"], 3);
  LettersPage page;
  page.filter.group = groups["items"][0]["group"];
  EXPECT_EQ(all_pages(*letters_, page).size(), 3U);
  const LetterFilter relays_of_us{.source = LetterSource::relay, .store = "us"};
  EXPECT_EQ(letters_->groups(relays_of_us)["letters"], 1);
}

TEST_F(Letters, groups_are_counted_anew_after_something_was_done) {
  EXPECT_EQ(letters_->groups({})["letters"], 10);
  const int pages = fake_.stores.at("eu")->pages;
  EXPECT_EQ(letters_->groups({})["letters"], 10);
  EXPECT_EQ(fake_.stores.at("eu")->pages, pages);
  DiscardRequest request;
  request.choice.ids = {"row.eu.1"};
  request.reason = "nobody needs it";
  letters_->discard(request, ada, {});
  EXPECT_EQ(letters_->groups({})["letters"], 9);
}

TEST_F(Letters, can_be_shown_and_rows_among_them_changed) {
  EXPECT_EQ(letters_->show("row.eu.2")["payload"]["n"], 1.1);
  EXPECT_EQ(letters_->show("topic.deadletter.events.0.1")["consumer"], "stock");
  for (const char* id : {"row.eu.99", "topic.deadletter.events.0.99", "topic.none.0.1"})
    EXPECT_EQ(error_of([&] { return letters_->show(id); }).kind(), ErrorKind::not_found) << id;
  const Json changed = letters_->edit("row.eu.2", {.merge_patch = R"({"m":"x"})"}, ada, "typo");
  EXPECT_EQ(changed["payload"]["m"], "x");
  EXPECT_EQ(fake_.stores.at("eu")->rows.at(2).payload, R"({"n":1.10,"m":"x"})");
  EXPECT_EQ(fake_.stores.at("eu")->audit.back().action, "edit");
  EXPECT_NE(fake_.stores.at("eu")->audit.back().details_json.find("1.10"), std::string::npos);
  const auto kind = [&](const std::string& id, const LetterEdit& edit) {
    return error_of([&] { return letters_->edit(id, edit, ada, ""); }).kind();
  };
  EXPECT_EQ(kind("row.eu.7", {.payload = "{}"}), ErrorKind::conflict);
  EXPECT_EQ(kind("row.eu.2", {}), ErrorKind::usage);
  EXPECT_EQ(kind("row.eu.2", {.payload = "{"}), ErrorKind::usage);
  EXPECT_EQ(kind("topic.deadletter.events.0.0", {.payload = "{}"}), ErrorKind::usage);
}

TEST_F(Letters, that_were_changed_meanwhile_are_not_changed_over_it) {
  const std::string seen = letters_->show("row.eu.2")["version"];
  const Json changed =
      letters_->edit("row.eu.2", {.payload = "{}", .expected_version = seen}, ada, "typo");
  EXPECT_NE(changed["version"], seen);
  const Error late = error_of([&] {
    return letters_->edit("row.eu.2", {.payload = "[]", .expected_version = seen}, ada, "too");
  });
  EXPECT_EQ(late.kind(), ErrorKind::conflict);
  EXPECT_NE(std::string(late.what()).find("by ada at "), std::string::npos) << late.what();
  EXPECT_EQ(fake_.stores.at("eu")->rows.at(2).payload, "{}");
}

TEST_F(Letters, of_rows_that_are_no_longer_dead_are_none) {
  EXPECT_EQ(error_of([&] { return letters_->show("row.eu.7"); }).kind(), ErrorKind::not_found);
}

TEST_F(Letters, are_listed_without_what_is_not_shown_of_them) {
  for (int i = 0; i < 40; ++i) {
    fake_.topic->add(0, "a", to_string(random_uuid()), "no stock");
    fake_.topic->partitions[0].back().value = std::string(500'000, 'x');
  }
  LettersPage page;
  page.filter.source = LetterSource::consumer;
  const Json list = letters_->list(page);
  ASSERT_EQ(list["items"].size(), 43U);
  const Json& last = list["items"].at(41);
  EXPECT_EQ(last["payload"].get<std::string>().size(), 4'096U);
  EXPECT_EQ(last["payload_bytes"], 500'000);
  EXPECT_EQ(last["payload_truncated"], true);
  // What is sent is whole.
  ReplayRequest request;
  request.choice.filter = page.filter;
  EXPECT_EQ(letters_->replay(request, ada, {})["done"], 43);
  EXPECT_EQ(fake_.sending->sent.back().topic, "deadletter.events");
  const auto whole = std::ranges::count_if(
      fake_.sending->sent, [](const auto& message) { return message.value->size() == 500'000; });
  EXPECT_EQ(whole, 40);
}

TEST_F(Letters, a_million_of_them_are_listed_without_being_read) {
  FakeStore& store = *fake_.stores.at("us");
  for (int id = 2; id <= 20'000; ++id)
    store.add(id, store::EventState::dead).error = "value " + std::to_string(id);
  store.pages = 0;
  LettersPage page;
  page.filter.store = "us";
  page.limit = 10;
  EXPECT_EQ(ids_of(letters_->list(page)).size(), 10U);
  EXPECT_EQ(store.pages, 1);
}

TEST_F(Letters, of_more_causes_than_are_kept_are_counted_as_others) {
  FakeStore& store = *fake_.stores.at("us");
  store.rows.clear();
  const auto word = [](int number) {
    std::string text;
    for (int i = 0; i < 5; ++i, number /= 20)
      text += static_cast<char>('g' + number % 20);
    return text;
  };
  for (int id = 1; id <= 10'050; ++id)
    store.add(id, store::EventState::dead).error = "no " + word(id);
  const LetterFilter filter{
      .source = LetterSource::relay, .store = "us", .event_types = {"placed"}};
  const Json groups = letters_->groups(filter);
  EXPECT_EQ(groups["letters"], 10'050);
  EXPECT_EQ(groups["items"].size(), 1'000U);
  EXPECT_EQ(groups["other"], 9'050);
}

}  // namespace
}  // namespace outbox::testing
