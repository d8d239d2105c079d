// SPDX-License-Identifier: Apache-2.0
//
// The admin server beside the roles of one process.
#pragma once

#include <memory>
#include <string_view>
#include <thread>

#include "admin/server.hpp"
#include "app/instance_board.hpp"
#include "app/watch.hpp"
#include "config/settings.hpp"
#include "core/log.hpp"

namespace outbox::app {

/// Serves from its construction to its end, on threads of its own.
class AdminRole {
 public:
  /// Borrows the board, the watch and the logger. Throws Error(conflict) where the address is
  /// taken, Error(configuration) where it, the certificate or the key is of no use.
  AdminRole(const config::Settings& settings, InstanceBoard& board, Watch& watch, Logger& logger);
  ~AdminRole() = default;
  AdminRole(const AdminRole&) = delete;
  AdminRole& operator=(const AdminRole&) = delete;

  /// Begins to end: what is under way is answered, nothing new is taken. Does not wait.
  void request_stop() { thread_.request_stop(); }

  /// The shards have changed. Called by one thread.
  void take_over(const config::Settings& settings);

 private:
  [[nodiscard]] std::shared_ptr<admin::Services> make_services(const config::Settings& settings);

  InstanceBoard& board_;
  Watch& watch_;
  admin::AdminServer server_;
  std::jthread thread_;
};

/// None where `command` does not serve it: admin.enabled is false, or it is `relay` and nobody set
/// admin.address. The default's address being taken is a warning, since several instances may run
/// on one machine; one that was set is an error.
[[nodiscard]] std::unique_ptr<AdminRole> start_admin_role(std::string_view command,
                                                          const config::Settings& settings,
                                                          InstanceBoard& board, Watch& watch,
                                                          Logger& logger);

}  // namespace outbox::app
