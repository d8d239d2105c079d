// SPDX-License-Identifier: Apache-2.0
//
// HTTP/1.1, WebSocket and Server-sent events on one port, with or without TLS, on one thread. What
// a client may cost is limited here: header and body, frames, messages a second, the time that
// anything may take, connections. A client that answers no ping is dropped, and so is one that
// takes nothing in although there is something to send.
//
// Thread-safety: post() and address() from any thread, all else from the one that runs.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include "core/log.hpp"
#include "http/request.hpp"

namespace outbox::http {

struct ServerOptions {
  std::string address;          ///< `host:port`, `[::1]:port`; port 0: any free one.
  std::string address_setting;  ///< Named in errors.
  std::string certificate;      ///< PEM files of chain and key; empty: no TLS.
  std::string key;
  std::string tls_setting;          ///< Named in errors about them.
  std::size_t pushes_max = 10'000;  ///< Open WebSockets and event streams.
  /// Connections that are no pushes (yet). Beyond them the kernel keeps what wants in, and whoever
  /// has sent no whole request for a second makes room.
  std::size_t requests_max = 1'024;
  std::size_t header_bytes_max = 16U << 10U;
  std::size_t body_bytes_max = 64U << 10U;
  std::size_t frame_bytes_max = 64U << 10U;           ///< Of one message from a WebSocket client.
  std::chrono::milliseconds request_timeout{10'000};  ///< For the whole of a request to come.
  std::chrono::milliseconds answer_timeout{30'000};   ///< For an answer that comes later.
  std::chrono::milliseconds write_timeout{10'000};
  std::chrono::milliseconds ping_interval{20'000};
  std::chrono::milliseconds idle_timeout{60'000};
};

/// What is served.
class Application {
 public:
  virtual ~Application() = default;

  /// Must not wait. What it throws as std::exception is answered with 500 and logged.
  virtual Answer answer(const Request& request) = 0;

  /// What is said to a request that is refused before it gets here: it is malformed, too large,
  /// one too many.
  virtual Response refused(int status, const std::string& what) {
    return {status, what + "\n", "text/plain; charset=utf-8", {}};
  }

  /// What is said to one whose answer did not come in time, or before the server stops: what it
  /// asked for may be under way.
  virtual Response unanswered(const std::string& /*method*/, const std::string& what) {
    return refused(503, what);
  }

  /// Several times a second.
  virtual void tick() {}
};

class Server {
 public:
  /// Listens at once, and answers as soon as it runs. Throws Error(conflict) where the address is
  /// taken, Error(configuration) where it, the certificate or the key is of no use.
  Server(ServerOptions options, Application& application, Logger& logger);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// `host:port` as it came to be.
  [[nodiscard]] std::string address() const;

  /// Until a stop is requested; then tells all clients that it goes away and waits for them up to
  /// `closing`. Requests that are not answered by then get 503.
  void run(const std::stop_token& stop, std::chrono::milliseconds closing);

  /// Has the thread that runs call it, soon. What is posted after the end is never called.
  void post(std::function<void()> task);

  /// Open WebSockets and event streams.
  [[nodiscard]] std::size_t pushes() const;

 private:
  class Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace outbox::http
