// SPDX-License-Identifier: Apache-2.0
//
// Who watches what this process runs, and the stores it runs on: metrics and alerts. Its threads
// are its own, so that none of it holds up a relay.
#pragma once

#include <memory>
#include <string>

#include "admin/alerts.hpp"
#include "admin/metrics.hpp"
#include "admin/samples.hpp"
#include "app/handlers.hpp"
#include "app/instance_board.hpp"
#include "config/settings.hpp"
#include "core/log.hpp"

namespace outbox::app {

/// Thread-safety: all but the construction from any thread.
class Watch {
 public:
  /// Begins at once. Borrows the board and the logger. Shards that are taken up later are not
  /// watched before a restart.
  Watch(const config::Settings& settings, const InstanceBoard& board, Logger& logger);
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  /// For `/metrics`, as admin::metrics_content_type; at most 200 ms old.
  [[nodiscard]] std::string metrics_text() { return metrics_.text(); }

  /// The document of GET /alerts.
  [[nodiscard]] admin::Json alerts() const { return alerts_.document(); }

  /// What is known of the stores and of the brokers, without asking them.
  [[nodiscard]] admin::Samples samples() const { return sampler_.latest(); }

 private:
  const admin::Site site_;
  HttpCaller http_;
  admin::Sampler sampler_;
  admin::Alerts alerts_;
  admin::Metrics metrics_;
};

}  // namespace outbox::app
