// SPDX-License-Identifier: Apache-2.0
//
// The one place that knows every home: settings in, homes of store and broker out.
#pragma once

#include <string>

#include "app/cli.hpp"
#include "broker/home.hpp"
#include "config/settings.hpp"
#include "core/log.hpp"
#include "jobs/cleanup.hpp"
#include "relay/relay.hpp"
#include "relay/start.hpp"
#include "store/home.hpp"

namespace outbox::app {

/// The database of `settings` for the relay `relay_name` and this member; Error(configuration)
/// where database.url is not set.
[[nodiscard]] store::Home make_store(const config::Settings& settings,
                                     const std::string& relay_name = "default",
                                     const std::string& member_name = {});

/// The same for all aggregate types, whichever relay takes them.
[[nodiscard]] store::Home make_whole_store(const config::Settings& settings);

/// The same for a consumer, whose inbox claims in its group's name.
[[nodiscard]] store::Home make_consumer_store(const config::Settings& settings,
                                              const config::ConsumerSettings& consumer);

/// Pending events of types that no relay of `settings` takes, as `stock (3), …`; empty: none.
[[nodiscard]] std::string types_without_relay(const config::Settings& settings,
                                              store::Backlog& backlog);

[[nodiscard]] broker::Home make_broker(const config::Settings& settings);

/// `publisher-` and 8 hex digits (A3).
[[nodiscard]] std::string make_member_name();

[[nodiscard]] store::Terms terms_of(const config::RelaySettings& relay);
[[nodiscard]] relay::RelayOptions relay_options(const config::Settings& settings,
                                                const config::RelaySettings& relay,
                                                const store::Agreed& agreed);

/// What a clean-up of one database does; rows are not cleared where every relay deletes its own.
[[nodiscard]] jobs::CleanupTerms cleanup_terms(const config::Settings& settings);
[[nodiscard]] jobs::CleanupPace cleanup_pace(const config::Settings& settings);
/// True where a relay of `settings` keeps the rows it has published, or where there is none.
[[nodiscard]] bool keeps_published_rows(const config::Settings& settings);

/// A logger as log.* say.
[[nodiscard]] LogLevel log_level(const config::Settings& settings);
[[nodiscard]] LogFormat log_format(const config::Settings& settings);

[[nodiscard]] LibraryVersions library_versions();
/// What the program wants of its libraries, being their only user; before anything else.
void tune_libraries();
/// Throws where the librdkafka that is loaded is older than 2.8.
void require_libraries();

}  // namespace outbox::app
