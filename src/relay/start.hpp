// SPDX-License-Identifier: Apache-2.0
//
// The visible steps of a start (A3): database, brokers, terms. Causes that may pass are tried again
// until the time is over; wrong credentials, a missing table or settings that clash end it at once.
#pragma once

#include <chrono>
#include <functional>
#include <stop_token>
#include <string>

#include "broker/home.hpp"
#include "core/log.hpp"
#include "store/home.hpp"

namespace outbox::relay {

struct StartOptions {
  store::Terms terms;
  std::chrono::milliseconds timeout{30000};
};

/// Pings the database, connects to the brokers, agrees on the terms; one log line each. Throws the
/// Error of the step that failed for good, or Error(failed) where `stop` came first.
[[nodiscard]] store::Agreed start(const store::Home& store, const broker::Home& broker,
                                  const StartOptions& options, Logger& logger,
                                  const std::stop_token& stop);

/// Runs `step` until it works; Error(unreachable) is tried again until `deadline`.
void retry_until(std::chrono::steady_clock::time_point deadline, const std::stop_token& stop,
                 Logger& logger, const std::function<void()>& step);

}  // namespace outbox::relay
