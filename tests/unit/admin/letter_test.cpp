// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "admin/letter.hpp"
#include "core/clock.hpp"
#include "unit/admin/fakes.hpp"

namespace outbox::testing {
namespace {

using namespace admin;

TEST(LetterIds, are_read_back_from_what_they_are_written_as) {
  const FakeSite fake({"eu.west", "eu"});
  const Site site = fake.site();
  const auto row = std::get<RowLetterId>(parse_letter_id(site, "row.eu.west.42"));
  EXPECT_EQ(row.store->name, "eu.west");
  EXPECT_EQ(row.row.number, 42);
  EXPECT_EQ(std::get<RowLetterId>(parse_letter_id(site, "row.eu.7")).store->name, "eu");
  const store::LetterPlace place{"dead.letter.events", 3, 17};
  EXPECT_EQ(std::get<store::LetterPlace>(parse_letter_id(site, id_text(place))), place);
}

TEST(LetterIds, that_are_none_are_refused) {
  const FakeSite fake;
  const Site site = fake.site();
  const auto kind = [&](const std::string& id) {
    return error_of([&] { return parse_letter_id(site, id).index(); }).kind();
  };
  for (const char* id : {"", "row", "row.", "row.global.", "row.global.x", "row.global.1;DROP",
                         "topic.a.1", "topic..1.2", "topic.a.-1.2", "topic.a.1.x", "topic.a.1.",
                         "page.1", "row.global.99999999999999999999", "topic.a.99999999999.1"})
    EXPECT_EQ(kind(id), ErrorKind::usage) << id;
  EXPECT_EQ(kind("row.nowhere.1"), ErrorKind::not_found);
}

TEST(LetterWords, of_a_consumer_tell_what_stands_in_their_headers) {
  FakeSite fake;
  fake.topic->add(1, "k", "018f4e5a-1111-7abc-8def-0123456789ab", "no stock for 5 \xff");
  const auto letter = letter_of(fake.site(), fake.topic->partitions[1].front());
  ASSERT_TRUE(letter.has_value());
  const Json json = letter_json(*letter, 4'096);
  EXPECT_EQ(json["id"], "topic.deadletter.events.1.0");
  EXPECT_EQ(json["source"], "consumer");
  EXPECT_EQ(json["consumer"], "stock");
  EXPECT_EQ(json["store"], "global");
  EXPECT_EQ(json["topic"], "orders");
  EXPECT_EQ(json["attempts"], 5);
  EXPECT_EQ(json["at"], "2026-11-21T10:00:00.000000Z");
  EXPECT_EQ(json["original_offset"], 7);
  EXPECT_EQ(json["payload"]["n"], 1);
  EXPECT_EQ(json["state"], "dead");
  EXPECT_NO_THROW(static_cast<void>(json.dump()));
}

TEST(LetterWords, are_no_messages_without_a_consumer_group) {
  FakeSite fake;
  fake.topic->add(0, "k", "x", "e");
  broker::IncomingMessage copy = fake.topic->partitions[0].front();
  std::erase_if(copy.headers, [](const auto& one) { return one.name == "dead_letter_group"; });
  EXPECT_FALSE(letter_of(fake.site(), copy).has_value());
}

TEST(Times, are_read_from_rfc_3339_and_its_beginnings) {
  EXPECT_EQ(read_timestamp("1970-01-02"), 86'400'000'000);
  EXPECT_EQ(read_timestamp("1970-01-01T00:01"), 60'000'000);
  EXPECT_EQ(read_timestamp("1970-01-01T00:00:01.5Z"), 1'500'000);
  EXPECT_EQ(read_timestamp("2026-11-21T10:00:00.123456Z"), 1'795'255'200'123'456);
  for (const char* text : {"", "now", "1970-13-01", "1970-02-30", "1970-01-01T25:00", "1970-1-1",
                           "1970-01-01T00:00:00+01:00"})
    EXPECT_EQ(read_timestamp(text), std::nullopt) << text;
}

TEST(Times, are_also_how_long_ago) {
  const std::int64_t hour_us = 3'600'000'000;
  EXPECT_NEAR(static_cast<double>(parse_time("since", "2h")),
              static_cast<double>(wall_clock_us() - 2 * hour_us), 5e6);
  EXPECT_EQ(error_of([] { return parse_time("since", "yesterday"); }).kind(), ErrorKind::usage);
  EXPECT_EQ(error_of([] { return parse_time("since", "-2h"); }).kind(), ErrorKind::usage);
  EXPECT_EQ(error_of([] { return parse_time("since", "1e300d"); }).kind(), ErrorKind::usage);
}

}  // namespace
}  // namespace outbox::testing
