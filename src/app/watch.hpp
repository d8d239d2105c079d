// SPDX-License-Identifier: Apache-2.0
//
// Who watches what this process runs, and the stores it runs on: metrics and alerts. Its threads
// are its own, so that none of it holds up a relay.
#pragma once

#include <memory>
#include <mutex>
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
  /// Begins at once. Borrows the board and the logger.
  Watch(const config::Settings& settings, const InstanceBoard& board, Logger& logger);
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  /// Watches these stores from now on. The rules of alerts stay as they were, and the store that
  /// remembers what was told. Waits for what the former ones are being asked.
  void take_over(const config::Settings& settings);

  /// For `/metrics`, as admin::metrics_content_type; at most 200 ms old.
  [[nodiscard]] std::string metrics_text() { return eyes()->metrics.text(); }

  /// The document of GET /alerts.
  [[nodiscard]] admin::Json alerts() const { return alerts_.document(); }

  /// What is known of the stores and of the brokers, without asking them.
  [[nodiscard]] admin::Samples samples() const { return eyes()->sampler.latest(); }

 private:
  /// The stores of one configuration.
  struct Eyes {
    Eyes(Watch& watch, const config::Settings& settings);

    const admin::Site site;
    admin::Sampler sampler;
    admin::Metrics metrics;
  };
  [[nodiscard]] std::shared_ptr<Eyes> eyes() const;

  const InstanceBoard& board_;
  Logger& logger_;
  HttpCaller http_;
  mutable std::mutex mutex_;
  std::shared_ptr<Eyes> eyes_;
  admin::Alerts alerts_;  // Last: it asks for the rest.
};

}  // namespace outbox::app
