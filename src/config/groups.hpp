// SPDX-License-Identifier: Apache-2.0
//
// The settings in groups, typed, as the rest of the program takes them. Plain values without a
// library's type; each member is the setting of the same name, whose meaning, range and default the
// table of settings holds (settings_table.hpp, docs/configuration.md).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/message_rules.hpp"
#include "core/table_shape.hpp"

namespace outbox::config {

enum class DatabaseKind : std::uint8_t { none, postgres, sqlite, mariadb };

struct DatabaseSettings {
  DatabaseKind kind = DatabaseKind::none;  ///< `none`: database.url is not set.
  std::string url;    ///< For libpq (key=value text), SQLite (a path) or MariaDB (a URL). Holds the
                      ///< password: never log.
  std::string shown;  ///< The same for people: passwords masked.

  friend bool operator==(const DatabaseSettings&, const DatabaseSettings&) = default;
};

/// One of the databases that hold an outbox: a shard, or `global` for database.url.
struct StoreSettings {
  std::string name = "global";
  DatabaseSettings database;
  int max_connections = 0;      ///< Of one instance; 0: no limit.
  int max_rows_per_second = 0;  ///< 0: the relay's own cap holds.

  friend bool operator==(const StoreSettings&, const StoreSettings&) = default;
};

struct KafkaSettings {
  std::string bootstrap_servers;  ///< `host:port,host:port`; empty where not set.
  std::string user;
  std::string password;  ///< Never log.
  std::string
      sasl_mechanism;  ///< Empty, PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512; set where a user is.
  std::string security_protocol;  ///< plaintext, sasl_plaintext, ssl or sasl_ssl; never empty.
  std::string ssl_ca;
  std::string ssl_certificate;
  std::string ssl_key;
  std::string ssl_key_password;  ///< Never log.
  std::string client_id;
  std::map<std::string, std::string>
      properties;  ///< Allowed librdkafka properties, by their names.
};

struct OutboxSettings {
  bool enabled = true;
  TableShape table;
  bool daily_partitions = false;
  bool lookup_indexes = false;
};

enum class Capture : std::uint8_t { lease, row };
enum class Delivery : std::uint8_t { idempotent, transactional };
enum class Settle : std::uint8_t { mark, remove };  ///< `remove` is the word `delete`.
enum class Envelope : std::uint8_t {
  raw,
  standard,
  cloudevents,             ///< Binary: attributes in headers.
  cloudevents_structured,  ///< One JSON object.
  debezium,
};
enum class BackoffKind : std::uint8_t { exponential, fixed };

/// How long a key waits after an event of it failed for the n-th time: `fixed` always `initial`;
/// `exponential` initial * 2^(n-1), at most `max`; both give or take the share `jitter`.
struct BackoffSettings {
  BackoffKind kind = BackoffKind::exponential;
  std::chrono::milliseconds initial{1'000};
  std::chrono::milliseconds max{300'000};
  double jitter = 0.2;
};

/// One relay. `relay.*` make the relay `default`; where `relays.NAME.*` name relays, each of them
/// takes `relay.*` as its defaults.
struct RelaySettings {
  std::string name = "default";
  bool enabled = true;
  TableShape table;  ///< The same for all relays; here for convenience.
  Capture capture = Capture::lease;
  Settle settle = Settle::mark;
  Delivery delivery = Delivery::idempotent;
  std::string control_topic;  ///< Empty: by the outbox's uuid.
  std::chrono::milliseconds transaction_timeout{15'000};
  int batch_size = 1'000;
  std::chrono::milliseconds polling_interval{50};
  Envelope envelope = Envelope::raw;
  std::string default_topic = "default.events";
  std::string dead_letter_topic;  ///< Empty: none.
  std::chrono::milliseconds lease_ttl{10'000};
  std::chrono::milliseconds lock_timeout{300'000};
  int slots = 32;
  int max_attempts = 10;
  BackoffSettings backoff;
  std::size_t max_in_flight_bytes = 16U << 20U;
  int max_in_flight_rows = 5'000;
  int max_rows_per_second = 0;  ///< 0: as fast as it goes.
  int max_blocked_keys = 1'000;
  int max_topics = 10'000;
  std::vector<std::string> aggregate_types;  ///< Empty: all.
  std::vector<RouteRule> routes;             ///< First match wins; else default_topic.
  std::vector<TransformStep> transform;
  std::string cloudevents_source;
  std::chrono::milliseconds topic_refresh_interval{5'000};
};

struct GatewaySettings {
  std::string address;
  std::vector<std::string> topics;
  std::string group_id_prefix;
  std::string instance_id;
  std::string token;  ///< Never log.
  std::vector<std::string> allowed_origins;
  std::string tls_certificate;
  std::string tls_key;
  std::size_t clients_max = 10'000;
  std::size_t frame_bytes_max = 64U << 10U;
  std::size_t header_bytes_max = 16U << 10U;
  std::size_t queued_bytes_max = 1U << 20U;
  std::size_t queued_messages_max = 1'000;
  std::size_t recent_bytes = 32U << 20U;
  std::chrono::milliseconds lag_max{5'000};
  std::size_t catch_ups_max = 2;
  std::chrono::milliseconds ping_interval{20'000};
  std::chrono::milliseconds idle_timeout{60'000};
  std::chrono::milliseconds write_timeout{10'000};
};

/// Somebody who may use the admin server.
struct AdminToken {
  std::string name;
  std::string token;  ///< Never log.
};

struct AdminSettings {
  bool enabled = true;
  std::string address;
  bool is_address_given = false;  ///< False: the default's, which another program may have.
  std::vector<AdminToken> read_tokens;
  std::vector<AdminToken> operate_tokens;
  std::vector<std::string> allowed_hosts;
  std::vector<std::string> allowed_origins;
  std::string tls_certificate;
  std::string tls_key;
  std::size_t connections_max = 256;
  int threads = 2;
  int replay_rate = 100;  ///< Dead letters a second; 0: no limit.
  std::chrono::milliseconds sample_interval{15'000};
};

/// One of `alerts.NAME.*`.
struct AlertSettings {
  std::string name;
  std::string when;
  double above = 0;
  std::chrono::milliseconds hold{0};  ///< `for`
  std::chrono::milliseconds keep_firing{std::chrono::minutes(1)};
  std::string webhook;  ///< May hold a secret: never log.
  std::vector<std::string> command;
  std::chrono::milliseconds repeat_interval{0};  ///< 0: never.
  bool tells_recovery = true;
};

/// What goes when (D9, D10), and whether it goes by itself.
struct CleanupSettings {
  bool enabled = true;  ///< Of `relay` and `run`: what `auto` means is worked out.
  std::chrono::milliseconds retention{std::chrono::hours(30 * 24)};
  std::chrono::milliseconds interval{86'400'000};
  std::string archive_table;  ///< Empty: rows are removed.
  int batch_size = 1'000;
  std::chrono::milliseconds batch_pause{20};
  std::chrono::milliseconds inbox_retention{0};  ///< Zero: for ever.
  int partitions_ahead = 3;
};

enum class LogLevel : std::uint8_t { debug, info, warn, error };
enum class LogFormat : std::uint8_t { text, logfmt, json };

struct LogSettings {
  LogLevel level = LogLevel::info;
  LogFormat format = LogFormat::text;
};

enum class OutputFormat : std::uint8_t { text, json };

struct ProcessSettings {
  std::chrono::milliseconds start_timeout{30'000};
  std::chrono::milliseconds shutdown_timeout{10'000};
  OutputFormat output = OutputFormat::text;
};

}  // namespace outbox::config
