// SPDX-License-Identifier: Apache-2.0
//
// Answers that come later, from other threads; and what a server does where clients keep all of
// its connections.
#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <thread>

#include "http/server.hpp"
#include "unit/gateway/sockets.hpp"

namespace outbox::http {
namespace {

using namespace std::chrono_literals;
using testing::Socket;

using Respond = std::function<void(Response)>;

/// Keeps what it is asked until the test answers.
class Desk : public Application {
 public:
  Answer answer(const Request& request) override {
    if (request.path == "/now") return Response{200, "now"};
    return Later{[this, path = request.path](Respond respond) {
      if (path == "/throws") throw std::runtime_error("it cannot even begin");
      const std::lock_guard lock(mutex_);
      asked_.emplace_back(path, std::move(respond));
      changed_.notify_all();
    }};
  }
  Response refused(int status, const std::string& what) override {
    return {status, "refused: " + what, "text/plain", {}};
  }

  /// Waits until so many were asked.
  std::vector<std::pair<std::string, Respond>> take(std::size_t count) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, 10s, [&] { return asked_.size() >= count; }));
    return std::exchange(asked_, {});
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::pair<std::string, Respond>> asked_;
};

class LaterTest : public ::testing::Test {
 protected:
  ~LaterTest() override { stop(); }
  void start(ServerOptions options) {
    options.address = "127.0.0.1:0";
    options.request_timeout = options.write_timeout = 2s;
    server_ = std::make_unique<Server>(options, desk_, logger_);
    thread_ =
        std::jthread([this](const std::stop_token& stopped) { server_->run(stopped, 500ms); });
  }
  void stop() {
    thread_.request_stop();
    if (thread_.joinable()) thread_.join();
    server_.reset();
  }
  [[nodiscard]] Socket connect() const { return Socket(server_->address()); }
  static std::string get(const std::string& path) {
    return "GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n";
  }

  Desk desk_;
  Logger logger_{LogLevel::error};
  std::unique_ptr<Server> server_;
  std::jthread thread_;
};

TEST_F(LaterTest, answers_from_another_thread_while_others_are_served) {
  start({});
  const Socket waiting = connect();
  waiting.send(get("/a"));
  auto asked = desk_.take(1);
  const Socket other = connect();
  other.send(get("/now"));
  EXPECT_TRUE(other.read_until("now").starts_with("HTTP/1.1 200"));
  std::jthread([&] { asked[0].second({200, "later"}); }).join();
  EXPECT_TRUE(waiting.read_until("later").starts_with("HTTP/1.1 200"));
}

TEST_F(LaterTest, answers_pipelined_requests_in_their_order) {
  start({});
  const Socket socket = connect();
  socket.send(get("/a") + get("/now") + get("/b"));
  auto first = desk_.take(1);
  EXPECT_EQ(first[0].first, "/a");
  first[0].second({200, "answer to a"});
  const std::string before = socket.read_until("now");
  EXPECT_NE(before.find("answer to a"), std::string::npos);
  auto second = desk_.take(1);
  EXPECT_EQ(second[0].first, "/b");
  second[0].second({204, "", "", {}});
  EXPECT_NE(socket.read_until("\r\n\r\n").find("HTTP/1.1 204"), std::string::npos);
}

TEST_F(LaterTest, takes_an_answer_once) {
  start({});
  const Socket socket = connect();
  socket.send(get("/a") + get("/b"));
  auto asked = desk_.take(1);
  asked[0].second({200, "first."});
  asked[0].second({200, "second."});
  auto next = desk_.take(1);
  asked[0].second({200, "third."});
  next[0].second({200, "of b."});
  const std::string all = socket.read_until("of b.");
  EXPECT_NE(all.find("first."), std::string::npos);
  EXPECT_EQ(all.find("second."), std::string::npos);
  EXPECT_EQ(all.find("third."), std::string::npos);
}

TEST_F(LaterTest, gives_up_waiting_for_an_answer_in_time) {
  ServerOptions options;
  options.answer_timeout = 300ms;
  start(options);
  const Socket socket = connect();
  socket.send(get("/a"));
  auto asked = desk_.take(1);
  const std::string given = socket.read_until("in time");
  EXPECT_TRUE(given.starts_with("HTTP/1.1 503"));
  EXPECT_NE(given.find("Retry-After"), std::string::npos);
  asked[0].second({200, "too late"});
  socket.send(get("/now"));
  EXPECT_TRUE(socket.read_until("now").starts_with("HTTP/1.1 200"));
}

