// SPDX-License-Identifier: Apache-2.0
//
// The store in MariaDB 10.6 or newer. The SQL is meant for MySQL 8.0.16 and newer as well, on which
// it has never run.
#pragma once

#include <string>

#include "store/home.hpp"

namespace outbox::store::mariadb {

/// Connects on first use of what it makes, never here. The URL is the one form of
/// store/mariadb/address.hpp, which config makes of all others.
[[nodiscard]] Home make_home(HomeOptions options);

/// libmariadb's, for `outboxd version`, e.g. `3.3.20`.
[[nodiscard]] std::string library_version();

}  // namespace outbox::store::mariadb
