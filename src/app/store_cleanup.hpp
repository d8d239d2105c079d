// SPDX-License-Identifier: Apache-2.0
//
// Cleaning up one database, for `outboxd cleanup` and the admin API alike.
#pragma once

#include <functional>
#include <stop_token>

#include "admin/json.hpp"
#include "config/settings.hpp"
#include "core/log.hpp"
#include "jobs/cleanup.hpp"
#include "store/retention.hpp"

namespace outbox::app {

/// What would go; throws Error(configuration) where published rows are not kept.
[[nodiscard]] store::RetentionView preview_cleanup(const config::Settings& settings);

struct CleanupOutcome {
  jobs::CleanupSummary summary;
  bool whole = true;  ///< False: the order to stop came first.
};

/// Under the lock of clean-ups, until its end or `stop`; `progress` is called after each portion.
/// Throws as preview_cleanup(), and Error(conflict) where another instance is at it.
[[nodiscard]] CleanupOutcome clean_store(
    const config::Settings& settings, Logger& logger, const std::stop_token& stop,
    const std::function<void(const jobs::CleanupSummary&)>& progress);

/// The documents of `outboxd cleanup`.
[[nodiscard]] admin::Json preview_json(const config::Settings& settings,
                                       const store::RetentionView& view);
[[nodiscard]] admin::Json cleanup_json(const config::Settings& settings,
                                       const CleanupOutcome& outcome);

}  // namespace outbox::app
