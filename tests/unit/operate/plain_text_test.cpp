// SPDX-License-Identifier: Apache-2.0
#include "app/plain_text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "app/text_table.hpp"

namespace outbox::app {
namespace {

using ::testing::HasSubstr;

TEST(PlainText, leaves_no_byte_that_moves_a_cursor) {
  EXPECT_EQ(plain("a\x1b[2Jb\r\nc\td\x7f"), "a [2Jb  c d ");
  // CSI as one letter of UTF-8, line separators, and what turns the direction of writing.
  EXPECT_EQ(plain("a\xc2\x9b"
                  "b\xe2\x80\xa8"
                  "c\xe2\x80\xae"
                  "d"),
            "a b c d");
}

TEST(PlainText, keeps_letters_of_all_languages_and_replaces_what_is_no_utf8) {
  EXPECT_EQ(plain("Größe 注文 🙂"), "Größe 注文 🙂");
  const std::string replaced = "\xef\xbf\xbd";
  EXPECT_EQ(plain("a\xff"
                  "b"),
            "a" + replaced + "b");
  EXPECT_EQ(plain("\xc0\xaf"), replaced + replaced) << "an overlong form";
  EXPECT_EQ(plain("\xed\xa0\x80"), replaced + replaced + replaced) << "half of a pair";
  EXPECT_EQ(plain("\xe2\x82"), replaced + replaced) << "cut short";
  EXPECT_EQ(plain_or_dash(""), "-");
}

TEST(PlainText, is_measured_and_cut_in_columns) {
  EXPECT_EQ(width_of("Größe"), 5U);
  EXPECT_EQ(width_of("注文"), 4U);
  EXPECT_EQ(width_of("e\xcc\x81"), 1U) << "an accent of its own takes no column";
  EXPECT_EQ(cut_to("abcdef", 6), "abcdef");
  EXPECT_EQ(cut_to("abcdefg", 6), "abcde…");
  EXPECT_EQ(cut_to("注文注文", 5), "注文…");
  EXPECT_EQ(cut_to("abc", 0), "");
}

TEST(HarmlessJson, is_the_same_document_without_a_letter_that_terminals_obey) {
  const nlohmann::json document = {{"key",
                                    "a\x7f\xc2\x9b\xe2\x80\xae"
                                    "b\x1b\xff"}};
  const std::string text = document.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  const std::string harmless = harmless_json(text);
  EXPECT_THAT(harmless, HasSubstr("\\u007f\\u009b\\u202eb\\u001b"));
  EXPECT_EQ(nlohmann::json::parse(harmless), nlohmann::json::parse(text));
}

TEST(TextTable, aligns_columns_and_cuts_nothing_where_lines_have_no_end) {
  TextTable table({{"NAME"}, {"ROWS", true}, {"REASON", false, 6}});
  table.add({"a", "1,204", "the whole of a long reason"});
  table.add({"größer", "7", "-"});
  EXPECT_EQ(table.text({}),
            "NAME     ROWS  REASON\n"
            "a       1,204  the whole of a long reason\n"
            "größer      7  -\n");
}

TEST(TextTable, fits_a_terminal_by_cutting_the_widest_of_those_that_give_way) {
  TextTable table({{"ID"}, {"KEY", false, 6}, {"REASON", false, 6}});
  table.add({std::string(20, 'i'), std::string(40, 'k'), std::string(90, 'r')});
  const std::string text = table.text({.columns = 80});
  EXPECT_THAT(text, HasSubstr(std::string(20, 'i') + "  "));
  EXPECT_THAT(text, HasSubstr("k…  rrr"));
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    EXPECT_LE(width_of(line), 80U);
}

TEST(Painted, has_colours_only_where_they_are_wanted) {
  EXPECT_EQ(painted({}, Colour::red, "x"), "x");
  EXPECT_EQ(painted({.columns = 80, .colour = true}, Colour::red, "x"), "\x1b[31mx\x1b[0m");
}

TEST(Paragraph, breaks_at_spaces_behind_its_indent) {
  EXPECT_EQ(paragraph("one two three", 2, 9), "  one two\n  three\n");
  EXPECT_EQ(paragraph("one two three", 2, 0), "  one two three\n");
}

}  // namespace
}  // namespace outbox::app
