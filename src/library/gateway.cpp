// SPDX-License-Identifier: Apache-2.0
#include <outbox/gateway.hpp>

#include <utility>

#include <outbox/error.hpp>

#include "gateway/gateway.hpp"
#include "library/connections.hpp"

namespace outbox {
namespace {

void check(const GatewayOptions& options) {
  const auto refuse = [](const char* what, const char* remedy) {
    throw Error(ErrorKind::configuration, std::string("GatewayOptions::") + what, remedy);
  };
  if (options.topics.empty()) refuse("topics is empty", "name at least one topic");
  if (options.clients_max == 0) refuse("clients_max is 0", "allow at least one client");
  if (options.tls_certificate.empty() != options.tls_key.empty()) {
    refuse("tls_certificate and tls_key: only one is set", "set both, or neither");
  }
  if (options.idle_timeout <= options.ping_interval) {
    refuse("idle_timeout is not longer than ping_interval", "leave time to answer a ping");
  }
}

gateway::GatewayOptions inner_options(const GatewayOptions& given) {
  gateway::GatewayOptions options;
  options.topics = given.topics;
  options.group_id_prefix = given.group_id_prefix;
  options.instance_id = given.instance_id;
  options.start_timeout = given.start_timeout;
  options.shutdown_timeout = given.shutdown_timeout;
  options.on_listening = given.on_listening;
  options.access.tokens = given.token;
  options.access.allowed_origins = given.allowed_origins;
  options.hub.queue = {given.queued_bytes_max, given.queued_messages_max};
  options.hub.ring_bytes = given.recent_bytes;
  http::ServerOptions& server = options.server;
  server.address = given.address;
  server.address_setting = "GatewayOptions::address";
  server.certificate = given.tls_certificate;
  server.key = given.tls_key;
  server.tls_setting = "GatewayOptions::tls_certificate";
  server.pushes_max = given.clients_max;
  server.write_timeout = given.write_timeout;
  server.ping_interval = given.ping_interval;
  server.idle_timeout = given.idle_timeout;
  return options;
}

}  // namespace

class Gateway::Parts {
 public:
  explicit Parts(const GatewayOptions& options)
      : options_(inner_options(options)), broker_(library::make_broker(options.kafka)) {}

  void run(const std::stop_token& stop) {
    gateway::run_gateway(options_, broker_.reader, logger_, stop);
  }

 private:
  const gateway::GatewayOptions options_;
  const broker::Home broker_;
  Logger logger_{LogLevel::warn};
};

Gateway::Gateway(GatewayOptions options) {
  check(options);
  parts_ = std::make_unique<Parts>(options);
}

Gateway::~Gateway() = default;

void Gateway::run(std::stop_token stop) {
  parts_->run(stop);
}

}  // namespace outbox
