// SPDX-License-Identifier: Apache-2.0
//
// The server over real sockets, with nothing behind it: no store, no broker.
#include "admin/server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <thread>

#include "unit/gateway/sockets.hpp"

namespace outbox::admin {
namespace {

using http::testing::Socket;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr std::array<PageFile, 2> page = {
    PageFile{"/", "text/html; charset=utf-8", "<!doctype html>", "\"1\""},
    PageFile{"/assets/a.js", "text/javascript; charset=utf-8", "let a;", "\"2\""},
};

Site empty_site() {
  Site site;
  site.version = "9.9.9";
  site.has_broker = false;
  return site;
}

class AdminServerTest : public ::testing::Test {
 protected:
  ~AdminServerTest() override {
    thread_.request_stop();
    if (thread_.joinable()) thread_.join();
  }
  void start(AccessOptions access = {}) {
    AdminOptions options;
    options.server.address = "127.0.0.1:0";
    options.server.address_setting = "admin.address";
    options.access = std::move(access);
    options.page = page;
    server_ =
        std::make_unique<AdminServer>(options, std::make_shared<Services>(empty_site()), logger_);
    thread_ = std::jthread([this](const std::stop_token& stop) { server_->run(stop); });
  }
  /// Sends `first` (method and target) with these headers, and gives the whole answer.
  std::string ask(const std::string& first, const std::string& headers = "",
                  const std::string& body = "") {
    const Socket socket(server_->address());
    std::string text = first + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + headers;
    if (!body.empty()) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    socket.send(text + "\r\n" + body);
    return socket.read_until("");
  }
  static AccessOptions tokens() {
    AccessOptions options;
    options.read_tokens = {{"rita", "0123456789abcdef"}};
    options.operate_tokens = {{"olga", "fedcba9876543210"}};
    return options;
  }

