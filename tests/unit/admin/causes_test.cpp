// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <random>

#include "admin/causes.hpp"
#include "admin/json.hpp"

namespace outbox::admin {
namespace {

TEST(Causes, leave_out_what_varies) {
  const auto same = [](const char* one, const char* other) {
    EXPECT_EQ(cause_of(one), cause_of(other)) << one;
  };
  same("row 17: value too long", "row 18231: value too long");
  same("no order 018f4e5a-1111-7abc-8def-0123456789ab",
       "no order 00000000-0000-4000-8000-00000000000F");
  same("timeout after 30s at 2026-11-21T10:00:00.123Z", "timeout after 5s at 2025-01-02T03:04:05Z");
  same("Key (sku)=('A-1') is not there", "Key (sku)=('B \"quoted\"') is not there");
  same("cannot reach 127.0.0.1:9092", "cannot reach 10.0.0.12:29092");
  same("digest deadbeef01234567 differs", "digest 0a1b2c3d4e5f6071 differs");
  same("order order17 unknown", "order order99812 unknown");
  same("items 1, 2, 3 are gone", "items 7 are gone");
  same("balance is -5.25", "balance is 1,048,576");
  same("two\n  lines\t9", "two lines 8");
  same("session x7Gh2Kq9 ended", "session a1b22c333 ended");
}

TEST(Causes, keep_what_tells_them_apart) {
  EXPECT_NE(cause_of("connection refused"), cause_of("connection reset"));
  EXPECT_EQ(cause_of("it doesn't fit, it can't"), "it doesn't fit, it can't");
  EXPECT_EQ(cause_of("no 'sku' in 3 rows"), "no \u2026 in \u2026 rows");
  EXPECT_EQ(cause_of("order42 is late"), "order\u2026 is late");
  EXPECT_EQ(cause_of("Zahlungsart für Kunde 7 ungültig"), "Zahlungsart für Kunde \u2026 ungültig");
}

TEST(Causes, have_a_name_for_no_error) {
  EXPECT_EQ(cause_of(""), "unknown");
  EXPECT_EQ(cause_of(" \n "), "unknown");
}

TEST(Causes, are_valid_utf8_of_at_most_300_characters) {
  std::string long_text;
  for (int i = 0; i < 1'000; ++i)
    long_text += "\u00fc ";
  const std::string cause = cause_of(long_text);
  EXPECT_EQ(clean_utf8(cause), cause);
  EXPECT_LE(cause.size(), 600U);
  const std::string broken = cause_of("bad byte \xff\xc3 here");
  EXPECT_EQ(clean_utf8(broken), broken);
}

TEST(Causes, of_a_cause_is_itself_whatever_the_error) {
  std::mt19937 random(7);
  const std::string letters = "ab1 2-'\"`.,:/_x9\xc3\xbc\xe2\x80\xa6(F){}";
  for (int round = 0; round < 5'000; ++round) {
    std::string error;
    for (std::size_t i = random() % 400; i > 0; --i)
      error += letters[random() % letters.size()];
    const std::string cause = cause_of(error);
    ASSERT_EQ(cause_of(cause), cause) << error;
  }
}

TEST(Groups, have_ids_that_never_change) {
  const std::string id = group_id_of({"relay", "global", "orders", "too large"});
  EXPECT_EQ(id, "a3c3ae2103243543");
  EXPECT_EQ(id.size(), 16U);
  EXPECT_NE(id, group_id_of({"relay", "global", "order", "stoo large"}));
  EXPECT_NE(id, group_id_of({"consumer", "global", "orders", "too large"}));
}

}  // namespace
}  // namespace outbox::admin
