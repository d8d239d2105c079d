// SPDX-License-Identifier: Apache-2.0
#include "admin/access.hpp"

#include <gtest/gtest.h>

#include "admin/json.hpp"

namespace outbox::admin {
namespace {

using namespace std::chrono_literals;

constexpr const char* reader = "0123456789abcdef";
constexpr const char* operator_token = "fedcba9876543210";
const Moment start{std::chrono::hours(1)};

http::Request request_with(http::NamedTexts headers, std::string path = "/api/v1/status") {
  http::Request request;
  request.method = "GET";
  request.path = std::move(path);
  request.headers = std::move(headers);
  return request;
}

AccessOptions with_tokens() {
  AccessOptions options;
  options.read_tokens = {{"rita", reader}};
  options.operate_tokens = {{"olga", operator_token}};
  return options;
}

int refused_place(const AccessOptions& options, http::NamedTexts headers,
                  const char* path = "/api/v1/status") {
  const auto refusal = Access(options).refuse_place(request_with(std::move(headers), path));
  return refusal ? refusal->status : 0;
}

TEST(AdminAccess, on_loopback_answers_under_names_alone_that_nobody_can_point_elsewhere) {
  for (const char* host : {"localhost", "LOCALHOST:8480", "127.0.0.1:8480", "[::1]:8480", "[::1]"})
    EXPECT_EQ(refused_place({}, {{"Host", host}}), 0) << host;
  for (const char* host : {"", "evil.example", "evil.example:8480", "localhost.evil.example",
                           "127.0.0.1.evil.example", "[::1].evil", "0.0.0.0:8480", "10.0.0.1"}) {
    EXPECT_EQ(refused_place({}, {{"Host", host}}), 403) << host;
  }
  EXPECT_EQ(refused_place({}, {}), 403);
  AccessOptions named;
  named.allowed_hosts = {"ops.example", "other.example:8443"};
  EXPECT_EQ(refused_place(named, {{"Host", "ops.example:1"}}), 0);
  EXPECT_EQ(refused_place(named, {{"Host", "other.example:8443"}}), 0);
  EXPECT_EQ(refused_place(named, {{"Host", "other.example:1"}}), 403);
}

TEST(AdminAccess, off_loopback_takes_any_name_unless_some_are_given) {
  AccessOptions options = with_tokens();
  options.is_loopback = false;
  EXPECT_EQ(refused_place(options, {{"Host", "whatever:80"}}), 0);
  options.allowed_hosts = {"ops.example"};
  EXPECT_EQ(refused_place(options, {{"Host", "whatever:80"}}), 403);
  EXPECT_EQ(refused_place(options, {{"Host", "10.1.2.3:8480"}}, "/livez"), 0);
}

TEST(AdminAccess, serves_pages_of_its_own_origin_and_of_those_that_are_named) {
  AccessOptions options;
  options.allowed_origins = {"https://ops.example"};
  const auto from = [&](const char* origin) {
    return refused_place(options, {{"Host", "127.0.0.1:8480"}, {"Origin", origin}});
  };
  EXPECT_EQ(from("http://127.0.0.1:8480"), 0);
  EXPECT_EQ(from("https://ops.example"), 0);
  for (const char* origin : {"null", "", "http://evil.example", "http://127.0.0.1:1",
                             "http://localhost:8480", "https://ops.example.evil"}) {
    EXPECT_EQ(from(origin), 403) << origin;
  }
  const Access access(options);
  EXPECT_TRUE(access.shared_headers(request_with({{"Origin", "http://127.0.0.1:8480"}})).empty());
  EXPECT_EQ(access.shared_headers(request_with({{"Origin", "https://ops.example"}})).front().second,
            "https://ops.example");
}

int admitted(Access& access, http::NamedTexts headers, Role needed) {
  auto result = access.admit(request_with(std::move(headers)), needed, start);
  const auto* refusal = std::get_if<http::Response>(&result);
  return refusal != nullptr ? refusal->status : 0;
}

TEST(AdminAccess, lets_everybody_operate_where_no_token_is_asked_for) {
  Access access({});
  auto result = access.admit(request_with({}), Role::operate, start);
  ASSERT_TRUE(std::holds_alternative<Caller>(result));
  EXPECT_EQ(std::get<Caller>(result).who, "local");
}

TEST(AdminAccess, knows_callers_by_their_tokens_and_their_roles) {
  Access access(with_tokens());
  const auto bearer = [](const std::string& token) {
    return http::NamedTexts{{"Authorization", "Bearer " + token}};
  };
  EXPECT_EQ(admitted(access, {}, Role::anyone), 0);
  EXPECT_EQ(admitted(access, {}, Role::read), 401);
  EXPECT_EQ(admitted(access, bearer("wrong"), Role::read), 401);
  EXPECT_EQ(admitted(access, bearer(""), Role::read), 401);
  EXPECT_EQ(admitted(access, {{"Authorization", std::string("Basic ") + reader}}, Role::read), 401);
  EXPECT_EQ(admitted(access, bearer(reader), Role::read), 0);
  EXPECT_EQ(admitted(access, bearer(reader), Role::operate), 403);
  EXPECT_EQ(admitted(access, bearer(operator_token), Role::operate), 0);
  http::Request in_url = request_with({});
  in_url.query = {{"token", operator_token}};
  EXPECT_TRUE(std::holds_alternative<http::Response>(access.admit(in_url, Role::read, start)));
}

TEST(AdminAccess, tickets_open_one_stream_for_a_while_and_nothing_else) {
  Access access(with_tokens());
  const auto use = [&](const std::string& ticket, const char* path, Moment at) {
    http::Request request = request_with({}, path);
    request.query = {{"ticket", ticket}};
    const auto result = access.admit(request, Role::read, at);
    return std::holds_alternative<Caller>(result) ? std::get<Caller>(result).who : "";
  };
  const auto ticket = access.make_ticket({"rita", Role::read}, start);
  ASSERT_TRUE(ticket);
  EXPECT_EQ(use(*ticket, "/api/v1/status", start), "");
  EXPECT_EQ(use(*ticket, "/api/v1/stream", start + 29s), "rita");
  EXPECT_EQ(use(*ticket, "/api/v1/stream", start + 29s), "");
  const auto old = access.make_ticket({"rita", Role::read}, start);
  EXPECT_EQ(use(*old, "/api/v1/stream", start + 31s), "");
  for (int i = 0; i < 1'000; ++i)
    (void)access.make_ticket({"rita", Role::read}, start);
  EXPECT_FALSE(access.make_ticket({"rita", Role::read}, start));
  EXPECT_TRUE(access.make_ticket({"rita", Role::read}, start + 31s));
}

}  // namespace
}  // namespace outbox::admin
