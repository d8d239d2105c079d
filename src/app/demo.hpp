// SPDX-License-Identifier: Apache-2.0
//
// The whole chain in one process: writer, relay and consumer on one SQLite file and the broker
// inside the process (design, Embedded default). The parts are the very ones that `relay` runs.
#pragma once

#include <chrono>
#include <stop_token>

#include "core/log.hpp"

namespace outbox::app {

struct DemoOptions {
  double rate = 500;                     ///< Orders a second.
  std::chrono::milliseconds duration{};  ///< Zero: until the stop.
  bool json = false;                     ///< The last line of standard output is one JSON object.
};

/// Runs until `stop` or until the duration is over, then lets everything written arrive, proves
/// what came of it from the tables, and prints the summary. Returns 0 only if nothing was lost,
/// nothing rolled back was sent, and the consumer's sums are true; 1 otherwise. Its files stand in
/// a temporary folder and are gone at the end.
[[nodiscard]] int run_demo(const DemoOptions& options, Logger& logger, const std::stop_token& stop);

}  // namespace outbox::app
