// SPDX-License-Identifier: Apache-2.0
//
// The backlog by what its events have in common. Types are counted by the store; topics, keys and
// ages out of a bounded look at the newest unsettled events.
#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include <fmt/format.h>

#include <outbox/error.hpp>

#include "admin/status.hpp"
#include "core/clock.hpp"

namespace outbox::admin {
namespace {

constexpr std::int64_t count_max = 1'000'000;
constexpr std::size_t page_rows = 1'000;
constexpr std::size_t pages_max = 20;
constexpr std::size_t names_max = 20'000;
constexpr std::size_t items_max = 100;
constexpr std::chrono::seconds looking_max{4};

struct Share {
  std::int64_t rows = 0;
  std::optional<std::int64_t> oldest_us;
};

struct Shares {
  std::map<std::string, Share> by_name;
  bool exact = true;
};

struct AgeStep {
  std::int64_t below_us;
  const char* name;
};
constexpr std::array<AgeStep, 7> age_steps = {{{1'000'000, "below 1 s"},
                                               {10'000'000, "1 s to 10 s"},
                                               {60'000'000, "10 s to 1 min"},
                                               {600'000'000, "1 min to 10 min"},
                                               {3'600'000'000, "10 min to 1 h"},
                                               {86'400'000'000, "1 h to 1 day"},
                                               {0, "above 1 day"}}};

std::string age_name(const std::optional<std::int64_t>& created_at_us, std::int64_t now_us) {
  if (!created_at_us) return "unknown";
  for (const AgeStep& step : age_steps) {
    if (step.below_us == 0 || now_us - *created_at_us < step.below_us) return step.name;
  }
  return "unknown";
}

std::string name_of(const store::EventView& event, const std::string& by, const StoreSite& site,
                    std::int64_t now_us) {
  if (by == "key") return event.key.value_or("");
  if (by == "age") return age_name(event.created_at_us, now_us);
  return event.topic.empty() && site.topic_of ? site.topic_of(event) : event.topic;
}

Shares count_types(StoreSeams& seams) {
  Shares shares;
  const store::BacklogView view = seams.backlog().view(count_max);
  shares.exact = view.exact;
  for (const store::TypeCount& type : view.pending_by_type)
    shares.by_name[clean_utf8(type.aggregate_type)].rows = type.rows;
  return shares;
}

Shares count_by(StoreSeams& seams, const std::string& by) {
  if (by == "type") return count_types(seams);
  Shares shares;
  const std::int64_t now_us = wall_clock_us();
  const Moment deadline = BootClock::now() + looking_max;
  store::EventQuery query;
  query.states = {store::EventState::pending, store::EventState::processing,
                  store::EventState::retrying};
  query.rows_max = page_rows;
  query.payload_bytes_max = 0;
  for (std::size_t page = 0; page < pages_max; ++page) {
    const store::EventPage found = seams.lookup().find(query);
    for (const store::EventView& event : found.events) {
      std::string name = clean_utf8(name_of(event, by, seams.site(), now_us));
      if (shares.by_name.size() >= names_max && !shares.by_name.contains(name)) {
        shares.exact = false;
        continue;
      }
      Share& share = shares.by_name[name];
      ++share.rows;
      if (event.created_at_us && (!share.oldest_us || *event.created_at_us < *share.oldest_us)) {
        share.oldest_us = event.created_at_us;
      }
    }
    if (!found.next) return shares;
    query.before = found.next;
    if (BootClock::now() >= deadline) break;
  }
  shares.exact = false;
  return shares;
}

}  // namespace

Json backlog_by(Office& office, const std::string& by, const std::optional<std::string>& store) {
  if (by != "type" && by != "topic" && by != "key" && by != "age") {
    throw Error(ErrorKind::usage, fmt::format("the backlog cannot be told by '{}'", clean_utf8(by)),
                "by type, topic, key or age it can");
  }
  const auto told = office.ask_all<Shares>(office.site().chosen(store), Pace::slow,
                                           [by](StoreSeams& seams) { return count_by(seams, by); });
  std::map<std::string, Share> all;
  bool exact = true;
  Json errors = Json::array();
  for (const auto& one : told) {
    if (!one.answer) {
      exact = false;
      errors.push_back({{"store", one.store->name}, {"error", text_json(one.error)}});
      continue;
    }
    exact = exact && one.answer->exact;
    for (const auto& [name, share] : one.answer->by_name) {
      Share& whole = all[name];
      whole.rows += share.rows;
      if (share.oldest_us) {
        whole.oldest_us = std::min(whole.oldest_us.value_or(*share.oldest_us), *share.oldest_us);
      }
    }
  }
  std::vector<std::pair<std::string, Share>> sorted(all.begin(), all.end());
  std::ranges::stable_sort(sorted, [](const auto& one, const auto& other) {
    return one.second.rows > other.second.rows;
  });
  if (sorted.size() > items_max) sorted.resize(items_max);
  Json items = Json::array();
  for (const auto& [name, share] : sorted) {
    Json item = {{"name", name}, {"rows", share.rows}};
    if (share.oldest_us) {
      const std::int64_t age_us = wall_clock_us() - *share.oldest_us;
      item["oldest_pending_age_ms"] = std::max<std::int64_t>(0, age_us / 1'000);
    }
    items.push_back(std::move(item));
  }
  return {{"items", std::move(items)}, {"exact", exact}, {"errors", std::move(errors)}};
}

}  // namespace outbox::admin
