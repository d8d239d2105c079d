// SPDX-License-Identifier: Apache-2.0
//
// The settings as the services of src/admin take them.
#pragma once

#include "admin/site.hpp"
#include "config/settings.hpp"

namespace outbox::app {

/// Connects to nothing yet. Without a database it has no stores; without brokers it says so.
[[nodiscard]] admin::Site make_site(const config::Settings& settings);

}  // namespace outbox::app
