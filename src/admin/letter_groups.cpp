// SPDX-License-Identifier: Apache-2.0
#include "admin/letter_groups.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "core/clean_text.hpp"

namespace outbox::admin {
namespace {

constexpr std::chrono::seconds counting_max{5};
constexpr std::chrono::seconds good_for{10};
constexpr std::size_t letters_per_portion = 1'000;
constexpr std::size_t groups_told = 1'000;
constexpr std::size_t example_characters = 1'000;

/// True where the filter asks for no more than a group itself tells.
bool is_of_groups(const LetterFilter& filter) {
  return filter.event_types.empty() && filter.event_ids.empty() && !filter.key &&
         !filter.since_us && !filter.until_us && !filter.dead_letter_topic && !filter.settled_too;
}

bool lets_through(const LetterFilter& filter, const std::string& id, const LetterGroup& group) {
  const auto differs = [](const std::optional<std::string>& wanted, const std::string& is) {
    return wanted && *wanted != is;
  };
  return !(filter.source && *filter.source != group.source) &&
         !differs(filter.store, group.store) && !differs(filter.consumer, group.consumer) &&
         !differs(filter.topic, group.topic) && !differs(filter.group, id);
}

Json group_json(const std::string& id, const LetterGroup& group) {
  return {{"group", id},
          {"source", word_of(group.source)},
          {"store", text_or_null(group.store)},
          {"consumer", text_or_null(group.consumer)},
          {"topic", text_or_null(group.topic)},
          {"cause", group.cause},
          {"letters", group.letters},
          {"first_at", time_json(group.first_at_us)},
          {"last_at", time_json(group.last_at_us)},
          {"example", Json{{"id", text_json(group.example_id)},
                           {"event_type", text_or_null(group.example_type)},
                           {"key", text_or_null(group.example_key)},
                           {"error", text_json(group.example_error)}}}};
}

}  // namespace

void GroupCount::add(const Letter& letter) {
  auto found = groups_.find(letter.group);
  if (found == groups_.end()) {
    if (groups_.size() >= groups_max) {
      ++other_;
      return;
    }
    LetterGroup group;
    group.source = letter.source;
    group.store = letter.store;
    group.consumer = letter.consumer;
    group.topic = letter.topic;
    group.cause = letter.cause;
    group.example_id = letter.id;
    group.example_type = letter.event_type;
    group.example_key = letter.key;
    group.example_error = clean_text(letter.error, example_characters);
    found = groups_.emplace(letter.group, std::move(group)).first;
  }
  LetterGroup& group = found->second;
  ++group.letters;
  if (!letter.at_us) return;
  group.first_at_us = std::min(group.first_at_us.value_or(*letter.at_us), *letter.at_us);
  group.last_at_us = std::max(group.last_at_us.value_or(*letter.at_us), *letter.at_us);
}

void GroupCount::count(Moment deadline) {
  std::vector<Letter> letters;
  while (!has_ended_ && BootClock::now() < deadline) {
    letters.clear();
    has_ended_ = !scan_.next(letters, letters_per_portion, deadline);
    for (const Letter& letter : letters)
      add(letter);
  }
  if (has_ended_) ended_at_ = BootClock::now();
}

Json GroupCount::document(const LetterFilter& filter) const {
  std::vector<const std::pair<const std::string, LetterGroup>*> chosen;
  std::int64_t letters = other_;
  for (const auto& one : groups_) {
    if (!lets_through(filter, one.first, one.second)) continue;
    letters += one.second.letters;
    chosen.push_back(&one);
  }
  std::ranges::stable_sort(chosen, [](const auto* one, const auto* other) {
    return one->second.letters > other->second.letters;
  });
  // What is too much for one answer is in `other`, as what was too much to be kept.
  std::int64_t other = other_;
  Json items = Json::array();
  for (const auto* one : chosen) {
    if (items.size() < groups_told) {
      items.push_back(group_json(one->first, one->second));
    } else {
      other += one->second.letters;
    }
  }
  return {{"items", std::move(items)},
          {"letters", letters},
          {"other", other},
          {"exact", has_ended_ && scan_.errors().empty()},
          {"errors", scan_.errors()}};
}

Json DeadLetters::Counts::groups(Office& office, const LetterFilter& filter) {
  LetterFilter wanted = filter;
  const ConsumerSite* const consumer =
      filter.consumer ? office.site().consumer(*filter.consumer) : nullptr;
  if (consumer != nullptr) wanted.consumer = consumer->group_id;
  static_cast<void>(office.site().chosen(filter.store));
  if (!is_of_groups(wanted)) {
    GroupCount count(office, wanted);
    count.count(BootClock::now() + counting_max);
    return count.document({});
  }
  const std::lock_guard lock(mutex_);
  {
    const std::lock_guard stale_lock(stale_mutex_);
    if (std::exchange(is_stale_, false)) {
      under_way_.reset();
      latest_.reset();
    }
  }
  const Moment now = BootClock::now();
  if (latest_ == nullptr || now - latest_->ended_at() > good_for) {
    if (under_way_ == nullptr) under_way_ = std::make_unique<GroupCount>(office, LetterFilter{});
    under_way_->count(now + counting_max);
    if (under_way_->has_ended()) latest_ = std::move(under_way_);
  }
  if (latest_ == nullptr) return under_way_->document(wanted);
  Json document = latest_->document(wanted);
  // The next count is under way: this one may be older than it should be.
  if (under_way_ != nullptr) document["exact"] = false;
  return document;
}

void DeadLetters::Counts::forget() {
  const std::lock_guard lock(stale_mutex_);
  is_stale_ = true;
}

}  // namespace outbox::admin
