// SPDX-License-Identifier: Apache-2.0
#include "http/access.hpp"

#include <outbox/error.hpp>

#include <gtest/gtest.h>

namespace outbox::http {
namespace {

TEST(Tokens, are_accepted_whole_and_alone) {
  const Tokens tokens("first-token, second-token\n");
  EXPECT_TRUE(tokens.accept("first-token"));
  EXPECT_TRUE(tokens.accept("second-token"));
  for (const char* token : {"", "first-toke", "first-token ", "FIRST-TOKEN", "first-token,"})
    EXPECT_FALSE(tokens.accept(token)) << token;
}

TEST(Tokens, accept_nobody_where_there_are_none) {
  EXPECT_TRUE(Tokens("").empty());
  EXPECT_FALSE(Tokens("").accept(""));
}

TEST(Tokens, that_are_blank_are_refused_and_do_not_leave_the_door_open) {
  EXPECT_THROW(Tokens(" \n"), Error);
  EXPECT_THROW(Tokens(","), Error);
}

std::optional<std::string> token_in(NamedTexts headers, NamedTexts query = {}) {
  Request request;
  request.headers = std::move(headers);
  request.query = std::move(query);
  return token_of(request);
}

TEST(TokenOf, reads_the_three_places_that_clients_can_use) {
  EXPECT_EQ(token_in({{"Authorization", "bearer abc"}}), "abc");
  EXPECT_EQ(token_in({{"Sec-WebSocket-Protocol", "outbox, bearer.abc"}}), "abc");
  EXPECT_EQ(token_in({}, {{"token", "abc"}}), "abc");
  EXPECT_EQ(token_in({}), std::nullopt);
}

TEST(TokenOf, takes_no_other_scheme) {
  EXPECT_EQ(token_in({{"Authorization", "Basic abc"}}, {{"token", "abc"}}), std::nullopt);
  EXPECT_EQ(token_in({{"Authorization", "Bearer"}}), std::nullopt);
}

TEST(Origin, is_allowed_where_it_is_named) {
  const std::vector<std::string> allowed = {"https://shop.example"};
  EXPECT_TRUE(is_origin_allowed("https://shop.example", "gateway.example", allowed));
  EXPECT_FALSE(is_origin_allowed("http://shop.example", "gateway.example", allowed));
  EXPECT_FALSE(is_origin_allowed("https://shop.example.evil", "gateway.example", allowed));
  EXPECT_TRUE(is_origin_allowed("https://any", "gateway.example", {"*"}));
}

TEST(Origin, is_allowed_where_it_is_this_very_address) {
  EXPECT_TRUE(is_origin_allowed("http://127.0.0.1:8090", "127.0.0.1:8090", {}));
  EXPECT_TRUE(is_origin_allowed("http://localhost:8090", "localhost:8090", {}));
  EXPECT_TRUE(is_origin_allowed("http://[::1]:8090", "[::1]:8090", {}));
  EXPECT_FALSE(is_origin_allowed("http://localhost:3000", "localhost:8090", {}));
  EXPECT_FALSE(is_origin_allowed("null", "localhost:8090", {}));
}

TEST(Origin, of_a_name_is_not_allowed_though_it_is_the_hosts) {
  // A page can have its own name point to 127.0.0.1 after it was loaded.
  EXPECT_FALSE(is_origin_allowed("http://evil.example:8090", "evil.example:8090", {}));
  EXPECT_FALSE(is_origin_allowed("http://1.evil.example", "1.evil.example", {}));
}

}  // namespace
}  // namespace outbox::http
