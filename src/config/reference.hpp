// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "config/settings_table.hpp"

namespace outbox::config {

/// The settings' part of docs/configuration.md, from the tables of settings, presets and
/// properties.
[[nodiscard]] std::string reference_page();

/// The settings of the groups named (`database kafka`), as help prints them; all where none is
/// named.
[[nodiscard]] std::string settings_help(std::string_view groups);

}  // namespace outbox::config
