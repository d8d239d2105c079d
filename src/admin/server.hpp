// SPDX-License-Identifier: Apache-2.0
//
// The admin server: the API, the dashboard, `/metrics`, `/livez` and `/readyz` on one address. Its
// threads are its own: one for the sockets, some that work on requests, one that watches for
// dashboards. What it is asked by many or by slow clients delays nobody but them.
#pragma once

#include <chrono>
#include <memory>
#include <span>
#include <stop_token>
#include <string>

#include "admin/access.hpp"
#include "admin/api.hpp"
#include "admin/page.hpp"
#include "core/log.hpp"
#include "http/server.hpp"

namespace outbox::admin {

struct AdminOptions {
  /// Address, certificate and limits. How many may watch is a quarter of `connections_max`.
  http::ServerOptions server;
  std::size_t connections_max = 256;
  AccessOptions access;
  int threads = 2;
  std::span<const PageFile> page;
};

/// Thread-safety: replace() and address() from any thread.
class AdminServer {
 public:
  /// Listens at once. Throws as http::Server. `services` and `logger` are as api.hpp says.
  AdminServer(AdminOptions options, std::shared_ptr<Services> services, Logger& logger);
  /// Cancels jobs and waits for them, and for what is being worked on.
  ~AdminServer();
  AdminServer(const AdminServer&) = delete;
  AdminServer& operator=(const AdminServer&) = delete;

  [[nodiscard]] std::string address() const;

  /// Until a stop is requested.
  void run(const std::stop_token& stop);

  /// From now on requests are answered from these.
  void replace(std::shared_ptr<Services> services);

 private:
  class Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace outbox::admin
