// SPDX-License-Identifier: Apache-2.0
//
// What the files of this folder share about one connection of a client; not for others, because it
// names the library.
#pragma once

#include <sys/socket.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "core/clock.hpp"
#include "http/server.hpp"

namespace outbox::http {

namespace asio = boost::asio;
using ErrorCode = boost::system::error_code;
// The executor's own type instead of any_io_executor: smaller, and a call less for each operation.
using Socket = asio::basic_stream_socket<asio::ip::tcp, asio::io_context::executor_type>;

inline constexpr std::chrono::milliseconds tick_interval{250};
/// How long a client may take to answer a close, or to take in the answer to a bad request.
inline constexpr std::chrono::seconds closing_timeout{3};

class Session;
struct Room;

/// Where answers that come later are handed in: from any thread, and also when there is no server
/// any more.
class AnswerDesk {
 public:
  void open(asio::io_context& context, Room& room);
  void close();
  void hand_in(std::uint64_t waiting, Response response);

 private:
  std::mutex mutex_;
  asio::io_context* context_ = nullptr;  // None: closed.
  Room* room_ = nullptr;
};

/// The server as its sessions see it. Outlives them.
struct Room {
  const ServerOptions& options;
  Application& application;
  Logger& logger;
  std::unordered_set<Session*> sessions = {};
  std::size_t pushes = 0;
  std::size_t opened = 0;  ///< Ever; spreads the pings out.
  bool is_closing = false;
  /// Who waits for an answer: nothing else keeps such a session, which has no operation under way.
  std::unordered_map<std::uint64_t, std::shared_ptr<Session>> waiting = {};
  std::uint64_t waited = 0;  ///< Ever; the last one's number.
  std::shared_ptr<AnswerDesk> desk = std::make_shared<AnswerDesk>();
};

/// A connection in one of its three lives: requests, WebSocket, event stream. It lives as long as
/// an operation of it is under way or it waits for an answer, and no longer.
class Session : public std::enable_shared_from_this<Session> {
 public:
  explicit Session(Room& room) : room_(room) { room_.sessions.insert(this); }
  virtual ~Session() { room_.sessions.erase(this); }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// Looks at what has taken too long.
  virtual void tick(Moment now) = 0;
  /// The server goes away.
  virtual void go_away() = 0;
  /// The time for that is over: whoever still waits for an answer is told so.
  virtual void give_up() { cut(); }
  /// Ends it without a word.
  virtual void cut() = 0;
  /// The answer that it waits for.
  virtual void answered(Response /*response*/) {}
  /// Since when nothing but a request is awaited of it; none: it has something to do.
  [[nodiscard]] virtual std::optional<Moment> reading_since() const { return std::nullopt; }

 protected:
  Room& room_;
};

/// Begin a connection's life, on a socket that was just accepted.
void begin_plain_session(Socket socket, Room& room);
void begin_tls_session(Socket socket, asio::ssl::context& tls, Room& room);

}  // namespace outbox::http
