// SPDX-License-Identifier: Apache-2.0
//
// How to reach Kafka's brokers.
#pragma once

#include <map>
#include <string>

namespace outbox {

/// How the brokers are reached. A value; two texts of it are secrets.
struct KafkaConnection {
  std::string bootstrap_servers = "localhost:9092";  ///< `host:port,host:port`
  std::string client_id = "outboxd";                 ///< For the brokers' logs and quotas.
  std::string user = {};                             ///< Empty: no login.
  std::string password = {};                         ///< Never logged.
  std::string sasl_mechanism = {};     ///< PLAIN, SCRAM-SHA-256 or -512; empty without a user.
  std::string security_protocol = {};  ///< Empty: plaintext, or sasl_plaintext where a user is set.
  std::string ssl_ca = {};             ///< A file; empty: the system's authorities.
  std::string ssl_certificate = {};    ///< A file: our own certificate, PEM.
  std::string ssl_key = {};            ///< A file: its private key, PEM.
  std::string ssl_key_password = {};   ///< Never logged.
  /// Further librdkafka properties. Those that the promises rest on are refused.
  std::map<std::string, std::string> properties = {};
};

}  // namespace outbox
