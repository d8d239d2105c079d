// SPDX-License-Identifier: Apache-2.0
//
// What a home of the broker offers, as makers.
#pragma once

#include <map>
#include <string>

#include "broker/admin.hpp"
#include "broker/consumer.hpp"
#include "broker/producer.hpp"
#include "broker/reader.hpp"
#include "broker/transactions.hpp"

namespace outbox::broker {

/// How to reach the brokers; already validated by the configuration.
struct ConnectionOptions {
  std::string bootstrap_servers;
  std::string client_id = "outboxd";
  std::string user;
  std::string password;           ///< Never logged.
  std::string sasl_mechanism;     ///< PLAIN | SCRAM-SHA-256 | SCRAM-SHA-512, or empty.
  std::string security_protocol;  ///< Empty: plaintext, sasl_plaintext where a user is set.
  std::string ssl_ca;
  std::string ssl_certificate;
  std::string ssl_key;
  std::string ssl_key_password;
  std::size_t queue_bytes_max = 32U << 20U;       ///< Of one handle.
  std::map<std::string, std::string> properties;  ///< Allowed librdkafka properties.
};

struct Home {
  ProducerMaker producer;
  ConsumerMaker consumer;
  ReaderMaker reader;
  AdminMaker admin;
  TransactionalProducerMaker transactional_producer;  ///< None: this broker fences nobody.
  std::string bootstrap_servers;                      ///< As any Kafka client may use them.
};

}  // namespace outbox::broker
