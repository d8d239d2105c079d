// SPDX-License-Identifier: Apache-2.0
#include "app/wire.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include <outbox/uuid.hpp>

#include "broker/kafka/home.hpp"
#include "broker/kafka/version.hpp"
#include "store/mariadb/home.hpp"
#include "store/postgres/home.hpp"
#include "store/sqlite/home.hpp"

namespace outbox::app {

namespace {

// Room in a handle's queue for what librdkafka keeps besides a message's own bytes.
constexpr std::size_t queue_bytes_per_row = 2048;
constexpr std::int64_t untaken_count_max = 10'000;

relay::EnvelopeKind envelope_of(config::Envelope envelope) {
  switch (envelope) {
    case config::Envelope::raw:
      return relay::EnvelopeKind::raw;
    case config::Envelope::standard:
      return relay::EnvelopeKind::standard;
    case config::Envelope::cloudevents:
      return relay::EnvelopeKind::cloudevents;
    case config::Envelope::cloudevents_structured:
      return relay::EnvelopeKind::cloudevents_structured;
    case config::Envelope::debezium:
      return relay::EnvelopeKind::debezium;
  }
  return relay::EnvelopeKind::raw;
}

const char* delivery_of(const config::RelaySettings& relay) {
  return relay.delivery == config::Delivery::transactional ? "transactional" : "idempotent";
}

relay::TransactionPlan transaction_plan(const config::RelaySettings& relay,
                                        const store::Agreed& agreed) {
  relay::TransactionPlan plan;
  plan.outbox_id = to_string(agreed.outbox_id);
  plan.relay_name = relay.name;
  plan.generation = agreed.generation;
  plan.slots = agreed.slots;
  plan.control_topic = relay.control_topic;
  if (plan.control_topic.empty()) {
    const std::string of_relay = relay.name == "default" ? "" : "." + relay.name;
    plan.control_topic = "outboxd." + plan.outbox_id + of_relay + ".control";
  }
  plan.timeout = relay.transaction_timeout;
  return plan;
}

relay::CoreOptions core_options(const config::Settings& settings,
                                const config::RelaySettings& relay) {
  relay::CoreOptions core;
  core.polling_interval = relay.polling_interval;
  core.lease_ttl = relay.lease_ttl;
  core.topic_refresh_interval = relay.topic_refresh_interval;
  // Of the time to stop, some is kept for leases and for ending the threads.
  core.drain_timeout = settings.process().shutdown_timeout * 6 / 10;
  core.batch_size = static_cast<std::size_t>(relay.batch_size);
  core.rows_per_second_max = relay.max_rows_per_second;
  core.in_flight_rows_max = static_cast<std::size_t>(relay.max_in_flight_rows);
  core.in_flight_bytes_max = relay.max_in_flight_bytes;
  core.blocked_keys_max = static_cast<std::size_t>(relay.max_blocked_keys);
  core.topics_max = static_cast<std::size_t>(relay.max_topics);
  core.max_attempts = relay.max_attempts;
  core.backoff.kind = relay.backoff.kind == config::BackoffKind::fixed ? Backoff::Kind::fixed
                                                                       : Backoff::Kind::exponential;
  core.backoff.initial = relay.backoff.initial;
  core.backoff.max = relay.backoff.max;
  core.backoff.jitter = relay.backoff.jitter;
  core.rows_are_claimed = relay.capture == config::Capture::row;
  core.transactional = relay.delivery == config::Delivery::transactional;
  core.copies_dead_letters = !relay.dead_letter_topic.empty();
  for (const char* name : {"compression.type", "compression.codec"}) {
    const auto found = settings.kafka().properties.find(name);
    if (found != settings.kafka().properties.end() && found->second != "none") {
      core.check_sizes = false;
    }
  }
  core.random_seed = random_uuid().bytes[0];
  return core;
}

}  // namespace

std::string make_member_name() {
  const Uuid random = random_uuid();
  std::string name = "publisher-";
  for (std::size_t i = 0; i < 4; ++i)
    name += fmt::format("{:02x}", random.bytes[i]);
  return name;
}

store::HomeOptions home_options(const config::Settings& settings, const std::string& relay_name,
                                const std::string& member_name) {
  const config::DatabaseSettings& database = settings.database();
  const bool known = !settings.relay_names().empty();
  store::HomeOptions options;
  options.url = database.url;
  options.table = settings.outbox().table;
  options.relay_name = relay_name;
  options.member_name = member_name;
  if (known) {
    const std::vector<std::string> names = settings.relay_names();
    const config::RelaySettings& relay = settings.relay(
        std::find(names.begin(), names.end(), relay_name) == names.end() ? names.front()
                                                                         : relay_name);
    options.aggregate_types = relay.aggregate_types;
    options.capture =
        relay.capture == config::Capture::row ? store::CaptureMode::row : store::CaptureMode::lease;
    options.settle = relay.settle == config::Settle::remove ? store::SettleMode::remove
                                                            : store::SettleMode::mark;
    options.delivery = delivery_of(relay);
    options.lease_ttl = relay.lease_ttl;
    options.lock_timeout = relay.lock_timeout;
    options.slots = relay.slots;
  }
  options.daily_partitions = settings.outbox().daily_partitions;
  options.lookup_indexes = settings.outbox().lookup_indexes;
  return options;
}

store::Home open_home(const config::DatabaseSettings& database, store::HomeOptions options) {
  switch (database.kind) {
    case config::DatabaseKind::postgres:
      return store::postgres::make_home(std::move(options));
    case config::DatabaseKind::sqlite:
      return store::sqlite::make_home(options);
    case config::DatabaseKind::mariadb:
      return store::mariadb::make_home(std::move(options));
    case config::DatabaseKind::none:
      break;
  }
  throw Error(ErrorKind::configuration, "database.url is not set",
              "set DATABASE_CONN, OUTBOXD_DATABASE_URL or --database.url");
}

store::Home make_store(const config::Settings& settings, const std::string& relay_name,
                       const std::string& member_name) {
  return open_home(settings.database(), home_options(settings, relay_name, member_name));
}

store::Home make_whole_store(const config::Settings& settings) {
  store::HomeOptions options = home_options(settings, "default", "status");
  options.aggregate_types.clear();
  return open_home(settings.database(), std::move(options));
}

store::Home make_consumer_store(const config::Settings& settings,
                                const config::ConsumerSettings& consumer) {
  store::HomeOptions options = home_options(settings, "default", consumer.group_id);
  options.consumer_name = consumer.group_id;
  return open_home(settings.database(), std::move(options));
}

std::string types_without_relay(const config::Settings& settings, store::Backlog& backlog) {
  std::set<std::string> taken;
  for (const std::string& name : settings.relay_names()) {
    const auto& types = settings.relay(name).aggregate_types;
    if (types.empty()) return {};
    taken.insert(types.begin(), types.end());
  }
  std::string text;
  for (const store::TypeCount& type : backlog.view(untaken_count_max).pending_by_type) {
    if (taken.contains(type.aggregate_type)) continue;
    text += fmt::format("{}{} ({})", text.empty() ? "" : ", ", type.aggregate_type, type.rows);
  }
  return text;
}

broker::Home make_broker(const config::Settings& settings) {
  const config::KafkaSettings& kafka = settings.kafka();
  broker::ConnectionOptions options;
  options.bootstrap_servers = kafka.bootstrap_servers;
  options.client_id = kafka.client_id;
  options.user = kafka.user;
  options.password = kafka.password;
  options.sasl_mechanism = kafka.sasl_mechanism;
  options.security_protocol = kafka.security_protocol;
  options.ssl_ca = kafka.ssl_ca;
  options.ssl_certificate = kafka.ssl_certificate;
  options.ssl_key = kafka.ssl_key;
  options.ssl_key_password = kafka.ssl_key_password;
  options.properties = kafka.properties;
  for (const std::string& name : settings.relay_names()) {
    const config::RelaySettings& relay = settings.relay(name);
    const std::size_t window =
        2 * relay.max_in_flight_bytes +
        static_cast<std::size_t>(relay.max_in_flight_rows) * queue_bytes_per_row;
    options.queue_bytes_max = std::max(options.queue_bytes_max, window);
  }
  return broker::kafka::make_home(options);
}

store::Terms terms_of(const config::RelaySettings& relay) {
  store::Terms terms;
  terms.relay_name = relay.name;
  terms.aggregate_types = relay.aggregate_types;
  terms.capture = relay.capture == config::Capture::row ? "row" : "lease";
  terms.settle = relay.settle == config::Settle::remove ? "delete" : "mark";
  terms.delivery = delivery_of(relay);
  terms.slots = relay.slots;
  return terms;
}

relay::RelayOptions relay_options(const config::Settings& settings,
                                  const config::RelaySettings& relay, const store::Agreed& agreed) {
  relay::RelayOptions options;
  options.name = relay.name;
  options.core = core_options(settings, relay);
  options.transactions = transaction_plan(relay, agreed);
  options.prepare.outbox_id = agreed.outbox_id;
  options.prepare.envelope = envelope_of(relay.envelope);
  options.prepare.default_topic = relay.default_topic;
  options.prepare.routes = relay.routes;
  options.prepare.transform = relay.transform;
  if (!relay.cloudevents_source.empty()) {
    options.prepare.cloudevents_source = relay.cloudevents_source;
  }
  options.dead_letter_topic = relay.dead_letter_topic;
  return options;
}

bool keeps_published_rows(const config::Settings& settings) {
  const std::vector<std::string> names = settings.relay_names();
  return names.empty() || std::any_of(names.begin(), names.end(), [&](const std::string& name) {
           return settings.relay(name).settle == config::Settle::mark;
         });
}

jobs::CleanupTerms cleanup_terms(const config::Settings& settings) {
  const config::CleanupSettings& cleanup = settings.cleanup();
  jobs::CleanupTerms terms;
  terms.clears_published = keeps_published_rows(settings);
  terms.request.keep = cleanup.retention;
  terms.request.archive_table = cleanup.archive_table;
  terms.request.rows_max = static_cast<std::size_t>(cleanup.batch_size);
  terms.inbox_keep = cleanup.inbox_retention;
  terms.days_ahead = cleanup.partitions_ahead;
  return terms;
}

jobs::CleanupPace cleanup_pace(const config::Settings& settings) {
  jobs::CleanupPace pace;
  pace.pause = settings.cleanup().batch_pause;
  return pace;
}

LogLevel log_level(const config::Settings& settings) {
  return static_cast<LogLevel>(settings.log().level);
}

LogFormat log_format(const config::Settings& settings) {
  return static_cast<LogFormat>(settings.log().format);
}

LibraryVersions library_versions() {
  return {broker::kafka::library_version(), store::postgres::library_version(),
          store::mariadb::library_version(), store::sqlite::library_version()};
}

void tune_libraries() {
  store::sqlite::count_no_memory();
}

void require_libraries() {
  broker::kafka::require_library_version();
}

}  // namespace outbox::app
