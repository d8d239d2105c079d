// SPDX-License-Identifier: Apache-2.0
#include "core/json_text.hpp"

#include <random>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace outbox {
namespace {

std::string nested(std::size_t depth) {
  return std::string(depth, '[') + std::string(depth, ']');
}

bool is_json(std::string_view text) {
  return !find_json_fault(text).has_value();
}

TEST(JsonText, takes_what_json_is) {
  for (const char* text :
       {"{}", "[]", " {\n}\t", "null", "true", "false", "0", "-0", "1.10", "1e400", "-1.5E-7",
        "123456789012345678901234567890.123456789012345678901234567890", R"("")",
        R"({"a":[1,{"b":null}],"a":"\u00e9\n\"\\\/"})", "\"\xC3\xA9 \xF0\x9F\x98\x80\"",
        R"("\ud800")", "[[],{}]"}) {
    EXPECT_TRUE(is_json(text)) << text;
  }
}

TEST(JsonText, refuses_what_json_is_not) {
  for (const char* text : {"",
                           " ",
                           "{",
                           "}",
                           "[1,]",
                           "{,}",
                           R"({"a"})",
                           R"({"a":})",
                           R"({"a":1,})",
                           "{1:2}",
                           "01",
                           "-",
                           "1.",
                           ".5",
                           "+1",
                           "1e",
                           "1e+",
                           "NaN",
                           "Infinity",
                           "tru",
                           "nulll",
                           "1 2",
                           "'a'",
                           "\"a",
                           "\"\t\"",
                           R"("\x")",
                           R"("\u12g4")",
                           R"("\u12")",
                           "[1}",
                           "{]",
                           "\"\xC3\"",
                           "\"\xFF\"",
                           "\"\xC0\xAF\"",
                           "\"\xED\xA0\x80\"",
                           "\"\xF4\x90\x80\x80\"",
                           "// a comment\n1"}) {
    EXPECT_FALSE(is_json(text)) << text;
  }
  EXPECT_FALSE(is_json(std::string_view("\"\0\"", 3)));
  EXPECT_FALSE(is_json(std::string_view("1\0", 2)));
}

TEST(JsonText, names_the_byte_at_which_the_fault_is) {
  const auto fault = find_json_fault(R"({"a":1,"b" 2})");
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->offset, 11U);
  EXPECT_EQ(fault->what, "a colon is missing");
}

TEST(JsonText, refuses_what_is_nested_too_deep) {
  EXPECT_TRUE(is_json(nested(json_nesting_max)));
  EXPECT_FALSE(is_json(nested(json_nesting_max + 1)));
  EXPECT_FALSE(is_json(std::string(1'000'000, '[')));
}

// One byte of a valid text is changed, put in or taken out; nlohmann's parser must agree about the
// result, but for numbers that overflow its doubles and lone surrogates.
TEST(JsonText, agrees_with_another_parser_about_broken_texts) {
  const std::string whole =
      R"({"id":17,"x":[1.5,-2e3,true,false,null,"a\n\u00e9 b"],"y":{"z":"é😀"},"e":[]})";
  std::mt19937 random(3);  // NOLINT: the same texts each time
  const std::string bytes = "{}[]:,\"\\u01eE.-+ atnl\x80\xC3\xF0\x1F";
  int faults = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string text = whole;
    const int changes = 1 + static_cast<int>(random() % 2);
    for (int change = 0; change < changes; ++change) {
      const std::size_t at = random() % text.size();
      const char byte = bytes[random() % bytes.size()];
      switch (random() % 3) {
        case 0:
          text[at] = byte;
          break;
        case 1:
          text.insert(at, 1, byte);
          break;
        default:
          text.erase(at, 1);
      }
    }
    ASSERT_EQ(is_json(text), nlohmann::json::accept(text)) << text;
    faults += is_json(text) ? 0 : 1;
  }
  EXPECT_GT(faults, 10'000);
}

TEST(JsonText, writes_strings_that_read_back_as_they_were) {
  std::string all;
  for (char c = 0; c < 0x7F; ++c)
    all += c;
  for (const std::string& text : {all, std::string("é😀 plain"), std::string("\n"), std::string(),
                                  std::string("ends in a quote\""), std::string("é\"é\\é")}) {
    std::string json;
    append_json_string(json, text);
    EXPECT_TRUE(is_json(json)) << json;
    EXPECT_EQ(nlohmann::json::parse(json).get<std::string>(), text);
    EXPECT_EQ(decode_json_string(std::string_view(json).substr(1, json.size() - 2)), text);
  }
}

TEST(JsonText, reads_every_escape) {
  EXPECT_EQ(decode_json_string(R"(\"\\\/\b\f\n\r\t\u0041\u00e9\u20AC\ud83d\ude00)"),
            "\"\\/\b\f\n\r\tAé€😀");
  EXPECT_EQ(decode_json_string(R"(\ud800x)"), "\uFFFDx");
  EXPECT_EQ(decode_json_string(R"(\ude00)"), "\uFFFD");
  EXPECT_EQ(decode_json_string(R"(\ud83d\u0041)"),
            "\uFFFD"
            "A");
}

TEST(JsonText, walks_through_members_without_changing_them) {
  std::vector<std::string> seen;
  for (JsonWalk walk(R"({ "a" : 1.10 , "b\"" :{"x":[1,"}"]},"c":"]" , "d" : [ ] })");
       walk.next();) {
    seen.push_back(std::string(walk.name()) + "=" + std::string(walk.value()));
  }
  EXPECT_EQ(seen,
            (std::vector<std::string>{"a=1.10", R"(b\"={"x":[1,"}"]})", R"(c="]")", "d=[ ]"}));
  JsonWalk empty("[ ]");
  EXPECT_FALSE(empty.next());
}

}  // namespace
}  // namespace outbox
