// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace outbox::store::mariadb {

/// Where the server is and how it is spoken to. `config` brings every form of a URL to the one that
/// is read here: `mariadb://user:password@host:port/database?socket=…&tls=…`, percent-encoded.
struct Address {
  std::string host;
  int port = 3306;
  std::string socket;  ///< A Unix socket's path, instead of host and port.
  std::string user;
  std::string password;
  std::string database;
  bool tls = false;
  bool tls_verify = true;  ///< The certificate and the name in it.
  std::string tls_ca;      ///< A file; empty: the system's.
  std::string tls_certificate;
  std::string tls_key;
  int connect_timeout_s = 5;
};

/// Throws Error(configuration); what it says never holds more of the URL than a parameter's name.
[[nodiscard]] Address parse_address(std::string_view url);

}  // namespace outbox::store::mariadb
