// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <fmt/format.h>

#include <outbox/error.hpp>

#include "config/database_url.hpp"
#include "config/kafka_properties.hpp"
#include "config/settings_builder.hpp"
#include "config/values.hpp"

namespace outbox::config {
namespace {

constexpr std::string_view properties_prefix = "kafka.properties.";

// `host`, `host:port`, `[::1]:port` with the port filled in; empty where it is none of these.
std::string with_port(std::string_view server) {
  constexpr std::string_view default_port = "9092";
  std::string_view host = server;
  std::string_view port = default_port;
  const std::size_t after = server.starts_with('[') ? server.find(']') : 0;
  if (after == std::string_view::npos) return {};
  if (const std::size_t colon = server.find(':', after); colon != std::string_view::npos) {
    host = server.substr(0, colon);
    port = server.substr(colon + 1);
  }
  const auto number = parse_integer(port);
  const bool odd = host.empty() || host.find_first_of("/@ =\t\"'") != std::string_view::npos;
  if (odd || !number || *number < 1 || *number > 65'535) return {};
  return fmt::format("{}:{}", host, *number);
}

std::string host_of(const std::string& server) {
  std::string host = server.substr(0, server.rfind(':'));
  if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
  return host;
}

}  // namespace

void SettingsBuilder::read_kafka() {
  KafkaSettings& kafka = settings_.kafka_;
  std::string joined;
  for (const std::string& server : reader_.list("kafka.bootstrap-servers")) {
    const std::string address = with_port(server);
    if (address.empty()) {
      reader_.fail("kafka.bootstrap-servers",
                   fmt::format("has '{}', which is no host:port", server),
                   "give addresses without a scheme, such as kafka-1.example:9092");
    }
    joined += (joined.empty() ? "" : ",") + address;
  }
  if (joined.empty() && reader_.is_given("kafka.bootstrap-servers")) {
    reader_.fail("kafka.bootstrap-servers", "is empty",
                 "give at least one broker, such as kafka-1.example:9092");
  }
  kafka.bootstrap_servers = joined;
  kafka.client_id = reader_.text("kafka.client-id");
  read_kafka_security();
  read_kafka_properties();
}

void SettingsBuilder::read_kafka_security() {
  KafkaSettings& kafka = settings_.kafka_;
  kafka.user = reader_.text("kafka.user");
  kafka.password = reader_.text("kafka.password");
  kafka.ssl_ca = reader_.path("kafka.ssl-ca");
  kafka.ssl_certificate = reader_.path("kafka.ssl-certificate");
  kafka.ssl_key = reader_.path("kafka.ssl-key");
  kafka.ssl_key_password = reader_.text("kafka.ssl-key-password");
  if (kafka.user.empty() != kafka.password.empty()) {
    const bool no_user = kafka.user.empty();
    reader_.fail(no_user ? "kafka.password" : "kafka.user",
                 no_user ? "is set without kafka.user" : "is set without kafka.password",
                 "set both, or neither for brokers without login");
  }
  const bool bare_scram = reader_.text("kafka.sasl-mechanism") == "SCRAM";
  std::string mechanism = bare_scram ? "SCRAM-SHA-256" : reader_.word("kafka.sasl-mechanism");
  if (kafka.user.empty() && !mechanism.empty()) {
    warn(fmt::format("kafka.sasl-mechanism ({}) has no effect without kafka.user",
                     reader_.origin("kafka.sasl-mechanism")));
    mechanism.clear();
  }
  kafka.sasl_mechanism = mechanism.empty() && !kafka.user.empty() ? "PLAIN" : mechanism;

  const std::string protocol = reader_.word("kafka.security-protocol");
  if (!protocol.empty() && protocol.starts_with("sasl_") == kafka.user.empty()) {
    reader_.fail("kafka.security-protocol",
                 fmt::format("is {}, and kafka.user is {}", protocol,
                             kafka.user.empty() ? "not set" : "set"),
                 kafka.user.empty() ? "set kafka.user and kafka.password, or use plaintext or ssl"
                                    : "use sasl_plaintext or sasl_ssl");
  }
  kafka.security_protocol = protocol;
  if (protocol.empty())
    kafka.security_protocol = kafka.user.empty() ? "plaintext" : "sasl_plaintext";
  const bool tls = kafka.security_protocol.ends_with("ssl");
  for (const std::string_view name :
       {"kafka.ssl-ca", "kafka.ssl-certificate", "kafka.ssl-key", "kafka.ssl-key-password"}) {
    if (!tls && !reader_.text(name).empty()) {
      reader_.fail(
          name, fmt::format("is set, and kafka.security-protocol is {}", kafka.security_protocol),
          "set kafka.security-protocol to ssl or sasl_ssl, or remove it");
    }
  }
  if (kafka.ssl_certificate.empty() != kafka.ssl_key.empty()) {
    reader_.fail(kafka.ssl_key.empty() ? "kafka.ssl-certificate" : "kafka.ssl-key",
                 "is only one half of our own certificate",
                 "set kafka.ssl-certificate and kafka.ssl-key");
  }
  if (kafka.user.empty() || tls) return;
  for (const std::string& server :
       parse_list(kafka.bootstrap_servers).value_or(std::vector<std::string>{})) {
    if (is_loopback(host_of(server))) continue;
    const bool plain = kafka.sasl_mechanism == "PLAIN";
    warn(
        fmt::format("kafka.security-protocol is sasl_plaintext: {} {} in clear; set it to sasl_ssl",
                    plain ? "the password and all messages go to" : "all messages go to", server));
    return;
  }
}

void SettingsBuilder::read_kafka_properties() {
  for (const auto& [name, given] : layers_.all()) {
    if (!name.starts_with(properties_prefix)) continue;
    const std::string property = name.substr(properties_prefix.size());
    if (const std::string reason = why_refused(property); !reason.empty()) {
      throw Error(ErrorKind::configuration, fmt::format("{} ({}) {}", name, given.origin, reason),
                  "remove it");
    }
    settings_.kafka_.properties[property] = given.text;
  }
}

}  // namespace outbox::config
