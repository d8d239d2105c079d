// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "admin/letter_edit.hpp"
#include "unit/admin/fakes.hpp"

namespace outbox::testing {
namespace {

using namespace admin;

store::EventView row_of(const std::string& payload) {
  FakeStore store;
  store::EventView row = store.add(1, store::EventState::dead);
  row.payload = payload;
  row.payload_bytes = static_cast<std::int64_t>(payload.size());
  return row;
}

TEST(Edits, that_fit_no_letter_are_refused_at_once) {
  const auto refused = [](const LetterEdit& edit) {
    return error_of([&] {
             check_edit(edit);
             return 0;
           }).kind() == ErrorKind::usage;
  };
  EXPECT_TRUE(refused({.merge_patch = "{}", .payload = "{}"}));
  EXPECT_TRUE(refused({.merge_patch = "{"}));
  EXPECT_TRUE(refused({.merge_patch = "[1]"}));
  EXPECT_TRUE(refused({.topic = "no topic"}));
  EXPECT_TRUE(refused({.topic = "__consumer_offsets"}));
  EXPECT_TRUE(refused({.headers_json = "[]"}));
  EXPECT_TRUE(refused({.headers_json = R"({"event_id":"x"})"}));
  EXPECT_TRUE(refused({.headers_json = R"({"dead_letter_group":"x"})"}));
  EXPECT_FALSE(refused({.merge_patch = R"({"a":1})", .topic = "orders.v2"}));
}

TEST(Edits, that_a_payload_does_not_take_say_why) {
  const LetterEdit patch{.merge_patch = R"({"a":1})"};
  EXPECT_NE(edit_row(patch, row_of("no json")).fault.find("is no JSON"), std::string::npos);
  store::EventView none = row_of("{}");
  none.payload.reset();
  EXPECT_NE(edit_row(patch, none).fault.find("no payload"), std::string::npos);
  store::EventView cut = row_of("{}");
  cut.payload_bytes = 5'000'000;
  EXPECT_NE(edit_row(patch, cut).fault.find("too large"), std::string::npos);
  EXPECT_NE(edit_row({.payload = "{"}, row_of("{}")).fault.find("no JSON"), std::string::npos);
  const auto good = edit_row(patch, row_of(R"({"b":1.10})"));
  EXPECT_EQ(good.fault, "");
  EXPECT_EQ(good.edited.payload, R"({"b":1.10,"a":1})");
}

TEST(Edits, of_a_message_leave_alone_what_tells_the_event) {
  FakeSite fake;
  fake.topic->add(0, "k", "id-1", "e");
  broker::IncomingMessage message = fake.topic->partitions[0].front();
  message.headers.push_back({"tenant", "a"});
  const auto outcome = edit_message(
      {.merge_patch = R"({"n":2})", .topic = "orders.v2", .headers_json = R"({"x":"1","y":null})"},
      message);
  EXPECT_EQ(outcome.fault, "");
  EXPECT_EQ(outcome.edited.value, R"({"n":2})");
  EXPECT_EQ(header_of(outcome.edited, "event_id"), "id-1");
  EXPECT_EQ(header_of(outcome.edited, "dead_letter_topic"), "orders.v2");
  EXPECT_EQ(header_of(outcome.edited, "tenant"), "");
  EXPECT_EQ(header_of(outcome.edited, "x"), "1");
  EXPECT_EQ(outcome.edited.headers.back().value, std::nullopt);
  EXPECT_EQ(message.key, outcome.edited.key);
}

}  // namespace
}  // namespace outbox::testing
