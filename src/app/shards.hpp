// SPDX-License-Identifier: Apache-2.0
//
// Which of the databases a command works on.
#pragma once

#include <vector>

#include "app/cli.hpp"
#include "config/settings.hpp"

namespace outbox::app {

/// The settings of each database that `--shard` names, or of all where it is not given; never
/// empty. Throws Error(usage) for a name that is none of an active one, Error(configuration) where
/// no database is set.
[[nodiscard]] std::vector<config::Settings> chosen_stores(const Arguments& arguments,
                                                          const config::Settings& settings);

/// Where one is needed: Error(usage), with their names, where several are left.
[[nodiscard]] config::Settings chosen_store(const Arguments& arguments,
                                            const config::Settings& settings);

}  // namespace outbox::app
