// SPDX-License-Identifier: Apache-2.0
#include "http/server.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <thread>

#include <outbox/error.hpp>

#include "unit/gateway/sockets.hpp"

namespace outbox::http {
namespace {

using namespace std::chrono_literals;

using testing::Socket;

const std::string web_socket =
    "GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const std::string events = "GET /events HTTP/1.1\r\nHost: x\r\n\r\n";

/// Sends the same again and again to whoever is connected.
class Feed : public Application {
 public:
  Answer answer(const Request& request) override {
    if (request.path == "/fail") throw std::runtime_error("a fault of the application");
    if (request.path != "/ws" && request.path != "/events") {
      return Response{200, request.method + " " + request.path + " " + request.body};
    }
    return Upgrade{std::make_shared<Client>(*this), request.path == "/ws", {}, {}};
  }

  std::atomic<int> opened{0};
  std::atomic<int> closed{0};

 private:
  class Client : public PushClient {
   public:
    explicit Client(Feed& feed) : feed_(feed) {}
    void opened(std::shared_ptr<Push> connection) override {
      ++feed_.opened;
      connection_ = std::move(connection);
      connection_->send(feed_.payload_);
    }
    void sent() override {
      if (++count_ == 1'000) return connection_->close(CloseCode::try_again_later, "enough");
      connection_->send(feed_.payload_);
    }
    void closed() override {
      ++feed_.closed;
      connection_.reset();
    }

   private:
    Feed& feed_;
    std::shared_ptr<Push> connection_;
    int count_ = 0;
  };

  PayloadPointer payload_ = std::make_shared<Payload>(Payload{std::string(3'000, 'x')});
};

class ServerTest : public ::testing::Test {
 protected:
  ~ServerTest() override { stop(); }
  void stop() {
    thread_.request_stop();
    if (thread_.joinable()) thread_.join();
  }
  static ServerOptions options() {
    ServerOptions made;
    made.address = "127.0.0.1:0";
    made.address_setting = "the.address";
    made.write_timeout = made.request_timeout = 2s;
    return made;
  }

  Feed feed_;
  Logger logger_{LogLevel::warn};
  Server server_{options(), feed_, logger_};
  std::jthread thread_{[this](const std::stop_token& stopped) { server_.run(stopped, 2s); }};
};

TEST_F(ServerTest, answers_several_requests_on_one_connection) {
  const Socket socket(server_.address());
  socket.send("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi");
  EXPECT_NE(socket.read_until("POST /a hi").find("HTTP/1.1 200"), std::string::npos);
  socket.send("GET /b?c=d HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(socket.read_until("").ends_with("\r\n\r\nGET /b "));
}

TEST_F(ServerTest, answers_500_to_what_fails) {
  const Socket socket(server_.address());
  socket.send("GET /fail HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(socket.read_until("\r\n").starts_with("HTTP/1.1 500"));
}

TEST_F(ServerTest, sends_in_pieces_as_they_were_given) {
  const Socket socket(server_.address());
  socket.send(web_socket);
  EXPECT_TRUE(socket.read_until("\r\n\r\n").starts_with("HTTP/1.1 101"));
  // One frame of text, 3,000 bytes.
  EXPECT_TRUE(socket.read_until("xxxx").starts_with("\x81\x7e\x0b\xb8xxxx"));
}

TEST_F(ServerTest, says_who_listens_where_the_address_is_taken) {
  ServerOptions taken = options();
  taken.address = server_.address();
  try {
    const Server second(taken, feed_, logger_);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::conflict);
    EXPECT_NE(std::string(error.what()).find("the.address"), std::string::npos);
  }
}

TEST_F(ServerTest, tells_each_client_that_was_opened_its_end_however_it_ends) {
  for (int round = 0; round < 30; ++round) {
    std::vector<std::unique_ptr<Socket>> sockets;
    for (int i = 0; i < 20; ++i) {
      sockets.push_back(std::make_unique<Socket>(server_.address()));
      Socket& socket = *sockets.back();
      const std::string& request = i % 2 == 0 ? web_socket : events;
      socket.send(i % 5 == 4 ? request.substr(0, 40) : request);
      if (i % 3 == 0) (void)socket.read_until("xxxx");
      if (i % 4 == 0) socket.send("\x88\x80\x01\x01\x01\x01");  // A close.
      if (i % 4 == 1) socket.send("garbage, and much of it, that is no frame at all");
      if (i % 7 == 0) socket.reset();
    }
  }
  const Socket last(server_.address());
  last.send(web_socket);
  EXPECT_GT(last.read_until("").size(), 2'000'000U);  // Up to the close.
  stop();
  EXPECT_GT(feed_.opened, 100);
  EXPECT_EQ(feed_.opened, feed_.closed);
}

TEST_F(ServerTest, ends_though_clients_take_nothing_in) {
  const Socket socket(server_.address());
  socket.send(web_socket);
  (void)socket.read_until("xxxx");
  const Socket stream(server_.address());
  stream.send(events);
  (void)stream.read_until("xxxx");
  stop();
  EXPECT_EQ(feed_.opened, 2);
  EXPECT_EQ(feed_.closed, 2);
}

}  // namespace
}  // namespace outbox::http
