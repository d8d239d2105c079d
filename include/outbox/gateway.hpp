// SPDX-License-Identifier: Apache-2.0
//
// The gateway inside a program of one's own, as `outboxd gateway` runs it: every message of its
// topics to all clients that are connected, by WebSocket at `/ws` and as server-sent events at
// `/events`. A client that was away gives back the position it saw last and gets what it missed.
// docs/gateway.md describes what clients send and get.
//
//     outbox::Gateway gateway({.address = "127.0.0.1:0",
//                              .kafka = {.bootstrap_servers = "localhost:9092"}});
//     std::jthread serving([&](std::stop_token stop) { gateway.run(stop); });
//
// It reads its topics on its own and is in no consumer group, so that any number of gateways each
// see all messages.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include <outbox/kafka.hpp>

namespace outbox {

/// What a gateway pushes, to whom, and within which limits. A value.
struct GatewayOptions {
  std::string address = "127.0.0.1:8090";                 ///< `host:port`; port 0: any free one.
  KafkaConnection kafka;                                  ///< The brokers it reads from.
  std::vector<std::string> topics = {"realtime.events"};  ///< Whose messages are pushed.
  std::string group_id_prefix = "ws-consumer";  ///< A name for tools that show lag, no group.
  std::string instance_id;                      ///< Empty: the host's name and the port.
  /// What clients must give; several, with commas, while one is replaced. Empty: none. Never
  /// logged.
  std::string token;
  /// Pages that may connect besides those from its own address, such as `https://shop.example`.
  std::vector<std::string> allowed_origins;
  std::string tls_certificate;               ///< PEM files; both empty: no TLS.
  std::string tls_key;                       ///< Of the certificate.
  std::size_t clients_max = 10'000;          ///< More are turned away with 503.
  std::size_t queued_bytes_max = 1U << 20U;  ///< Of one client; a slower one is sent away.
  std::size_t queued_messages_max = 1'000;   ///< Of one client, as above.
  std::size_t recent_bytes = 32U << 20U;  ///< Newest messages in memory, for those who come back.
  std::chrono::milliseconds ping_interval{20'000};  ///< To each client.
  std::chrono::milliseconds idle_timeout{60'000};   ///< Without an answer: gone.
  std::chrono::milliseconds write_timeout{10'000};  ///< For one frame to leave.
  std::chrono::milliseconds start_timeout{30'000};  ///< For the brokers to answer.
  /// For clients to go.
  std::chrono::milliseconds shutdown_timeout{10'000};
  /// Called once clients are answered, with the address as it came to be, on the thread of run().
  std::function<void(const std::string& address)> on_listening;
};

/// Pushes the messages of topics to WebSocket and event-stream clients.
/// Thread-safety: run() once at a time; counters from any thread.
class Gateway {
 public:
  /// Connects to nothing yet. Throws Error(configuration), naming the option, where one makes no
  /// sense.
  explicit Gateway(GatewayOptions options);
  ~Gateway();
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  /// Serves until a stop is requested, on this thread and one more; then tells the clients that it
  /// goes away. Brokers that are away are waited for, at the start up to start_timeout. Throws
  /// Error(conflict) where the address is taken, Error(not_found) without a topic,
  /// Error(unreachable) without brokers at the start, Error(configuration) where login, rights,
  /// address or certificate are refused. Log lines go to standard error, from `warn` on. Call it
  /// once at a time.
  void run(std::stop_token stop);

 private:
  class Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace outbox
