// SPDX-License-Identifier: Apache-2.0
//
// What the homes' heartbeats have in common when they read the pauses that concern a relay.
#pragma once

#include <chrono>
#include <cstddef>
#include <string_view>

#include "store/controls.hpp"

namespace outbox::store {

/// As many as may stand: a heartbeat and a read of the outbox stay bounded.
inline constexpr std::size_t relay_pauses_max = 10'000;

/// How long a heartbeat, which has renewed the leases by then, lets somebody's lock on the table of
/// pauses, or a slow database, keep it from reading them.
inline constexpr std::chrono::milliseconds pauses_lock_timeout{100};
inline constexpr std::chrono::milliseconds pauses_read_timeout{1000};

/// Of the column `kind`, where consumers are left out.
[[nodiscard]] inline PauseKind relay_pause_kind(std::string_view word) {
  if (word == "relay") return PauseKind::relay;
  return word == "topic" ? PauseKind::topic : PauseKind::key;
}

}  // namespace outbox::store
