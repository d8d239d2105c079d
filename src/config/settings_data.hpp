// SPDX-License-Identifier: Apache-2.0
//
// The entries of the table of settings, kept as data apart from what is done with them.
#pragma once

#include <span>

#include "config/settings_table.hpp"

namespace outbox::config {

[[nodiscard]] std::span<const Setting> connection_settings();  // database, kafka
[[nodiscard]] std::span<const Setting> shard_settings();       // shards
[[nodiscard]] std::span<const Setting> outbox_settings();      // outbox
[[nodiscard]] std::span<const Setting> relay_settings();       // relay
[[nodiscard]] std::span<const Setting> gateway_settings();     // gateway
[[nodiscard]] std::span<const Setting> admin_settings();       // admin
[[nodiscard]] std::span<const Setting> alert_settings();       // alerts
[[nodiscard]] std::span<const Setting> process_settings();     // cleanup, log and the rest

}  // namespace outbox::config
