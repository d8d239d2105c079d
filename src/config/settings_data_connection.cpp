// SPDX-License-Identifier: Apache-2.0
#include "config/settings_data.hpp"

namespace outbox::config {
namespace {

using enum SettingType;

constexpr Setting entries[] = {
    {.name = "database.url",
     .type = url,
     .text = "The database that holds the outbox: `postgresql://user@host:5432/name`, a key=value "
             "text of libpq, `mariadb://user@host:3306/name` (or `mysql://`), or `sqlite:///path`. "
             "SQLAlchemy's forms (`postgresql+asyncpg://`, `mysql+pymysql://`, "
             "`sqlite+aiosqlite://`) are taken as well. libpq's `sslmode` is the URL's; for "
             "MariaDB `ssl_mode=verify_identity` and `ssl_ca` are, and whenever TLS goes to "
             "another host the server is verified.",
     .example = "postgresql://relay@db.example:5432/shop?sslmode=verify-full",
     .needed_by = "run relay migrate publish status cleanup consume",
     .plain_variable = "DATABASE_CONN"},
    {.name = "database.password",
     .text = "The password, where it should not stand in the URL.",
     .example = "OUTBOXD_DATABASE_PASSWORD_FILE=/run/secrets/database",
     .secret = true},

    {.name = "kafka.bootstrap-servers",
     .type = list,
     .text = "Brokers to begin with, `host:port` each; the port is 9092 where it is left out.",
     .example = "kafka-1.example:9092,kafka-2.example:9092",
     .short_flag = 'b',
     .needed_by = "run relay topics dlq consume gateway",
     .plain_variable = "KAFKA_BOOTSTRAP_SERVERS"},
    {.name = "kafka.user",
     .text = "User for SASL; without one there is no login.",
     .example = "relay",
     .plain_variable = "KAFKA_USER"},
    {.name = "kafka.password",
     .text = "That user's password.",
     .example = "OUTBOXD_KAFKA_PASSWORD_FILE=/run/secrets/kafka",
     .secret = true,
     .plain_variable = "KAFKA_PASSWORD"},
    {.name = "kafka.sasl-mechanism",
     .type = word,
     .text = "How the user logs in. Without a word it is PLAIN where a user is set; `SCRAM` alone "
             "means SCRAM-SHA-256.",
     .example = "SCRAM-SHA-512",
     .words = "PLAIN|SCRAM-SHA-256|SCRAM-SHA-512",
     .plain_variable = "KAFKA_SASL_MECHANISM"},
    {.name = "kafka.security-protocol",
     .type = word,
     .text = "Without a word it is plaintext, or sasl_plaintext where a user is set. With TLS the "
             "broker's certificate and name are always verified.",
     .example = "sasl_ssl",
     .words = "plaintext|sasl_plaintext|ssl|sasl_ssl"},
    {.name = "kafka.ssl-ca",
     .type = path,
     .text = "PEM file of the authorities that sign the brokers' certificates; without it, those "
             "of the system.",
     .example = "/etc/outboxd/kafka-ca.pem"},
    {.name = "kafka.ssl-certificate",
     .type = path,
     .text = "PEM file of our own certificate, where the brokers ask for one.",
     .example = "/etc/outboxd/relay.pem"},
    {.name = "kafka.ssl-key",
     .type = path,
     .text = "PEM file of that certificate's private key.",
     .example = "/etc/outboxd/relay.key"},
    {.name = "kafka.ssl-key-password",
     .text = "The password of the private key, if it has one.",
     .example = "OUTBOXD_KAFKA_SSL_KEY_PASSWORD_FILE=/run/secrets/relay-key",
     .secret = true},
    {.name = "kafka.client-id",
     .default_text = "outboxd",
     .text = "How the program names itself to the brokers; their logs and quotas go by it.",
     .example = "outboxd-orders"},
};

}  // namespace

std::span<const Setting> connection_settings() {
  return entries;
}

}  // namespace outbox::config
