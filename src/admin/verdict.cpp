// SPDX-License-Identifier: Apache-2.0
//
// One sentence for those who were woken: what is wrong, the worst first.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "admin/status.hpp"

namespace outbox::admin {
namespace {

constexpr std::int64_t old_ms = 60'000;
constexpr std::int64_t lag_tolerated = 10'000;
constexpr std::size_t troubles_told = 3;
constexpr std::size_t error_bytes_max = 200;

std::string age_text(std::int64_t milliseconds) {
  if (milliseconds < 10'000) return fmt::format("{:.1f} s", double(milliseconds) / 1'000.0);
  if (milliseconds < 120'000) return fmt::format("{} s", milliseconds / 1'000);
  if (milliseconds < 7'200'000) return fmt::format("{} min", milliseconds / 60'000);
  if (milliseconds < 172'800'000) return fmt::format("{} h", milliseconds / 3'600'000);
  return fmt::format("{} days", milliseconds / 86'400'000);
}

std::string text_of(const Json& value) {
  return value.is_string() ? value.get<std::string>() : std::string();
}

std::int64_t number_of(const Json& value) {
  return value.is_number() ? value.get<std::int64_t>() : 0;
}

struct Findings {
  std::vector<std::string> down;
  std::vector<std::string> degraded;
  std::int64_t pending = 0;
  std::int64_t oldest_ms = 0;
  bool exact = true;
};

const char* plural(std::int64_t count) {
  return count == 1 ? "" : "s";
}

bool has_live_member(const Json& relay) {
  for (const Json& member : relay["members"]) {
    if (member["live"] == true) return true;
  }
  return false;
}

void look_at_relay(const Json& relay, const std::string& where, Findings& found) {
  const Json& backlog = relay["backlog"];
  const std::int64_t pending = number_of(backlog["pending"]);
  const std::int64_t oldest = number_of(backlog["oldest_pending_age_ms"]);
  const std::string name = fmt::format("relay {}{}", text_of(relay["name"]), where);
  found.pending += pending;
  found.oldest_ms = std::max(found.oldest_ms, pending > 0 ? oldest : 0);
  found.exact = found.exact && backlog["exact"] != false;
  const bool paused = relay["paused"] == true;
  if (paused) found.degraded.push_back(name + " is paused");
  if (!has_live_member(relay)) {
    (pending > 0 ? found.down : found.degraded)
        .push_back(fmt::format(
            "{} runs nowhere{}", name,
            pending > 0 ? fmt::format(", {} event{} wait", pending, pending == 1 ? "" : "s") : ""));
  } else if (pending > 0 && oldest > old_ms && !paused) {
    found.degraded.push_back(
        fmt::format("the oldest event of {} has waited for {}", name, age_text(oldest)));
  }
  if (const auto held = std::int64_t(backlog["held_topics"].size()); held > 0) {
    found.degraded.push_back(fmt::format("{} holds topic {}{}", name,
                                         text_of(backlog["held_topics"][0]["topic"]),
                                         held > 1 ? fmt::format(" and {} more", held - 1) : ""));
  }
  if (const auto blocked = std::int64_t(backlog["blocked_keys"].size()); blocked > 0) {
    found.degraded.push_back(fmt::format("{} key{} of {} {} blocked", blocked, plural(blocked),
                                         name, blocked == 1 ? "is" : "are"));
  }
  if (const std::int64_t dead = number_of(backlog["dead"]); dead > 0) {
    found.degraded.push_back(fmt::format("{} has {} dead letter{}", name, dead, plural(dead)));
  }
}

/// One that is there and is of no use says itself what is missing, such as `outboxd migrate`.
std::string trouble_of(const Json& store) {
  const std::string name = text_of(store["name"]);
  if (!store.value("reached", false)) return fmt::format("store {} does not answer", name);
  std::string error = text_of(store["error"]);
  std::replace(error.begin(), error.end(), '\n', ' ');
  if (error.size() > error_bytes_max) {
    error = clean_utf8(std::string_view(error).substr(0, error_bytes_max)) + "…";
  }
  return fmt::format("store {} cannot be used: {}", name, error);
}

void look_at_stores(const Json& stores, Findings& found) {
  std::vector<std::string> away;
  bool any_reached = false;
  for (const Json& store : stores) {
    const std::string where =
        stores.size() > 1 ? fmt::format(" of store {}", text_of(store["name"])) : "";
    if (store["state"] == "down") {
      away.push_back(trouble_of(store));
      any_reached = any_reached || store.value("reached", false);
      continue;
    }
    for (const Json& relay : store["relays"])
      look_at_relay(relay, where, found);
    if (const std::string untaken = text_of(store["types_without_relay"]); !untaken.empty()) {
      found.degraded.push_back(fmt::format("no relay takes {}{}", untaken, where));
    }
  }
  if (away.empty()) return;
  const bool is_all = away.size() == stores.size();
  if (is_all && !any_reached) found.down.emplace_back("no database answers");
  if (is_all && !any_reached && away.size() == 1) return;
  auto& list = is_all ? found.down : found.degraded;
  list.insert(list.end(), away.begin(), away.end());
}

void look_at_dead_letters(const Json& consumer, const std::string& name, Findings& found) {
  const auto letters = consumer.find("dead_letters");
  if (letters == consumer.end()) return;
  if (const std::int64_t dead = number_of(*letters); dead > 0) {
    found.degraded.push_back(fmt::format("{} has {} dead letter{}", name, dead, plural(dead)));
  }
}

void look_at_consumers(const Json& consumers, Findings& found) {
  for (const Json& consumer : consumers) {
    const std::string name = "consumer " + text_of(consumer["name"]);
    look_at_dead_letters(consumer, name, found);
    const std::int64_t lag = number_of(consumer["lag"]);
    if (consumer["paused"] == true) {
      found.degraded.push_back(name + " is paused");
    } else if (lag > 0 && consumer["members"].empty() && consumer["error"].is_null()) {
      found.degraded.push_back(
          fmt::format("{} runs nowhere, {} message{} wait", name, lag, plural(lag)));
    } else if (lag > lag_tolerated) {
      found.degraded.push_back(fmt::format("{} is {} messages behind", name, lag));
    }
  }
}

}  // namespace

Json verdict_of(const Json& status) {
  Findings found;
  if (status["broker"]["state"] == "down") found.down.emplace_back("Kafka does not answer");
  look_at_stores(status["stores"], found);
  look_at_consumers(status["consumers"], found);
  for (const Json& pause : status["pauses"]) {
    const std::string kind = text_of(pause["kind"]);
    if (kind != "topic" && kind != "key") continue;
    found.degraded.push_back(fmt::format("{} {} is paused", kind, text_of(pause["name"])));
  }
  const char* const state = !found.down.empty()       ? "down"
                            : !found.degraded.empty() ? "degraded"
                                                      : "ok";
  std::vector<std::string> troubles = std::move(found.down);
  troubles.insert(troubles.end(), found.degraded.begin(), found.degraded.end());
  std::string text;
  if (troubles.empty()) {
    text = found.pending == 0
               ? "All is well, nothing waits."
               : fmt::format("All is well: {}{} event{} on the way, the oldest for {}.",
                             found.pending, found.exact ? "" : " or more", plural(found.pending),
                             age_text(found.oldest_ms));
  } else {
    const std::size_t more = troubles.size() > troubles_told ? troubles.size() - troubles_told : 0;
    troubles.resize(troubles.size() - more);
    text = fmt::format("{}{}.", fmt::join(troubles, "; "),
                       more > 0 ? fmt::format("; and {} more", more) : "");
    if (text.front() >= 'a' && text.front() <= 'z') text.front() = char(text.front() - 'a' + 'A');
  }
  return {{"state", state}, {"text", text_json(text)}};
}

}  // namespace outbox::admin
