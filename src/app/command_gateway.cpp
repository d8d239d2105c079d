// SPDX-License-Identifier: Apache-2.0
#include "app/commands.hpp"
#include "app/signals.hpp"
#include "app/wire.hpp"
#include "gateway/gateway.hpp"

namespace outbox::app {
namespace {

gateway::GatewayOptions gateway_options(const config::Settings& settings) {
  const config::GatewaySettings& given = settings.gateway();
  gateway::GatewayOptions options;
  options.topics = given.topics;
  options.group_id_prefix = given.group_id_prefix;
  options.instance_id = given.instance_id;
  options.start_timeout = settings.process().start_timeout;
  options.shutdown_timeout = settings.process().shutdown_timeout;
  options.access.tokens = given.token;
  options.access.allowed_origins = given.allowed_origins;
  options.hub.queue = {given.queued_bytes_max, given.queued_messages_max};
  options.hub.lag_max = given.lag_max;
  options.hub.ring_bytes = given.recent_bytes;
  options.hub.catch_ups_max = given.catch_ups_max;
  http::ServerOptions& server = options.server;
  server.address = given.address;
  server.address_setting = "gateway.address";
  server.certificate = given.tls_certificate;
  server.key = given.tls_key;
  server.tls_setting = "gateway.tls-certificate";
  server.pushes_max = given.clients_max;
  server.frame_bytes_max = given.frame_bytes_max;
  server.header_bytes_max = given.header_bytes_max;
  server.write_timeout = given.write_timeout;
  server.ping_interval = given.ping_interval;
  server.idle_timeout = given.idle_timeout;
  return options;
}

}  // namespace

int command_gateway(const Arguments& arguments) {
  const config::Settings settings = config::load(sources_of(arguments));
  StopSignals signals(settings.process().shutdown_timeout);
  Logger logger(log_level(settings), log_format(settings));
  logger.info("outboxd gateway starts",
              {{"version", OUTBOX_VERSION}, {"librdkafka", library_versions().librdkafka}});
  require_libraries();
  for (const std::string& warning : settings.warnings())
    logger.warn(warning);
  try {
    gateway::run_gateway(gateway_options(settings), make_broker(settings).reader, logger,
                         signals.token());
  } catch (const Error&) {
    // Stopping before the start was done is no failure.
    if (signals.token().stop_requested()) return 0;
    throw;
  }
  return 0;
}

}  // namespace outbox::app
