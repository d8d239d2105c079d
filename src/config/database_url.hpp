// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/groups.hpp"

namespace outbox::config {

/// What is known of a database's address once it is taken apart.
struct DatabaseAddress {
  DatabaseSettings settings;
  std::vector<std::string> hosts;  ///< Empty, or a path: a Unix socket.
  std::string ssl_mode;            ///< As the URL says; empty where it does not.
  bool has_password = false;
  std::vector<std::string> warnings;
};

/// Takes libpq's own forms, SQLAlchemy's (`postgresql+asyncpg://`, `mysql+aiomysql://`,
/// `?ssl=require`) and sqlite URLs, and brings them to what libpq, SQLite or the home of MariaDB
/// (store/mariadb/address.hpp) take. TLS to a MariaDB on another host always verifies the server;
/// `prefer` counts as `require`, because that library cannot prefer. `password`, if not empty, is
/// used in place of the URL's. Throws Fault; what it says never holds more of the URL than its
/// scheme.
[[nodiscard]] DatabaseAddress parse_database_url(std::string_view url, std::string_view password);

/// True for a host that is this machine: none, a socket's path, localhost, 127.0.0.0/8, ::1.
[[nodiscard]] bool is_loopback(std::string_view host);

}  // namespace outbox::config
