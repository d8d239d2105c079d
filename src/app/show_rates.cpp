// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <fmt/format.h>

#include "app/show.hpp"
#include "app/show_values.hpp"

namespace outbox::app {
namespace {

using admin::Json;

std::string rate_of(const Json& object, std::string_view name, bool with_sign = false) {
  const auto rate = number_of(object, name);
  if (!rate) return "-";
  return (with_sign && *rate > 0 ? "+" : "") + rate_text(*rate);
}

std::string clear_of(const Json& object) {
  const auto seconds = number_of(object, "clear_in_seconds");
  return seconds ? duration_text(*seconds * 1000) : "";
}

std::string paused_or(const Json& object, const std::string& otherwise) {
  return is_true(object, "paused") ? "PAUSED" : otherwise;
}

}  // namespace

std::string show_rates(const Json& rates, const Look& look) {
  std::string text = painted(look, Colour::bold, time_text(rates, "at")) + "\n\n";
  TextTable relays({{"RELAY", false, 12},
                    {"PENDING", true},
                    {"PER S", true},
                    {"OLDEST", true},
                    {"RETRYING", true},
                    {"DEAD", true},
                    {"CLEAR IN", true},
                    {""}});
  for (const Json& one : list_of(rates, "relays")) {
    relays.add({text_of(one, "store") + "/" + text_of(one, "name"),
                count_text(one, "pending") + (is_true(one, "exact") ? "" : "+"),
                rate_of(one, "pending_per_second", true),
                duration_text(one, "oldest_pending_age_ms"), count_text(one, "retrying"),
                count_text(one, "dead"), clear_of(one), paused_or(one, "")});
  }
  if (!relays.empty()) text += relays.text(look) + "\n";
  TextTable consumers({{"CONSUMER", false, 12},
                       {"STATE"},
                       {"HANDLED/S", true},
                       {"LAG", true},
                       {"PER S", true},
                       {"CLEAR IN", true}});
  for (const Json& one : list_of(rates, "consumers")) {
    consumers.add({text_of(one, "group_id"), paused_or(one, text_or_dash(one, "state")),
                   rate_of(one, "handled_per_second"), count_text(one, "lag"),
                   rate_of(one, "lag_per_second", true), clear_of(one)});
  }
  if (!consumers.empty()) text += consumers.text(look) + "\n";
  TextTable topics(
      {{"TOPIC", false, 16}, {"MESSAGES/S", true}, {"MESSAGES", true}, {"", false, 10}});
  std::vector<const Json*> busiest;
  for (const Json& one : list_of(rates, "topics"))
    busiest.push_back(&one);
  std::stable_sort(busiest.begin(), busiest.end(), [](const Json* a, const Json* b) {
    return number_of(*a, "per_second").value_or(0) > number_of(*b, "per_second").value_or(0);
  });
  for (const Json* one : busiest) {
    topics.add({text_of(*one, "name"), rate_of(*one, "per_second"), count_text(*one, "messages"),
                text_of(*one, "error")});
  }
  if (!topics.empty()) text += topics.text(look);
  return text;
}

}  // namespace outbox::app
