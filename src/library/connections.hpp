// SPDX-License-Identifier: Apache-2.0
//
// The homes of store and broker that the public options name.
#pragma once

#include <string>

#include <outbox/kafka.hpp>

#include "broker/home.hpp"
#include "config/groups.hpp"
#include "core/log.hpp"
#include "store/home.hpp"

namespace outbox::library {

/// Which home a database URL leads to, and what that home takes of it.
struct DatabasePlace {
  config::DatabaseKind kind = config::DatabaseKind::none;
  std::string url;  ///< As config::DatabaseSettings::url. May hold a password: never log.
};

/// Throws Error(configuration), naming `option`, for a URL of no kind that is known.
[[nodiscard]] DatabasePlace find_database(const std::string& url, const std::string& option);

[[nodiscard]] store::Home make_store(const DatabasePlace& place, store::HomeOptions options);

/// Throws Error(configuration), naming the property, for one that is not allowed. The address of a
/// broker inside this process leads to that one's own home.
[[nodiscard]] broker::Home make_broker(const KafkaConnection& connection);

/// Known to make_broker() by its address from now on, until it is removed.
void add_embedded_broker(const broker::Home& home);
void remove_embedded_broker(const broker::Home& home);

/// Throws Error(configuration), naming `option`, for a word that is no level.
[[nodiscard]] LogLevel log_level_of(const std::string& word, const std::string& option);

}  // namespace outbox::library
