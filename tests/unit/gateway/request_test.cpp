// SPDX-License-Identifier: Apache-2.0
#include "http/request.hpp"

#include <gtest/gtest.h>

namespace outbox::http {
namespace {

TEST(Target, is_taken_apart_and_decoded) {
  Request request;
  ASSERT_TRUE(
      read_target("/ws?resume=0%3A15%2C1:7&event_type=A+B&event_type=C,,D&progress", request));
  EXPECT_EQ(request.path, "/ws");
  EXPECT_EQ(request.parameter("resume"), "0:15,1:7");
  EXPECT_EQ(request.list("event_type"), (std::vector<std::string>{"A B", "C", "D"}));
  EXPECT_EQ(request.parameter("progress"), "");
  EXPECT_EQ(request.parameter("other"), std::nullopt);
}

TEST(Target, that_is_malformed_is_refused) {
  for (const char* target :
       {"ws", "*", "http://host/ws", "/%", "/%4", "/%zz", "/a%00b", "/ws?a=%f", "/ws?%=1", ""}) {
    Request request;
    EXPECT_FALSE(read_target(target, request)) << target;
  }
}

TEST(Header, is_found_in_any_case) {
  Request request;
  request.headers = {{"origin", "https://a"}, {"Origin", "https://b"}};
  EXPECT_EQ(request.header("ORIGIN"), "https://a");
  EXPECT_EQ(request.header("Host"), std::nullopt);
}

}  // namespace
}  // namespace outbox::http
