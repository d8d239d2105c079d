// SPDX-License-Identifier: Apache-2.0
//
// The gateway as a whole: a server, the hub on its thread, and a source on a second one (B12).
#pragma once

#include <functional>
#include <stop_token>
#include <string>

#include "broker/reader.hpp"
#include "gateway/endpoints.hpp"
#include "gateway/source.hpp"

namespace outbox::gateway {

struct GatewayOptions {
  http::ServerOptions server;
  AccessOptions access;
  HubOptions hub;
  std::vector<std::string> topics;
  std::string group_id_prefix = "ws-consumer";  ///< B7
  std::string instance_id;                      ///< Empty: the host's name and the port.
  std::chrono::milliseconds start_timeout{30'000};
  std::chrono::milliseconds shutdown_timeout{10'000};
  /// Called with `host:port` once clients are answered; may be empty.
  std::function<void(const std::string&)> on_listening;
};

/// Serves until a stop. Brokers that are away are waited for, at the start up to start_timeout.
/// Throws Error(conflict) where the port is taken, Error(configuration) for what is of no use,
/// Error(not_found) without a topic, Error(unreachable) without brokers at the start.
void run_gateway(const GatewayOptions& options, const broker::ReaderMaker& make_reader,
                 Logger& logger, const std::stop_token& stop);

}  // namespace outbox::gateway
