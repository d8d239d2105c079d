// SPDX-License-Identifier: Apache-2.0
#include "library/connections.hpp"

#include <map>
#include <mutex>
#include <string_view>
#include <utility>

#include <outbox/error.hpp>

#include "broker/kafka/home.hpp"
#include "config/database_url.hpp"
#include "config/fault.hpp"
#include "config/kafka_properties.hpp"
#include "store/mariadb/home.hpp"
#include "store/postgres/home.hpp"
#include "store/sqlite/home.hpp"

namespace outbox::library {

namespace {

bool is_path(std::string_view url) {
  return url.find("://") == std::string_view::npos &&
         (url.ends_with(".db") || url.ends_with(".sqlite")) &&
         url.find('=') == std::string_view::npos;
}

void check_properties(const KafkaConnection& connection) {
  for (const auto& [name, value] : connection.properties) {
    const std::string why = config::why_refused(name);
    if (!why.empty()) {
      throw Error(ErrorKind::configuration, "KafkaConnection::properties: " + name + " " + why);
    }
  }
}

/// The brokers inside this process by their addresses.
struct EmbeddedHomes {
  std::mutex mutex;
  std::map<std::string, broker::Home> by_address;

  static EmbeddedHomes& all() {
    static EmbeddedHomes homes;
    return homes;
  }
};

}  // namespace

DatabasePlace find_database(const std::string& url, const std::string& option) {
  if (url.empty()) throw Error(ErrorKind::configuration, option + " is not set");
  if (is_path(url)) return {config::DatabaseKind::sqlite, url};
  try {
    const auto settings = config::parse_database_url(url, "").settings;
    return {settings.kind, settings.url};
  } catch (const config::Fault& fault) {
    throw Error(ErrorKind::configuration, option + " " + fault.what, fault.hint);
  }
}

store::Home make_store(const DatabasePlace& place, store::HomeOptions options) {
  options.url = place.url;
  switch (place.kind) {
    case config::DatabaseKind::sqlite:
      return store::sqlite::make_home(options);
    case config::DatabaseKind::mariadb:
      return store::mariadb::make_home(std::move(options));
    default:
      return store::postgres::make_home(std::move(options));
  }
}

void add_embedded_broker(const broker::Home& home) {
  EmbeddedHomes& homes = EmbeddedHomes::all();
  const std::lock_guard lock(homes.mutex);
  homes.by_address.insert_or_assign(home.bootstrap_servers, home);
}

void remove_embedded_broker(const broker::Home& home) {
  EmbeddedHomes& homes = EmbeddedHomes::all();
  const std::lock_guard lock(homes.mutex);
  homes.by_address.erase(home.bootstrap_servers);
}

broker::Home make_broker(const KafkaConnection& connection) {
  check_properties(connection);
  {
    // It wants to be spoken to in its own way (broker/embedded/home.cpp).
    EmbeddedHomes& homes = EmbeddedHomes::all();
    const std::lock_guard lock(homes.mutex);
    const auto embedded = homes.by_address.find(connection.bootstrap_servers);
    if (embedded != homes.by_address.end()) return embedded->second;
  }
  broker::ConnectionOptions options;
  options.bootstrap_servers = connection.bootstrap_servers;
  options.client_id = connection.client_id;
  options.user = connection.user;
  options.password = connection.password;
  options.sasl_mechanism = connection.sasl_mechanism;
  options.security_protocol = connection.security_protocol;
  options.ssl_ca = connection.ssl_ca;
  options.ssl_certificate = connection.ssl_certificate;
  options.ssl_key = connection.ssl_key;
  options.ssl_key_password = connection.ssl_key_password;
  options.properties = connection.properties;
  return broker::kafka::make_home(options);
}

LogLevel log_level_of(const std::string& word, const std::string& option) {
  if (word == "debug") return LogLevel::debug;
  if (word == "info") return LogLevel::info;
  if (word == "warn") return LogLevel::warn;
  if (word == "error") return LogLevel::error;
  throw Error(ErrorKind::configuration, option + " is '" + word + "'",
              "give debug, info, warn or error");
}

}  // namespace outbox::library
