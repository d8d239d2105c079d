// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "config/database_url.hpp"
#include "config/settings_builder.hpp"
#include "config/values.hpp"

namespace outbox::config {
namespace {

std::string host_of(const std::string& address) {
  std::string host = address.substr(0, address.rfind(':'));
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  return host;
}

}  // namespace

bool is_origin(const std::string& text) {
  if (text == "*") return true;
  const std::size_t scheme = text.find("://");
  return scheme != std::string::npos && scheme > 0 && scheme + 3 < text.size() &&
         text.find('/', scheme + 3) == std::string::npos;
}

void SettingsBuilder::read_gateway() {
  GatewaySettings& gateway = settings_.gateway_;
  gateway.address = trimmed(reader_.text("gateway.address"));
  gateway.topics = reader_.list("gateway.topics");
  for (const std::string& topic : gateway.topics) {
    if (!is_topic_name(topic)) {
      reader_.fail("gateway.topics", fmt::format("has '{}', which no topic can be called", topic),
                   "give topics of the letters a-z, A-Z, 0-9, '.', '_' and '-'");
    }
  }
  if (gateway.topics.empty()) {
    reader_.fail("gateway.topics", "is empty", "give at least one topic, such as realtime.events");
  }
  gateway.group_id_prefix = reader_.text("gateway.group-id-prefix");
  gateway.instance_id = reader_.text("gateway.instance-id");
  gateway.token = reader_.text("gateway.token");
  gateway.allowed_origins = reader_.list("gateway.allowed-origins");
  for (const std::string& origin : gateway.allowed_origins) {
    if (is_origin(origin)) continue;
    reader_.fail("gateway.allowed-origins", fmt::format("has '{}', which is no origin", origin),
                 "give scheme and host as browsers do, such as https://shop.example, or *");
  }
  gateway.clients_max = static_cast<std::size_t>(reader_.integer("gateway.max-clients"));
  gateway.frame_bytes_max = reader_.size("gateway.max-frame-size");
  gateway.header_bytes_max = reader_.size("gateway.max-header-size");
  gateway.queued_bytes_max = reader_.size("gateway.max-queued-size");
  gateway.queued_messages_max =
      static_cast<std::size_t>(reader_.integer("gateway.max-queued-messages"));
  gateway.lag_max = reader_.duration("gateway.max-lag");
  gateway.recent_bytes = reader_.size("gateway.recent-size");
  gateway.catch_ups_max = static_cast<std::size_t>(reader_.integer("gateway.max-catch-ups"));
  gateway.write_timeout = reader_.duration("gateway.write-timeout");
  gateway.ping_interval = reader_.duration("gateway.ping-interval");
  gateway.idle_timeout = reader_.duration("gateway.idle-timeout");
  if (gateway.idle_timeout <= gateway.ping_interval) {
    reader_.fail("gateway.idle-timeout", "is not longer than gateway.ping-interval",
                 "leave time for a client to answer a ping, such as three intervals");
  }
  read_gateway_tls();
}

void SettingsBuilder::read_gateway_tls() {
  GatewaySettings& gateway = settings_.gateway_;
  gateway.tls_certificate = reader_.path("gateway.tls-certificate");
  gateway.tls_key = reader_.path("gateway.tls-key");
  if (gateway.tls_certificate.empty() != gateway.tls_key.empty()) {
    const bool no_key = gateway.tls_key.empty();
    reader_.fail(no_key ? "gateway.tls-certificate" : "gateway.tls-key",
                 "is only one half of the certificate",
                 "set gateway.tls-certificate and gateway.tls-key");
  }
}

void SettingsBuilder::warn_of_gateway() {
  const GatewaySettings& gateway = settings_.gateway_;
  if (is_loopback(host_of(gateway.address))) return;
  if (gateway.token.empty()) {
    warn(
        fmt::format("gateway.address is {} and gateway.token is not set: whoever reaches that "
                    "port can read all messages",
                    gateway.address));
  } else if (gateway.tls_certificate.empty()) {
    warn(
        fmt::format("gateway.address is {} and gateway.tls-certificate is not set: the token and "
                    "all messages go in clear, unless a proxy before it speaks TLS",
                    gateway.address));
  }
}

}  // namespace outbox::config
