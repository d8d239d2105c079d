// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>

#include <fmt/format.h>

#include <outbox/error.hpp>

#include "config/database_url.hpp"
#include "config/fault.hpp"
#include "config/named_settings.hpp"
#include "config/settings_builder.hpp"

namespace outbox::config {
namespace {

constexpr std::string_view global_name = "global";

// A password in the URL goes in clear, or to who knows whom, unless sslmode verifies the server.
std::string database_warning(const std::string& setting, const DatabaseAddress& address) {
  const bool all_here = std::all_of(address.hosts.begin(), address.hosts.end(),
                                    [](const std::string& host) { return is_loopback(host); });
  const bool verified = address.ssl_mode == "verify-full" || address.ssl_mode == "verify-ca";
  if (!address.has_password || all_here || verified) return {};
  const std::string mode = address.ssl_mode.empty() ? "prefer" : address.ssl_mode;
  const bool encrypted = mode == "require";
  return fmt::format(
      "{}: the password goes to {} with sslmode {}, which {}; add "
      "sslmode=verify-full",
      setting, address.hosts.front(), mode,
      encrypted ? "does not verify who the server is" : "may send it and all data in clear");
}

}  // namespace

void SettingsBuilder::read_database() {
  settings_.database_ = read_address("database.url", "database.password");
}

DatabaseSettings SettingsBuilder::read_address(const std::string& url_name,
                                               const std::string& password_name) {
  const std::string url = reader_.text(url_name);
  if (url.empty()) return {};
  try {
    DatabaseAddress address = parse_database_url(url, reader_.text(password_name));
    for (std::string& warning : address.warnings)
      warn(std::move(warning));
    if (std::string warning = database_warning(url_name, address); !warning.empty()) {
      warn(std::move(warning));
    }
    return std::move(address.settings);
  } catch (const Fault& fault) {
    reader_.fail(url_name, fault.what, fault.hint);
  }
}

void SettingsBuilder::read_stores() {
  const std::set<std::string> names = names_in(layers_, shards_prefix);
  settings_.has_shards_ = !names.empty();
  if (settings_.database_.kind != DatabaseKind::none) {
    if (names.contains(std::string(global_name))) {
      throw Error(ErrorKind::configuration,
                  fmt::format("two databases have the name 'global': database.url ({}) and a shard",
                              reader_.origin("database.url")),
                  "give the shard another name, or remove one of the two");
    }
    settings_.stores_.push_back({std::string(global_name), settings_.database_});
  }
  for (const std::string& name : names) {
    StoreSettings shard = read_shard(name);
    if (reader_.boolean(fmt::format("shards.{}.active", name))) {
      settings_.stores_.push_back(std::move(shard));
    }
  }
  check_stores();
}

StoreSettings SettingsBuilder::read_shard(const std::string& name) {
  const std::string prefix = fmt::format("{}{}.", shards_prefix, name);
  StoreSettings shard;
  shard.name = name;
  shard.database = read_address(prefix + "url", prefix + "password");
  if (shard.database.kind == DatabaseKind::none) {
    throw Error(ErrorKind::configuration, fmt::format("shards.{}.url is not set", name),
                "give the shard's database, such as postgresql://relay@host:5432/name, or remove "
                "the shard");
  }
  shard.max_connections = reader_.integer(prefix + "max-connections");
  shard.max_rows_per_second = reader_.integer(prefix + "max-rows-per-second");
  return shard;
}

void SettingsBuilder::check_stores() const {
  const std::vector<StoreSettings>& stores = settings_.stores_;
  for (auto left = stores.begin(); left != stores.end(); ++left) {
    const auto right = std::find_if(std::next(left), stores.end(), [&](const StoreSettings& other) {
      return other.database.kind == left->database.kind && other.database.url == left->database.url;
    });
    if (right == stores.end()) continue;
    throw Error(ErrorKind::configuration,
                fmt::format("the shards '{}' and '{}' are one database: {}", left->name,
                            right->name, left->database.shown),
                "each database once; name the shard that is meant");
  }
}

Settings Settings::for_store(const StoreSettings& store) const {
  Settings settings = *this;
  settings.database_ = store.database;
  settings.stores_ = {store};
  if (store.max_rows_per_second > 0) {
    for (auto& [name, relay] : settings.relays_)
      relay.max_rows_per_second = store.max_rows_per_second;
  }
  return settings;
}

}  // namespace outbox::config
