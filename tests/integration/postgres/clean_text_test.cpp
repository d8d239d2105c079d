// SPDX-License-Identifier: Apache-2.0
#include "core/clean_text.hpp"

#include <gtest/gtest.h>

namespace outbox::store::postgres {
namespace {

TEST(CleanText, valid_text_stays_and_is_cut_at_a_character) {
  EXPECT_EQ(clean_text("a\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80", 9),
            "a\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80");
  EXPECT_EQ(clean_text("a\xC3\xA4\xE2\x82\xAC", 2), "a\xC3\xA4");
  EXPECT_EQ(clean_text("", 5), "");
}

TEST(CleanText, what_the_database_refuses_becomes_a_question_mark) {
  EXPECT_EQ(clean_text(std::string_view("a\0b", 3), 9), "a?b");
  EXPECT_EQ(clean_text("a\xFFz", 9), "a?z");
  EXPECT_EQ(clean_text("cut \xE2\x82", 9), "cut ??");
  EXPECT_EQ(clean_text("\xC0\xAF", 9), "??") << "overlong";
  EXPECT_EQ(clean_text("\xED\xA0\x80", 9), "???") << "a surrogate";
  EXPECT_EQ(clean_text("\xF4\x90\x80\x80", 9), "????") << "behind the last code point";
}

}  // namespace
}  // namespace outbox::store::postgres
