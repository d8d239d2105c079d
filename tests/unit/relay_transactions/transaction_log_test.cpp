// SPDX-License-Identifier: Apache-2.0
#include "relay/transaction_log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <outbox/error.hpp>

namespace outbox::relay {
namespace {

using testing::HasSubstr;

std::string refusal_of(std::string_view value) {
  try {
    static_cast<void>(decode_sent(value));
  } catch (const Error& error) {
    return error.what();
  }
  return "taken";
}

TEST(TransactionRecord, is_json_that_tells_replays_from_first_deliveries) {
  const std::vector<SentRow> rows = {{{12, {}}, false}, {{4, {}}, true}, {{13, {}}, false}};
  EXPECT_EQ(encode_sent(7, rows), R"({"version":1,"epoch":7,"rows":["12","13"],"replays":["4"]})");
}

TEST(TransactionRecord, gives_back_every_kind_of_id) {
  const std::vector<SentRow> rows = {
      {{INT64_MAX, {}}, false},
      {{-3, {}}, false},
      {{0, "6f1f4c43-9f0c-0a4b-6a1c-2d3e3f0e1c3a"}, false},
      {{0, "quotes \" and \\ and \n"}, false},
      {{0, "007"}, false},
      {{0, "9999999999999999999999"}, true},
  };
  EXPECT_EQ(decode_sent(encode_sent(1, rows)), rows);
}

TEST(TransactionRecord, of_nothing_is_of_nothing) {
  EXPECT_TRUE(decode_sent(encode_sent(1, {})).empty());
}

TEST(TransactionRecord, that_is_none_is_refused_with_the_remedy) {
  for (const char* value : {"", "7", "{", "{}", R"({"version":1})",
                            R"({"version":1,"rows":[1],"replays":[]})",
                            R"({"version":"1","rows":[],"replays":[]})"}) {
    EXPECT_THAT(refusal_of(value), HasSubstr("control topic")) << value;
  }
  EXPECT_THAT(refusal_of(R"({"version":2,"rows":[],"replays":[]})"), HasSubstr("version 2"));
}

TEST(TransactionalId, names_outbox_generation_and_slot_and_any_relay_but_the_default) {
  EXPECT_EQ(transactional_id("u", "default", 1, 5), "u-g1-s5");
  EXPECT_EQ(transactional_id("u", "orders", 2, 0), "u-orders-g2-s0");
}

}  // namespace
}  // namespace outbox::relay
