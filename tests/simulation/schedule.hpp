// SPDX-License-Identifier: Apache-2.0
//
// One simulated schedule: writers, relays and faults drawn from a seed; a phase in which anything
// goes, then one without faults in which everything must drain.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "relay/options.hpp"

namespace outbox::simulation {

struct ScheduleOptions {
  std::uint64_t seed = 0;
  relay::Safety safety;
  bool keep_trace = false;
};

struct ScheduleResult {
  std::string violation;  ///< Empty: every promise was kept.
  std::uint64_t trace_hash = 0;
  std::vector<std::string> trace;
  std::uint64_t rows = 0;
  std::uint64_t duplicates = 0;
  std::uint64_t dead_letters = 0;
  std::uint64_t crashes = 0;
  std::uint64_t halts = 0;  ///< Pauses by operators.
  bool transactional = false;
  std::uint64_t fenced_requests = 0;  ///< Of relays that had lost a slot.
};

[[nodiscard]] ScheduleResult run_schedule(const ScheduleOptions& options);

}  // namespace outbox::simulation
