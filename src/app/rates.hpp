// SPDX-License-Identifier: Apache-2.0
//
// What changed between two looks, per second.
#pragma once

#include <optional>
#include <string_view>

#include "admin/json.hpp"

namespace outbox::app {

/// A status document and the list of topics, and when they were asked for.
struct LookAround {
  admin::Json status;
  admin::Json topics;
  std::int64_t at_us = 0;  ///< By the wall clock, for people.
  double at_seconds = 0;   ///< By a steady one, for the rates.
};

/// {at, interval_seconds|null, relays:[{store,name,paused,pending,exact,pending_per_second,
/// clear_in_seconds,oldest_pending_age_ms,retrying,dead}], topics:[{name,per_second,messages,
/// error}], consumers:[{group_id,state,paused,lag,lag_per_second,handled_per_second,
/// clear_in_seconds}]}. Rates are null at the first look, and where a figure is an estimate.
[[nodiscard]] admin::Json rates_between(const std::optional<LookAround>& before,
                                        const LookAround& now);

/// Whether a topic's template, such as `{aggregate_type}.events`, may stand for this topic; one
/// that is nothing but placeholders leads to none.
[[nodiscard]] bool may_lead_to(std::string_view pattern, std::string_view topic);

}  // namespace outbox::app