  Logger logger_{LogLevel::error};
  std::unique_ptr<AdminServer> server_;
  std::jthread thread_;
};

const std::string json = "Content-Type: application/json\r\n";
const std::string rita = "Authorization: Bearer 0123456789abcdef\r\n";

TEST_F(AdminServerTest, serves_documents_the_page_and_probes_with_headers_that_close_doors) {
  start();
  const std::string status = ask("GET /api/v1/status");
  EXPECT_THAT(status, StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(status, HasSubstr(R"("version":"9.9.9")"));
  for (const char* header : {"Content-Type: application/json", "Cache-Control: no-store",
                             "X-Frame-Options: DENY", "Content-Security-Policy: default-src 'self'",
                             "X-Content-Type-Options: nosniff", "Referrer-Policy: no-referrer"}) {
    EXPECT_THAT(status, HasSubstr(header));
  }
  EXPECT_THAT(ask("GET /"), HasSubstr("<!doctype html>"));
  EXPECT_THAT(ask("GET /assets/a.js"), HasSubstr("let a;"));
  EXPECT_THAT(ask("GET /assets/a.js", "If-None-Match: \"2\"\r\n"), StartsWith("HTTP/1.1 304"));
  EXPECT_THAT(ask("GET /assets/b.js"), StartsWith("HTTP/1.1 404"));
  EXPECT_THAT(ask("GET /openapi.json"), HasSubstr(R"("openapi": "3.1.0")"));
  EXPECT_THAT(ask("GET /livez"), HasSubstr("alive"));
  EXPECT_THAT(ask("GET /readyz?verbose"), HasSubstr("\r\n\r\nready\n"));
  EXPECT_THAT(ask("GET /api/v1/me"), HasSubstr(R"("role":"operate")"));
}

TEST_F(AdminServerTest, refuses_with_problem_documents_that_name_what_is_wrong) {
  start();
  const std::string unknown = ask("GET /api/v1/events?lmit=1");
  EXPECT_THAT(unknown, StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(unknown, HasSubstr("application/problem+json"));
  EXPECT_THAT(unknown, HasSubstr("lmit"));
  EXPECT_THAT(ask("GET /api/v1/nothing"), StartsWith("HTTP/1.1 404"));
  const std::string put = ask("PUT /api/v1/pauses");
  EXPECT_THAT(put, StartsWith("HTTP/1.1 405"));
  EXPECT_THAT(put, HasSubstr("Allow: GET, HEAD, POST, OPTIONS"));
  EXPECT_THAT(ask("OPTIONS /api/v1/pauses"), StartsWith("HTTP/1.1 204"));
  EXPECT_THAT(ask("POST /api/v1/pauses", "", "{}"), StartsWith("HTTP/1.1 415"));
  EXPECT_THAT(ask("POST /api/v1/pauses", "Content-Type: text/plain\r\n", "{}"),
              StartsWith("HTTP/1.1 415"));
  EXPECT_THAT(ask("POST /api/v1/pauses", json, "{}"), HasSubstr("'kind' is missing"));
  EXPECT_THAT(ask("GET /api/v1/status?store=x"), HasSubstr("no database is set"));
  EXPECT_THAT(ask("GET /api/v1/jobs/x"), StartsWith("HTTP/1.1 404"));
  EXPECT_THAT(ask("GET /%zz"), HasSubstr("application/problem+json"));
  const std::string large = ask("POST /api/v1/pauses", json + "Content-Length: 2000000\r\n");
  EXPECT_THAT(large, StartsWith("HTTP/1.1 413"));
  EXPECT_THAT(large, HasSubstr("application/problem+json"));
}

TEST_F(AdminServerTest, answers_head_without_a_body) {
  start();
  const std::string head = ask("HEAD /api/v1/status");
  EXPECT_THAT(head, StartsWith("HTTP/1.1 200"));
  EXPECT_TRUE(head.ends_with("\r\n\r\n"));
}

TEST_F(AdminServerTest, asks_for_tokens_where_there_are_some_but_not_of_probes_and_the_page) {
  start(tokens());
  EXPECT_THAT(ask("GET /livez"), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(ask("GET /"), StartsWith("HTTP/1.1 200"));
  const std::string unknown = ask("GET /api/v1/status");
  EXPECT_THAT(unknown, StartsWith("HTTP/1.1 401"));
  EXPECT_THAT(unknown, HasSubstr("WWW-Authenticate: Bearer"));
  EXPECT_THAT(ask("GET /metrics"), StartsWith("HTTP/1.1 401"));
  EXPECT_THAT(ask("GET /api/v1/me", rita), HasSubstr(R"("name":"rita","role":"read")"));
  EXPECT_THAT(ask("POST /api/v1/pauses", rita + json, "{}"), StartsWith("HTTP/1.1 403"));
}

TEST_F(AdminServerTest, streams_to_whoever_has_a_ticket_and_to_nobody_twice) {
  start(tokens());
  const std::string made = ask("POST /api/v1/tickets", rita);
  EXPECT_THAT(made, StartsWith("HTTP/1.1 201"));
  const std::size_t at = made.find("\"ticket\":\"") + 10;
  const std::string target = "GET /api/v1/stream?ticket=" + made.substr(at, 36);
  const Socket stream(server_->address());
  stream.send(target + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const std::string got = stream.read_until("event: status\ndata: {\"version\":\"9.9.9\"");
  EXPECT_THAT(got, HasSubstr("text/event-stream"));
  (void)stream.read_until("event: status\ndata: ");
  EXPECT_THAT(ask(target), StartsWith("HTTP/1.1 401"));
}

TEST_F(AdminServerTest, ends_with_streams_open_and_answers_from_others_after_replace) {
  start();
  const Socket stream(server_->address());
  stream.send("GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n");
  (void)stream.read_until("event: status\n");
  Site site = empty_site();
  site.version = "10.0.0";
  server_->replace(std::make_shared<Services>(std::move(site)));
  EXPECT_THAT(ask("GET /api/v1/status"), HasSubstr("10.0.0"));
  thread_.request_stop();
  thread_.join();
  server_.reset();
  EXPECT_THAT(stream.read_until(""), Not(HasSubstr("HTTP/1.1")));
}

}  // namespace
}  // namespace outbox::admin
