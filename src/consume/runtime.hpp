// SPDX-License-Identifier: Apache-2.0
//
// A consumer that takes each event once in effect: the claim on the event in the inbox and what the
// handler does are one transaction, and offsets are committed after it (design, promise 3; row B6).
// The thread that calls run() polls, and keeps the membership alive whatever the workers do.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <random>
#include <stop_token>
#include <string>
#include <vector>

#include "broker/home.hpp"
#include "consume/options.hpp"
#include "consume/worker.hpp"
#include "core/log.hpp"
#include "store/home.hpp"

namespace outbox::consume {

class Runtime {
 public:
  /// `store` was made with the consumer's name, which the inbox keeps its claims under. Throws
  /// Error(configuration) where a group, a topic, a handler or the dead-letter topic is missing.
  Runtime(store::Home store, broker::Home broker, RuntimeOptions options, Handlers handlers,
          Logger& log);

  /// Consumes until a stop is requested; transactions under way are finished first. Brokers or
  /// database away are waited for, a topic that is not there too. Throws Error: configuration where
  /// login or rights are refused, not_found without the inbox, conflict where another member has
  /// this one's instance id.
  void run(const std::stop_token& stop);

  /// From any thread.
  [[nodiscard]] const Counts& counts() const noexcept { return counts_; }

 private:
  class Membership;

  const store::Home store_;
  const broker::Home broker_;
  const RuntimeOptions options_;
  const Handlers handlers_;
  Logger& log_;
  Counts counts_;
};

}  // namespace outbox::consume
