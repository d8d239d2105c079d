// SPDX-License-Identifier: Apache-2.0
#include "serve.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include <httplib.h>

#include <outbox/error.hpp>

#include <fmt/format.h>

#include "api.hpp"
#include "commands.hpp"
#include "schema.hpp"
#include "stop_signal.hpp"

namespace shop {
namespace {

struct Address {
  std::string host;
  int port = 0;
};

Address parse(const std::string& listen) {
  const std::size_t colon = listen.rfind(':');
  Address address{.host = listen.substr(0, colon), .port = -1};
  if (colon != std::string::npos) {
    const char* begin = listen.data() + colon + 1;
    const char* end = listen.data() + listen.size();
    const auto [stopped, code] = std::from_chars(begin, end, address.port);
    if (code != std::errc() || stopped != end) address.port = -1;
  }
  if (address.host.empty() || address.port < 0 || address.port > 65535) {
    throw outbox::Error(outbox::ErrorKind::usage, fmt::format("--listen={} is no address", listen),
                        "write 127.0.0.1:8080");
  }
  return address;
}

int bind(httplib::Server& server, const Address& address) {
  // httplib's default, SO_REUSEPORT, would let a second shop listen on the same port and take every
  // other connection. This lets a restarted one listen while old connections time out, no more.
  server.set_socket_options([](int listener) {
    const int yes = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  });
  errno = 0;
  const int port = address.port == 0 ? server.bind_to_any_port(address.host)
                   : server.bind_to_port(address.host, address.port) ? address.port
                                                                     : -1;
  if (port > 0) return port;
  if (errno == EADDRINUSE) {
    throw outbox::Error(
        outbox::ErrorKind::conflict,
        fmt::format("--listen is {}:{}, where another program listens", address.host, address.port),
        "stop that program, or choose another port with --listen");
  }
  throw outbox::Error(outbox::ErrorKind::configuration,
                      fmt::format("cannot listen on {}:{}", address.host, address.port),
                      "choose another port with --listen");
}

/// Stops the server when a stop is asked for. httplib overlooks one that comes before its loop, so
/// it is told until the loop has ended.
class Ending {
 public:
  Ending(httplib::Server& server, const std::stop_token& stop)
      : thread_([this, &server, stop](const std::stop_token& over) {
          std::mutex mutex;
          std::unique_lock lock(mutex);
          const std::stop_callback wake(over, [this] { asked_.request_stop(); });
          const std::stop_callback asked(stop, [this] { asked_.request_stop(); });
          never_.wait(lock, asked_.get_token(), [] { return false; });
          while (!over.stop_requested()) {
            server.stop();
            never_.wait_for(lock, over, std::chrono::milliseconds(10), [] { return false; });
          }
        }) {}

 private:
  std::stop_source asked_;
  std::condition_variable_any never_;
  std::jthread thread_;  // Last: it ends before what it uses.
};

int run_serve(const Options& options) {
  const StopSignal signal;
  outbox::Database database({.url = options.needed("database"), .connections_max = 16});
  expect_outbox(database);
  make_tables(database);
  ServeOptions serving;
  serving.listen = options.text("listen");
  serving.gateway = options.text("gateway");
  serve(database, serving, signal.token(),
        [](const std::string& url) { fmt::print(stderr, "shop: listening on {}\n", url); });
  return 0;
}

}  // namespace

void serve(outbox::Database& database, const ServeOptions& options, const std::stop_token& stop,
           const std::function<void(const std::string& url)>& listening) {
  constexpr std::size_t requests_per_connection_max = 100'000;
  const Address address = parse(options.listen);
  httplib::Server server;
  server.new_task_queue = [&] {
    return new httplib::ThreadPool(static_cast<std::size_t>(options.threads));
  };
  server.set_tcp_nodelay(true);  // Answers are small and awaited.
  server.set_keep_alive_max_count(requests_per_connection_max);
  server.set_keep_alive_timeout(2);
  add_routes(server, database, options.gateway);
  const int port = bind(server, address);
  const Ending ending(server, stop);
  listening(fmt::format("http://{}:{}", address.host, port));
  server.listen_after_bind();
}

const Command serve_command{
    .name = "serve",
    .words = "",
    .help =
        "The HTTP API and the page\n\nMakes the shop's tables where they are missing. The "
        "outbox comes from `outboxd migrate`,\nand `outboxd relay` brings the events to Kafka.",
    .flags = {database_flag,
              {"listen", "SHOP_LISTEN", "127.0.0.1:8080", "host:port; port 0: any that is free"},
              {"gateway", "SHOP_GATEWAY", "",
               "the gateway that the page listens to, ws://host:port/ws; it must allow the page's "
               "origin (gateway.allowed-origins)"}},
    .run = run_serve};

}  // namespace shop
