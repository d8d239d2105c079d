// SPDX-License-Identifier: Apache-2.0
#include "admin/letter_plan.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "admin/letter_edit.hpp"

namespace outbox::admin {
namespace {

constexpr std::chrono::seconds counting_max{10};
constexpr std::chrono::seconds portion_patience{1};
constexpr std::size_t patched_payload_max = 4U << 20U;
constexpr std::size_t names_max = 100;
constexpr std::size_t letters_told = 5;

void count(std::map<std::string, std::int64_t>& counts, const std::string& name) {
  if (name.empty()) return;
  const bool has_room = counts.size() < names_max || counts.contains(name);
  ++counts[has_room ? name : "others"];
}

Json counts_json(const std::map<std::string, std::int64_t>& counts) {
  Json items = Json::array();
  for (const auto& [name, letters] : counts)
    items.push_back({{"name", text_json(name)}, {"letters", letters}});
  std::stable_sort(items.begin(), items.end(), [](const Json& one, const Json& other) {
    return one["letters"].get<std::int64_t>() > other["letters"].get<std::int64_t>();
  });
  return items;
}

/// Why the edit cannot be made; empty: it can.
std::string fault_of(const LetterEdit& edit, const Letter& letter) {
  if (edit.empty()) return {};
  if (letter.source == LetterSource::relay) return edit_row(edit, letter.row).fault;
  return edit_message(edit, letter.message).fault;
}

void add_failure(LetterPlan& plan, const std::string& id, const std::string& reason) {
  ++plan.would_fail;
  if (plan.failures.size() < letters_told) {
    plan.failures.push_back({{"id", text_json(id)}, {"reason", text_json(reason)}});
  }
}

void add(LetterPlan& plan, const LetterOrder& order, const Letter& letter) {
  if (letter.stage == LetterStage::replaying) {
    ++plan.would_skip;
    return;
  }
  const std::string fault = fault_of(order.edit, letter);
  if (!fault.empty()) return add_failure(plan, letter.id, fault);
  ++plan.would_do;
  count(plan.by_topic, order.edit.topic.value_or(letter.topic));
  count(plan.by_event_type, letter.event_type);
  count(plan.by_consumer, letter.consumer);
  if (plan.first.size() < letters_told) plan.first.push_back(letter.id);
}

}  // namespace

LetterPlan make_plan(const Site& site, LetterAccess& access, const LetterOrder& order,
                     Moment deadline, const std::stop_token& stop) {
  LetterPlan plan;
  const LetterDepth depth{order.edit.merge_patch ? patched_payload_max : 0, !order.edit.empty()};
  LetterFeed feed(site, access, order.choice, depth, stop);
  LetterFeed::Portion portion;
  const std::optional<std::int64_t>& most = order.choice.letters_max;
  bool is_more = true;
  while (is_more) {
    const Moment now = BootClock::now();
    if (now >= deadline || stop.stop_requested()) {
      plan.exact = false;
      break;
    }
    is_more = feed.next(portion, std::min<Moment>(deadline, now + portion_patience));
    for (const LetterFeed::Missing& one : portion.missing) {
      if (one.is_settled) {
        ++plan.would_skip;
      } else {
        add_failure(plan, one.id, one.reason);
      }
    }
    for (const Letter& letter : portion.letters) {
      if (most && plan.would_do + plan.would_fail >= *most) return plan;
      add(plan, order, letter);
    }
  }
  plan.exact = plan.exact && feed.errors().empty();
  return plan;
}

std::optional<std::int64_t> total_of(const Site& site, const LetterOrder& order,
                                     const std::stop_token& stop) {
  if (!order.choice.filter) return static_cast<std::int64_t>(order.choice.ids.size());
  LetterOrder plain = order;
  plain.edit = {};
  OwnAccess access(site);
  const LetterPlan found = make_plan(site, access, plain, BootClock::now() + counting_max, stop);
  if (!found.exact) return std::nullopt;
  return found.would_do + found.would_fail + found.would_skip;
}

Json plan_json(const LetterPlan& plan, const LetterOrder& order) {
  const bool replays = order.action == LetterAction::replay;
  Json json = {{"dry_run", true},
               {replays ? "would_replay" : "would_discard", plan.would_do},
               {"would_fail", plan.would_fail},
               {"would_skip", plan.would_skip},
               {"exact", plan.exact},
               {"by_topic", counts_json(plan.by_topic)},
               {"by_event_type", counts_json(plan.by_event_type)},
               {"by_consumer", counts_json(plan.by_consumer)},
               {"first", plan.first},
               {"failures", plan.failures}};
  if (!replays) return json;
  const double rate = order.letters_per_second;
  json["edit"] = edit_json(order.edit);
  json["letters_per_second"] = rate > 0 ? Json(rate) : Json();
  json["takes_seconds"] =
      rate > 0 ? Json(std::ceil(static_cast<double>(plan.would_do) / rate)) : Json();
  return json;
}

}  // namespace outbox::admin
