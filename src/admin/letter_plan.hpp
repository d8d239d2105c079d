// SPDX-License-Identifier: Apache-2.0
//
// What a replay or a discard would do, without doing it.
#pragma once

#include <map>
#include <stop_token>
#include <string>
#include <vector>

#include "admin/letter_feed.hpp"
#include "admin/letter_run.hpp"

namespace outbox::admin {

/// What a look at the chosen letters found, until its deadline.
struct LetterPlan {
  std::int64_t would_do = 0;
  std::int64_t would_fail = 0;
  std::int64_t would_skip = 0;
  bool exact = true;
  std::map<std::string, std::int64_t> by_topic;
  std::map<std::string, std::int64_t> by_event_type;
  std::map<std::string, std::int64_t> by_consumer;
  std::vector<std::string> first;  ///< Ids of the first that would be done.
  Json failures = Json::array();   ///< Of the first that would fail.
};

[[nodiscard]] LetterPlan make_plan(const Site& site, LetterAccess& access, const LetterOrder& order,
                                   Moment deadline, const std::stop_token& stop = {});

/// For the progress; none where counting takes too long.
[[nodiscard]] std::optional<std::int64_t> total_of(const Site& site, const LetterOrder& order,
                                                   const std::stop_token& stop);

/// DeadLetters::plan_replay()'s document, or plan_discard()'s.
[[nodiscard]] Json plan_json(const LetterPlan& plan, const LetterOrder& order);

}  // namespace outbox::admin
