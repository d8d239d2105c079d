// SPDX-License-Identifier: Apache-2.0
#include "config/kafka_properties.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <vector>

#include "config/suggest.hpp"

namespace outbox::config {
namespace {

constexpr std::array<std::string_view, 43> allowed = {
    "api.version.request.timeout.ms",
    "batch.num.messages",
    "batch.size",
    "broker.address.family",
    "broker.address.ttl",
    "client.dns.lookup",
    "client.rack",
    "compression.codec",
    "compression.level",
    "compression.type",
    "connections.max.idle.ms",
    "debug",
    "enable.metrics.push",
    "fetch.error.backoff.ms",
    "fetch.max.bytes",
    "fetch.message.max.bytes",
    "fetch.min.bytes",
    "fetch.wait.max.ms",
    "heartbeat.interval.ms",
    "linger.ms",
    "max.partition.fetch.bytes",
    "max.poll.interval.ms",
    "message.copy.max.bytes",
    "metadata.max.age.ms",
    "partition.assignment.strategy",
    "queued.max.messages.kbytes",
    "receive.message.max.bytes",
    "reconnect.backoff.max.ms",
    "reconnect.backoff.ms",
    "request.timeout.ms",
    "session.timeout.ms",
    "socket.connection.setup.timeout.ms",
    "socket.keepalive.enable",
    "socket.max.fails",
    "socket.nagle.disable",
    "socket.receive.buffer.bytes",
    "socket.send.buffer.bytes",
    "socket.timeout.ms",
    "ssl.cipher.suites",
    "ssl.crl.location",
    "ssl.curves.list",
    "ssl.sigalgs.list",
    "topic.metadata.refresh.interval.ms",
};

constexpr std::string_view runs_code = "it would load code from a file into the process";
constexpr std::string_view by_the_relay =
    "the relay sets it itself; order and loss-freedom rest on it";
constexpr std::string_view verified =
    "with TLS the broker's certificate and name are always verified; name the authority in "
    "kafka.ssl-ca";
constexpr std::string_view bounded =
    "what may be in flight is bounded by relay.max-in-flight-bytes and relay.max-in-flight-rows";
constexpr std::string_view own_retries =
    "the relay retries by its own rules; set relay.max-attempts and relay.backoff-*";
constexpr std::string_view own_setting = "it has a setting of its own under kafka.*";
constexpr std::string_view by_the_consumer =
    "the consumer sets it itself; its offsets follow its "
    "transactions";

constexpr std::array refused = {
    RefusedProperty{"plugin.library.paths", runs_code},
    RefusedProperty{"ssl.engine.location", runs_code},
    RefusedProperty{"ssl.engine.id", runs_code},
    RefusedProperty{"ssl.providers", runs_code},
    RefusedProperty{"sasl.kerberos.*",
                    "kinit's command is run by a shell; Kerberos is not offered"},
    RefusedProperty{"sasl.oauthbearer.*", "it would make the process call any URL"},
    RefusedProperty{"enable.sasl.oauthbearer.*", "it makes up tokens that nobody signed"},
    RefusedProperty{"test.mock.*",
                    "it would replace the brokers by a mock in the process, which "
                    "acknowledges everything and keeps nothing"},
    RefusedProperty{"enable.idempotence", by_the_relay},
    RefusedProperty{"enable.gapless.guarantee", by_the_relay},
    RefusedProperty{"acks", by_the_relay},
    RefusedProperty{"request.required.acks", by_the_relay},
    RefusedProperty{"max.in.flight*", by_the_relay},
    RefusedProperty{"message.timeout.ms",
                    "a time-out would lose order and lie about loss; the "
                    "relay sets it to 0"},
    RefusedProperty{"delivery.timeout.ms",
                    "a time-out would lose order and lie about loss; the "
                    "relay sets message.timeout.ms to 0"},
    RefusedProperty{"transactional.id",
                    "relay.delivery decides on transactions, and their names are "
                    "the slots'"},
    RefusedProperty{"transaction.timeout.ms", "it is relay.transaction-timeout"},
    RefusedProperty{"partitioner*",
                    "the relay computes the partition itself, as Java's clients do"},
    RefusedProperty{"message.max.bytes", "sizes are checked against the topic's own limit"},
    RefusedProperty{"allow.auto.create.topics", "topics are made by `outboxd topics create`"},
    RefusedProperty{"queuing.strategy", by_the_relay},
    RefusedProperty{"msg_order_cmp", by_the_relay},
    RefusedProperty{"produce.offset.report", by_the_relay},
    RefusedProperty{"delivery.report.only.error", by_the_relay},
    RefusedProperty{"enable.ssl.certificate.verification", verified},
    RefusedProperty{"ssl.endpoint.identification.algorithm", verified},
    RefusedProperty{"queue.buffering.max.ms", "its name here is linger.ms"},
    RefusedProperty{"queue.buffering.*", bounded},
    RefusedProperty{"retries", own_retries},
    RefusedProperty{"retry.backoff.*", own_retries},
    RefusedProperty{"message.send.max.retries", own_retries},
    RefusedProperty{"bootstrap.servers", own_setting},
    RefusedProperty{"metadata.broker.list", own_setting},
    RefusedProperty{"client.id", own_setting},
    RefusedProperty{"security.protocol", own_setting},
    RefusedProperty{"sasl.*", own_setting},
    RefusedProperty{"ssl.ca.*", own_setting},
    RefusedProperty{"ssl.key.*", own_setting},
    RefusedProperty{"ssl.keystore.*", own_setting},
    RefusedProperty{"ssl.certificate.*", own_setting},
    RefusedProperty{"group.*", by_the_consumer},
    RefusedProperty{"enable.auto.*", by_the_consumer},
    RefusedProperty{"auto.*", by_the_consumer},
    RefusedProperty{"isolation.level", by_the_consumer},
    RefusedProperty{"enable.partition.eof", by_the_consumer},
    RefusedProperty{"log*", "log.level and log.format decide on logs"},
    RefusedProperty{"enabled_events", by_the_relay},
    RefusedProperty{"statistics.interval.ms", by_the_relay},
    RefusedProperty{"internal.*", by_the_relay},
    RefusedProperty{"*_cb", "a function of the program cannot be configured"},
    RefusedProperty{"opaque", "a pointer of the program cannot be configured"},
};

bool matches(std::string_view pattern, std::string_view property) {
  if (pattern.starts_with('*')) return property.ends_with(pattern.substr(1));
  if (pattern.ends_with('*')) return property.starts_with(pattern.substr(0, pattern.size() - 1));
  return pattern == property;
}

std::string as_variable(std::string_view property) {
  std::string result;
  for (const char letter : property) {
    result +=
        letter == '.' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(letter)));
  }
  return result;
}

}  // namespace

std::span<const std::string_view> allowed_kafka_properties() {
  return allowed;
}

std::span<const RefusedProperty> refused_kafka_properties() {
  return refused;
}

std::string why_refused(std::string_view property) {
  if (std::find(allowed.begin(), allowed.end(), property) != allowed.end()) return {};
  for (const RefusedProperty& entry : refused) {
    if (matches(entry.name, property)) return "is refused, " + std::string(entry.reason);
  }
  const std::vector<std::string> names(allowed.begin(), allowed.end());
  return "is not on the list of properties that are passed through" +
         did_you_mean(nearest(property, names)) + "; docs/configuration.md has the list";
}

std::string property_of_variable(std::string_view upper_snake) {
  for (const std::string_view property : allowed) {
    if (as_variable(property) == upper_snake) return std::string(property);
  }
  for (const RefusedProperty& entry : refused) {
    if (as_variable(entry.name) == upper_snake) return std::string(entry.name);
  }
  std::string property;
  for (const char letter : upper_snake) {
    property +=
        letter == '_' ? '.' : static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
  }
  return property;
}

}  // namespace outbox::config
