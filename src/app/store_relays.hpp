// SPDX-License-Identifier: Apache-2.0
//
// The relays of one database, a thread each, until they are stopped. A shard that is away, or whose
// schema does not fit, is said to be down and tried again; the others do not notice.
#pragma once

#include <exception>
#include <functional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include <outbox/uuid.hpp>

#include "app/instance_board.hpp"
#include "config/settings.hpp"
#include "core/log.hpp"

namespace outbox::app {

/// Connections that one relay opens: leases, reading, settling, and the agreement on topics.
inline constexpr int connections_of_relay = 4;
/// The clean-up's: its schedule, its lock, and its work.
inline constexpr int connections_of_cleanup = 3;

/// What a shard tells of itself; called from its threads.
struct StoreEvents {
  /// A relay has agreed with its database, of this outbox; what is thrown keeps it from starting.
  std::function<void(const Uuid&)> agreed;
  std::function<void()> up;  ///< A relay has started.
  /// A relay could not start, or ended: with what, and whether for the first time. True: it is
  /// tried again, false: that was its end.
  std::function<bool(const std::exception_ptr&, bool)> down;
};

class StoreRelays {
 public:
  /// `settings` are those for one store (Settings::for_store). Throws Error(configuration) where
  /// the relays need more connections than `store` allows. What runs stands on the board.
  StoreRelays(const config::Settings& settings, config::StoreSettings store, StoreEvents events,
              InstanceBoard& board);
  /// Stops, drains and waits for the relays.
  ~StoreRelays();
  StoreRelays(const StoreRelays&) = delete;
  StoreRelays& operator=(const StoreRelays&) = delete;

  /// Begins; `logger` is copied in its level and form, and each line names the shard where there
  /// are several.
  void start();

  /// Returns at once.
  void request_stop() { stop_.request_stop(); }

  [[nodiscard]] const config::StoreSettings& store() const { return store_; }

 private:
  void keep_relaying(const std::string& relay);
  void relay_until_stopped(const config::RelaySettings& relay);
  void look_for_untaken_types();
  [[nodiscard]] bool has_cleanup() const;
  void keep_clean();
  void clean_until_stopped();

  const config::Settings settings_;
  const config::StoreSettings store_;
  const StoreEvents events_;
  InstanceBoard& board_;
  Logger logger_;
  std::stop_source stop_;
  std::vector<std::jthread> threads_;
};

}  // namespace outbox::app
