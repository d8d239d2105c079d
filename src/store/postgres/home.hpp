// SPDX-License-Identifier: Apache-2.0
//
// The store in PostgreSQL 14 or newer.
#pragma once

#include <string>

#include "store/home.hpp"

namespace outbox::store::postgres {

/// Connects on first use of what it makes, never here. The URL is libpq's own (or key=value text).
[[nodiscard]] Home make_home(HomeOptions options);

/// libpq's, for `outboxd version`, e.g. `15.20`.
[[nodiscard]] std::string library_version();

}  // namespace outbox::store::postgres
