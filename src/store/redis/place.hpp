// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace outbox::store::redis {

/// Where a Redis is and who we are there.
struct Place {
  std::string host;
  int port = 6379;
  std::string user;      ///< Empty: the default one.
  std::string password;  ///< Never logged; empty: no login.
  int database = 0;
};

[[nodiscard]] bool is_redis_url(const std::string& url) noexcept;

/// `redis://[[user]:password@]host[:port][/database]`, user and password percent-encoded. Throws
/// Error(configuration), naming `option` and never the password, for anything else.
[[nodiscard]] Place parse_place(const std::string& url, const std::string& option);

}  // namespace outbox::store::redis
