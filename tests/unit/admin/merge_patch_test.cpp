// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <array>

#include "admin/json.hpp"
#include "admin/merge_patch.hpp"

namespace outbox::admin {
namespace {

struct Case {
  const char* target;
  const char* patch;
  const char* result;
};

// RFC 7396, appendix A.
constexpr std::array<Case, 15> rfc_cases = {{
    {R"({"a":"b"})", R"({"a":"c"})", R"({"a":"c"})"},
    {R"({"a":"b"})", R"({"b":"c"})", R"({"a":"b","b":"c"})"},
    {R"({"a":"b"})", R"({"a":null})", R"({})"},
    {R"({"a":"b","b":"c"})", R"({"a":null})", R"({"b":"c"})"},
    {R"({"a":["b"]})", R"({"a":"c"})", R"({"a":"c"})"},
    {R"({"a":"c"})", R"({"a":["b"]})", R"({"a":["b"]})"},
    {R"({"a":{"b":"c"}})", R"({"a":{"b":"d","c":null}})", R"({"a":{"b":"d"}})"},
    {R"({"a":[{"b":"c"}]})", R"({"a":[1]})", R"({"a":[1]})"},
    {R"(["a","b"])", R"(["c","d"])", R"(["c","d"])"},
    {R"({"a":"b"})", R"(["c"])", R"(["c"])"},
    {R"({"a":"foo"})", R"(null)", R"(null)"},
    {R"({"a":"foo"})", R"("bar")", R"("bar")"},
    {R"({"e":null})", R"({"a":1})", R"({"e":null,"a":1})"},
    {R"([1,2])", R"({"a":"b","c":null})", R"({"a":"b"})"},
    {R"({})", R"({"a":{"bb":{"ccc":null}}})", R"({"a":{"bb":{}}})"},
}};

TEST(MergePatch, does_what_the_rfc_says_of_its_examples) {
  for (const Case& one : rfc_cases)
    EXPECT_EQ(merge_patch(one.target, one.patch), one.result) << one.target << " " << one.patch;
}

TEST(MergePatch, keeps_the_digits_of_what_it_does_not_change) {
  EXPECT_EQ(merge_patch(R"({"price": 1.10, "big": 9223372036854775808, "far": 1e400, "n": 1})",
                        R"({"n": 2.50})"),
            R"({"price":1.10,"big":9223372036854775808,"far":1e400,"n":2.50})");
}

TEST(MergePatch, knows_a_name_however_it_is_escaped) {
  EXPECT_EQ(merge_patch(R"({"caf\u00e9": 1})", R"({"café": 2})"), R"({"caf\u00e9":2})");
  EXPECT_EQ(merge_patch(R"({"a\"b": 1, "c": 2})", R"({"a\"b": null})"), R"({"c":2})");
}

}  // namespace
}  // namespace outbox::admin
