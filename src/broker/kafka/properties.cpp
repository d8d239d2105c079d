// SPDX-License-Identifier: Apache-2.0
#include "broker/kafka/properties.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <outbox/error.hpp>

namespace outbox::broker::kafka {
namespace {

bool may_be_secret(std::string_view name) {
  for (const std::string_view word : {"password", "secret", "key", "jaas", "token", "pem"}) {
    if (name.find(word) != std::string_view::npos) return true;
  }
  return false;
}

void set_if(Properties& properties, std::string_view name, const std::string& value) {
  if (!value.empty()) properties.set(name, value);
}

// What the user passes through: over our defaults, under what our promises rest on.
void pass_through(Properties& properties, const ConnectionOptions& options) {
  for (const auto& [name, value] : options.properties)
    properties.set(name, value);
}

void set_connection(Properties& properties, const ConnectionOptions& options) {
  properties.set("bootstrap.servers", options.bootstrap_servers);
  properties.set("allow.auto.create.topics", "false");
  properties.set("statistics.interval.ms", "0");

  const bool user = !options.user.empty();
  std::string protocol = options.security_protocol;
  if (protocol.empty()) protocol = user ? "sasl_plaintext" : "plaintext";
  properties.set("security.protocol", protocol);
  if (user) {
    const std::string& mechanism = options.sasl_mechanism;
    properties.set("sasl.mechanism", mechanism.empty() ? "PLAIN" : mechanism);
    properties.set("sasl.username", options.user);
    properties.set("sasl.password", options.password);
  }
  set_if(properties, "ssl.ca.location", options.ssl_ca);
  set_if(properties, "ssl.certificate.location", options.ssl_certificate);
  set_if(properties, "ssl.key.location", options.ssl_key);
  set_if(properties, "ssl.key.password", options.ssl_key_password);
  properties.set("enable.ssl.certificate.verification", "true");
  properties.set("ssl.endpoint.identification.algorithm", "https");
}

// Long names were a fault of some releases, and they stand in every request.
std::string client_id_of(const ConnectionOptions& options, const std::string& name) {
  std::string id = options.client_id;
  if (!name.empty()) id += "-" + name;
  id.resize(std::min<std::size_t>(id.size(), 100));
  return id;
}

}  // namespace

Properties::Properties() : configuration_(rd_kafka_conf_new()) {
  set("socket.keepalive.enable", "true");
  set("socket.nagle.disable", "true");
  // A broker that comes back is found within seconds, not within librdkafka's ten.
  set("reconnect.backoff.ms", "100");
  set("reconnect.backoff.max.ms", "2000");
  set("log_level", "5");
  // Connections that a broker closes for idleness are no news.
  set("log.connection.close", "false");
}

void Properties::set(std::string_view name, std::string_view value) {
  char text[512] = "";
  const std::string key(name);
  const std::string content(value);
  if (rd_kafka_conf_set(configuration_.get(), key.c_str(), content.c_str(), text, sizeof(text)) ==
      RD_KAFKA_CONF_OK) {
    return;
  }
  throw Error(ErrorKind::configuration,
              may_be_secret(name) ? fmt::format("Kafka property {}: its value is not accepted", key)
                                  : fmt::format("Kafka property {}: {}", key, text));
}

void Properties::take_events(int events) {
  rd_kafka_conf_set_events(configuration_.get(),
                           events | RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_LOG);
  set("log.queue", "true");
}

rd_kafka_t* Properties::make(rd_kafka_type_t type) {
  char text[512] = "";
  rd_kafka_t* const handle = rd_kafka_new(type, configuration_.get(), text, sizeof(text));
  if (handle == nullptr) {
    throw Error(ErrorKind::configuration,
                fmt::format("The Kafka client could not be made: {}", text),
                "Check the settings kafka.*");
  }
  // From here on the handle owns the configuration; the pointer only stops owning it too.
  static_cast<void>(configuration_.release());
  return handle;
}

namespace {

// What producers have in common, in or out of transactions.
Properties sending_properties(const ConnectionOptions& options, const std::string& name,
                              std::int64_t batch_bytes_max) {
  Properties properties;
  // While requests are in flight batches fill by themselves; lingering only has to gather what a
  // reader hands over in one go, within a millisecond. Longer was measured to cost latency and,
  // with a bounded window, throughput, and to save nothing.
  properties.set("linger.ms", "1");
  properties.set("batch.num.messages", "10000");
  properties.set("batch.size", std::to_string(batch_bytes_max));
  properties.set("compression.type", "none");
  // Partitions that were added are seen within seconds; one small request per interval.
  properties.set("topic.metadata.refresh.interval.ms", "10000");
  properties.set("topic.metadata.propagation.max.ms", "5000");
  pass_through(properties, options);
  set_connection(properties, options);
  properties.set("client.id", client_id_of(options, name));

  properties.set("enable.idempotence", "true");
  properties.set("acks", "all");
  properties.set("max.in.flight.requests.per.connection", "5");
  // The topic's own limit decides, not the client's.
  properties.set("message.max.bytes", std::to_string(64 << 20));
  // The producer counts its bytes itself, keys, headers and overhead included; librdkafka's count
  // is of values alone and only has to stay out of the way.
  const std::size_t kbytes = std::max<std::size_t>(options.queue_bytes_max >> 10U, 65536) * 2;
  properties.set("queue.buffering.max.kbytes",
                 std::to_string(std::min<std::size_t>(kbytes, 2147483647)));
  properties.set("queue.buffering.max.messages", "10000000");
  properties.take_events(RD_KAFKA_EVENT_DR);
  return properties;
}

}  // namespace

Properties producer_properties(const ConnectionOptions& options, const std::string& name,
                               std::int64_t batch_bytes_max) {
  Properties properties = sending_properties(options, name, batch_bytes_max);
  // A time-out loses order and lies about loss (promises 1 and 2).
  properties.set("message.timeout.ms", "0");
  properties.set("enable.gapless.guarantee", "true");
  return properties;
}

Properties transactional_properties(const ConnectionOptions& options,
                                    const TransactionOptions& transactions,
                                    std::int64_t batch_bytes_max) {
  Properties properties =
      sending_properties(options, transactions.transactional_id, batch_bytes_max);
  properties.set("transactional.id", transactions.transactional_id);
  // The library bounds a message's time by this one: a message that cannot be sent fails its whole
  // transaction, so that no sibling passes it.
  properties.set("transaction.timeout.ms", std::to_string(transactions.timeout.count()));
  return properties;
}

Properties admin_properties(const ConnectionOptions& options) {
  Properties properties;
  pass_through(properties, options);
  set_connection(properties, options);
  properties.set("client.id", client_id_of(options, "admin"));
  properties.take_events(0);
  return properties;
}

Properties consumer_properties(const ConnectionOptions& options, const ConsumerOptions& consumer) {
  Properties properties;
  // What is fetched ahead is bounded; where the bound was hit fetching goes on soon after.
  const std::size_t kbytes = std::clamp<std::size_t>(options.queue_bytes_max >> 10U, 1, 2097151);
  properties.set("queued.max.messages.kbytes", std::to_string(kbytes));
  properties.set("queued.min.messages", "10000");
  properties.set("fetch.queue.backoff.ms", "10");
  pass_through(properties, options);
  set_connection(properties, options);
  properties.set("client.id", client_id_of(options, consumer.group_id));

  properties.set("group.id", consumer.group_id);
  properties.set("auto.offset.reset", consumer.offset_reset);
  properties.set("enable.auto.commit", "false");
  properties.set("enable.auto.offset.store", "false");
  properties.set("enable.partition.eof", "false");
  if (!consumer.instance_id.empty()) properties.set("group.instance.id", consumer.instance_id);
  // Cooperative assignment loses its partitions on a commit during a rebalance before 2.10.
  const bool cooperative = rd_kafka_version() >= 0x020a00ff;
  properties.set("partition.assignment.strategy", cooperative ? "cooperative-sticky" : "range");
  return properties;
}

Properties reader_properties(const ConnectionOptions& options, const std::string& group_id) {
  // `error`: an offset that is not there is reported, and the other partitions go on.
  Properties properties = consumer_properties(options, {group_id, {}, "error"});
  properties.set("enable.partition.eof", "true");
  properties.set("isolation.level", "read_committed");
  return properties;
}

}  // namespace outbox::broker::kafka
