// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>

namespace outbox::relay {

/// Of one relay, for all of its slots.
struct TransactionPlan {
  std::string outbox_id;
  std::string relay_name = "default";
  int generation = 1;  ///< Of the slots' number.
  int slots = 32;
  std::string control_topic;
  /// Of the brokers; acknowledgements are waited for half as long.
  std::chrono::milliseconds timeout{15'000};
};

}  // namespace outbox::relay
