// SPDX-License-Identifier: Apache-2.0
#include "admin/input.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include <outbox/error.hpp>

#include "admin/problem.hpp"

namespace outbox::admin {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::array inner = {Field{.name = "key", .most = 3}};
constexpr std::array fields = {
    Field{.name = "text", .least = 1, .most = 5},
    Field{.name = "number", .kind = FieldKind::integer, .least = -2, .most = 10},
    Field{.name = "flag", .kind = FieldKind::boolean},
    Field{.name = "at", .kind = FieldKind::time},
    Field{.name = "id", .kind = FieldKind::uuid},
    Field{.name = "word", .kind = FieldKind::word, .words = "one|two"},
    Field{.name = "words", .kind = FieldKind::words, .words = "one|two", .entries_max = 2},
    Field{.name = "texts", .kind = FieldKind::texts, .least = 1, .most = 4, .entries_max = 2},
    Field{.name = "headers", .kind = FieldKind::strings},
    Field{.name = "patch", .kind = FieldKind::object},
    Field{.name = "value", .kind = FieldKind::value},
    Field{.name = "filter", .kind = FieldKind::fields, .inner = inner},
};

std::string refusal_of_query(const http::NamedTexts& query) {
  Input input;
  try {
    input.take_query(fields, query);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    return error.what();
  }
  return {};
}

std::string refusal_of_body(std::string_view body) {
  Input input;
  try {
    input.take_body(fields, body);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    return error.what();
  }
  return {};
}

TEST(AdminInput, takes_what_is_allowed_and_keeps_every_digit) {
  Input input;
  input.take_body(fields, R"( {"text":"ä","number":-2,"flag":true,"at":"2026-11-21T10:15:00.5Z",
      "words":["two","one"],"texts":["a,b"],"headers":{"a":"b"},"patch":{"x":1.10},
      "value":12345678901234567890.10,"filter":{"key":""}} )");
  EXPECT_EQ(input.text("text"), "ä");
  EXPECT_EQ(input.integer("number"), -2);
  EXPECT_TRUE(input.flag("flag"));
  EXPECT_EQ(input.time_us("at"), 1'795'256'100'500'000);
  EXPECT_THAT(input.list("words"), ElementsAre("two", "one"));
  EXPECT_THAT(input.list("texts"), ElementsAre("a,b"));
  EXPECT_EQ(input.raw("patch"), R"({"x":1.10})");
  EXPECT_EQ(input.raw("value"), "12345678901234567890.10");
  ASSERT_NE(input.fields("filter"), nullptr);
  EXPECT_EQ(input.fields("filter")->text("key"), "");
  EXPECT_FALSE(input.has("id"));
}

TEST(AdminInput, takes_lists_in_a_query_with_commas) {
  Input input;
  input.take_query(fields, {{"words", "one,two"}, {"texts", "a,bc"}});
  EXPECT_THAT(input.list("words"), ElementsAre("one", "two"));
  EXPECT_THAT(input.list("texts"), ElementsAre("a", "bc"));
}

TEST(AdminInput, refuses_by_name_what_is_not_known_given_twice_or_malformed) {
  EXPECT_THAT(refusal_of_query({{"txet", "a"}}), HasSubstr("'txet', which is not known"));
  EXPECT_THAT(refusal_of_query({{"text", "a"}, {"text", "b"}}), HasSubstr("'text' stands there"));
  const std::vector<std::pair<std::string, std::string>> wrong = {
      {"text", ""},
      {"text", "sixsix"},
      {"text", std::string("a\0b", 3)},
      {"text", "\xff"},
      {"number", "11"},
      {"number", "-3"},
      {"number", "1x"},
      {"number", "+1"},
      {"number", " 1"},
      {"number", ""},
      {"number", "99999999999999999999"},
      {"flag", "yes"},
      {"flag", ""},
      {"at", "yesterday"},
      {"at", "2026-02-30T00:00:00Z"},
      {"id", "3f0e1c3a"},
      {"id", "{3f0e1c3a-6f1f-4c43-9f0c-0a4b6a1c2d3e}"},
      {"word", "three"},
      {"word", "one|two"},
      {"word", ""},
      {"words", "one,,two"},
      {"words", "one,3"},
      {"texts", "a,"},
      {"texts", "toolong"},
  };
  for (const auto& [name, value] : wrong)
    EXPECT_THAT(refusal_of_query({{name, value}}), HasSubstr("'" + name + "'")) << value;
}

TEST(AdminInput, refuses_bodies_that_are_no_object_of_known_fields) {
  for (const char* body : {"", "[]", "1", "null", "{", "{\"text\":\"a\"} x", "{\"text\":\"\xff\"}"})
    EXPECT_THAT(refusal_of_body(body), HasSubstr("the body is no JSON")) << body;
  EXPECT_THAT(refusal_of_body(std::string(200, '[')), HasSubstr("no JSON"));
  EXPECT_THAT(refusal_of_body(R"({"x'; drop table outbox_events; --":1})"), HasSubstr("not known"));
  EXPECT_THAT(refusal_of_body(R"({"text":"a","te\u0078t":"b"})"), HasSubstr("twice"));
  for (const char* body :
       {R"({"text":1})", R"({"text":null})", R"({"number":1.5})", R"({"number":"1"})",
        R"({"number":1e1})", R"({"flag":1})", R"({"words":"one"})", R"({"words":[]})",
        R"({"words":["one","one","one"]})", R"({"texts":[1]})", R"({"headers":{"a":1}})",
        R"({"headers":[]})", R"({"patch":[]})", R"({"filter":1})", R"({"filter":{"yek":"a"}})",
        R"({"filter":{"key":"long"}})", R"({"text":"a\u0000b"})"}) {
    EXPECT_NE(refusal_of_body(body), "") << body;
  }
}

TEST(AdminInput, reads_rfc_3339_times_and_nothing_else) {
  EXPECT_EQ(parse_rfc3339("1970-01-01T00:00:00Z"), 0);
  EXPECT_EQ(parse_rfc3339("1970-01-01t01:00:00.000001+01:00"), 1);
  EXPECT_EQ(parse_rfc3339("1969-12-31T23:59:59.9999999-00:00"), -1);
  for (const char* text : {"", "1970", "1970-01-01", "1970-01-01T00:00:00", "1970-1-1T00:00:00Z",
                           "1970-01-01T24:00:00Z", "1970-13-01T00:00:00Z", "1970-01-01T00:00:00.Z",
                           "1970-01-01T00:00:00Zx", "1970-01-01T00:00:00+24:00", "2h"}) {
    EXPECT_FALSE(parse_rfc3339(text)) << text;
  }
}

TEST(AdminProblem, is_what_rfc_9457_says_with_the_remedy_apart) {
  const http::Response response =
      problem(Error(ErrorKind::not_found, "there is no store 'x'", "name one of: global"));
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(response.content_type, "application/problem+json");
  const Json document = Json::parse(response.body);
  EXPECT_EQ(document.at("detail"), "there is no store 'x'");
  EXPECT_EQ(document.at("remedy"), "name one of: global");
  EXPECT_EQ(document.at("status"), 404);
  EXPECT_EQ(Json::parse(problem(400, "bytes \xff").body).at("detail"), "bytes \xEF\xBF\xBD");
  const http::Response away = problem(Error(ErrorKind::unreachable, "away"));
  EXPECT_EQ(away.status, 503);
  EXPECT_EQ(away.headers.front().first, "Retry-After");
}

}  // namespace
}  // namespace outbox::admin
