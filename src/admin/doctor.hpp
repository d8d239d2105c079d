// SPDX-License-Identifier: Apache-2.0
//
// `outboxd doctor`: what the stores' own diagnosis finds, what the brokers tell of the topics, and
// whether the two fit. Nothing is changed, no table scanned; a check that takes too long, or that
// this user may not make, is told as a notice.
//
// Thread-safety: free functions, from any thread; they wait at most the site's slow time-out for
// all stores at once and as long for the brokers.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "admin/json.hpp"
#include "admin/office.hpp"
#include "core/finding.hpp"

namespace outbox::admin {

/// {state: ok|warning|problem, findings:[{store|null,check,severity: ok|notice|warning|problem,
/// found,why,remedy}], checked_at}, the stores first, then the brokers. The state is the worst
/// severity; a notice is ok. Throws Error(not_found) for a store that is none.
[[nodiscard]] Json doctor(Office& office, const std::optional<std::string>& store = {});

/// What the topics' checks need to know of the rest.
struct TopicNeeds {
  std::vector<std::string> topics;           ///< All that the configuration names.
  std::vector<std::string> consumed_topics;  ///< Of those, what our consumers read.
  std::vector<std::string>
      dead_letter_topics;  ///< Of those, where consumers put what they give up.
  std::vector<std::string> groups;
  std::optional<std::chrono::milliseconds> inbox_retention;  ///< Zero: for ever.
  std::map<std::string, std::int64_t> largest_bytes;         ///< Newest payloads of each topic.
  std::string security_protocol;
  std::string library;
};

/// The broker's part, on the broker's thread.
[[nodiscard]] std::vector<Finding> examine_brokers(BrokerSeams& seams, const TopicNeeds& needs,
                                                   std::chrono::milliseconds timeout);

}  // namespace outbox::admin