TEST_F(LaterTest, does_not_mind_clients_that_have_gone_away_meanwhile) {
  start({});
  {
    const Socket gone = connect();
    gone.send(get("/a"));
    (void)desk_.take(0);
    gone.reset();
  }
  auto asked = desk_.take(1);
  asked[0].second({200, std::string(1'000'000, 'x')});
  const Socket other = connect();
  other.send(get("/now"));
  EXPECT_TRUE(other.read_until("now").starts_with("HTTP/1.1 200"));
}

TEST_F(LaterTest, says_500_where_the_work_cannot_even_begin) {
  start({});
  const Socket socket = connect();
  socket.send(get("/throws"));
  EXPECT_TRUE(socket.read_until("why").starts_with("HTTP/1.1 500"));
}

TEST_F(LaterTest, tells_whoever_still_waits_that_the_server_stops_and_lets_others_finish) {
  start({});
  const Socket answered = connect();
  answered.send(get("/a"));
  auto first = desk_.take(1);
  const Socket waiting = connect();
  waiting.send(get("/b"));
  auto second = desk_.take(1);
  thread_.request_stop();
  first[0].second({200, "answer to a"});
  const std::string whole = answered.read_until("answer to a");
  EXPECT_TRUE(whole.starts_with("HTTP/1.1 200"));
  const std::string given = waiting.read_until("stops");
  EXPECT_TRUE(given.starts_with("HTTP/1.1 503")) << given;
  EXPECT_NE(given.find("Connection: close"), std::string::npos) << given;
  second[0].second({200, "too late"});
}

TEST_F(LaterTest, ends_while_answers_are_under_way_and_takes_them_afterwards_without_harm) {
  start({});
  std::vector<std::unique_ptr<Socket>> sockets;
  for (int i = 0; i < 20; ++i) {
    sockets.push_back(std::make_unique<Socket>(server_->address()));
    sockets.back()->send(get("/" + std::to_string(i)));
  }
  std::vector<std::pair<std::string, Respond>> asked;
  while (asked.size() < 20) {
    for (auto& one : desk_.take(1))
      asked.push_back(std::move(one));
  }
  std::jthread answering([&] {
    for (std::size_t i = 0; i < 10; ++i)
      asked[i].second({200, "x"});
  });
  stop();
  answering.join();
  for (std::size_t i = 10; i < 20; ++i)
    asked[i].second({200, "nobody is there"});
}

TEST_F(LaterTest, cuts_a_request_that_trickles_in) {
  start({});
  const Socket slow = connect();
  slow.send("POST /now HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n");
  std::jthread trickle([&](const std::stop_token& stopped) {
    std::mutex mutex;
    std::condition_variable_any never;
    std::unique_lock lock(mutex);
    for (int i = 0; i < 60 && !stopped.stop_requested(); ++i) {
      slow.send("x");
      never.wait_for(lock, stopped, std::chrono::milliseconds(100), [] { return false; });
    }
  });
  EXPECT_EQ(slow.read_until(""), "");
  trickle.request_stop();
}

TEST_F(LaterTest, serves_though_clients_that_send_nothing_hold_all_connections) {
  ServerOptions options;
  options.requests_max = 8;
  start(options);
  std::vector<std::unique_ptr<Socket>> idle;
  for (int i = 0; i < 24; ++i) {
    idle.push_back(std::make_unique<Socket>(server_->address()));
    idle.back()->send("GET /now HTTP/1.1\r\nX: ");
  }
  const Socket socket = connect();
  socket.send(get("/now"));
  EXPECT_TRUE(socket.read_until("now").starts_with("HTTP/1.1 200"));
}

TEST_F(LaterTest, lets_the_application_word_what_is_refused_before_it) {
  ServerOptions options;
  options.body_bytes_max = 100;
  start(options);
  const Socket large = connect();
  large.send("POST /now HTTP/1.1\r\nHost: x\r\nContent-Length: 101\r\n\r\n");
  EXPECT_NE(large.read_until("too large").find("413"), std::string::npos);
  const Socket malformed = connect();
  malformed.send("GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_NE(malformed.read_until("malformed").find("refused: "), std::string::npos);
}

}  // namespace
}  // namespace outbox::http
