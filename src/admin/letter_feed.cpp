// SPDX-License-Identifier: Apache-2.0
#include "admin/letter_feed.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include <outbox/error.hpp>

#include "admin/events.hpp"

namespace outbox::admin {
namespace {

constexpr std::size_t ids_max = 10'000;
constexpr std::size_t portion_max = 500;
constexpr std::size_t ids_per_portion = 100;
constexpr std::size_t portion_bytes_max = 16U << 20U;
constexpr std::chrono::seconds message_patience{5};

Json words_json(const std::optional<std::string>& word) {
  return text_or_null(word);
}

/// Rows before messages, stores by name, then in the order of delivery as far as ids tell it.
bool comes_before(const LetterId& one, const LetterId& other) {
  if (one.index() != other.index()) return one.index() < other.index();
  if (const auto* row = std::get_if<RowLetterId>(&one)) {
    const auto& second = std::get<RowLetterId>(other);
    return std::tie(row->store->name, row->row) < std::tie(second.store->name, second.row);
  }
  const auto& first = std::get<store::LetterPlace>(one);
  const auto& second = std::get<store::LetterPlace>(other);
  return std::tie(first.topic, first.partition, first.offset) <
         std::tie(second.topic, second.partition, second.offset);
}

std::string text_of(const LetterId& id) {
  if (const auto* row = std::get_if<RowLetterId>(&id)) return id_text(row->store->name, row->row);
  return id_text(std::get<store::LetterPlace>(id));
}

Error no_letter(const std::string& id) {
  return {ErrorKind::not_found, fmt::format("there is no dead letter '{}'", clean_utf8(id)),
          "`outboxd dlq list` shows those there are"};
}

Letter message_at(const Site& site, LetterAccess& access, const store::LetterPlace& place) {
  const std::string id = id_text(place);
  bool is_there = false;
  for (const broker::PartitionRange& range : access.ranges(place.topic)) {
    is_there = is_there || (range.partition == place.partition && place.offset >= range.first &&
                            place.offset < range.end);
  }
  if (!is_there) throw no_letter(id);
  TopicPage page = access.read(place.topic, {place.partition, place.offset, place.offset + 1}, 1,
                               BootClock::now() + message_patience);
  if (page.messages.empty()) {
    if (page.rest.empty()) throw no_letter(id);
    throw Error(ErrorKind::unreachable, fmt::format("dead letter '{}' does not come", id),
                "check that the brokers run, then try again");
  }
  std::optional<Letter> letter = letter_of(site, std::move(page.messages.front()));
  if (!letter) {
    throw Error(ErrorKind::not_found,
                fmt::format("'{}' names no consumer group, so it is no consumer's dead letter",
                            clean_utf8(id)),
                "a relay's copy of a row stays with its row");
  }
  if (letter->store.empty()) return std::move(*letter);
  const auto marks = access.marks(site.store(letter->store), place, 1);
  if (!marks.empty() && marks.front().place.is_of(place_of(letter->message))) {
    letter->stage = marks.front().state == store::LetterState::replaying  ? LetterStage::replaying
                    : marks.front().state == store::LetterState::replayed ? LetterStage::replayed
                                                                          : LetterStage::discarded;
  }
  return std::move(*letter);
}

}  // namespace

void check_choice(const Site& site, const LetterChoice& choice) {
  if (choice.ids.empty() == !choice.filter) {
    throw Error(ErrorKind::usage, "say which dead letters: either ids or a filter",
                "an empty filter is all of them");
  }
  if (choice.ids.size() > ids_max) {
    throw Error(ErrorKind::usage,
                fmt::format("{} ids are too many, at most {}", choice.ids.size(), ids_max),
                "give a filter");
  }
  for (const std::string& id : choice.ids)
    static_cast<void>(parse_letter_id(site, id));
  if (choice.filter && choice.filter->store) static_cast<void>(site.store(*choice.filter->store));
  if (choice.letters_max && *choice.letters_max < 1) {
    throw Error(ErrorKind::usage, "at most no letters is nothing to do", "give 1 or more");
  }
}

Json choice_json(const LetterChoice& choice) {
  if (!choice.filter) return {{"ids", choice.ids.size()}};
  const LetterFilter& filter = *choice.filter;
  Json json = Json::object();
  if (filter.source) json["source"] = word_of(*filter.source);
  if (filter.store) json["store"] = words_json(filter.store);
  if (filter.consumer) json["consumer"] = words_json(filter.consumer);
  if (filter.topic) json["topic"] = words_json(filter.topic);
  if (filter.dead_letter_topic) json["dead_letter_topic"] = words_json(filter.dead_letter_topic);
  for (const std::string& type : filter.event_types)
    json["event_types"].push_back(text_json(type));
  if (!filter.event_ids.empty()) json["event_ids"] = filter.event_ids.size();
  if (filter.key) json["key"] = words_json(filter.key);
  if (filter.group) json["group"] = words_json(filter.group);
  if (filter.since_us) json["since"] = time_json(filter.since_us);
  if (filter.until_us) json["until"] = time_json(filter.until_us);
  if (choice.letters_max) json["letters_max"] = *choice.letters_max;
  return {{"filter", std::move(json)}};
}

LetterFeed::LetterFeed(const Site& site, LetterAccess& access, const LetterChoice& choice,
                       const LetterDepth& depth, std::stop_token stop)
    : site_(site), access_(access), choice_(choice), depth_(depth), stop_(std::move(stop)) {
  if (choice_.filter) {
    scan_.emplace(site_, access_, *choice_.filter, depth_);
    return;
  }
  for (const std::string& id : choice_.ids)
    ids_.push_back(parse_letter_id(site_, id));
  std::ranges::sort(ids_, comes_before);
  const auto same = [](const LetterId& one, const LetterId& other) {
    return !comes_before(one, other) && !comes_before(other, one);
  };
  ids_.erase(std::unique(ids_.begin(), ids_.end(), same), ids_.end());
}

const Json& LetterFeed::errors() const {
  static const Json none = Json::array();
  return scan_ ? scan_->errors() : none;
}

std::string LetterFeed::position() const {
  return scan_ ? to_text(scan_->place()) : std::to_string(ids_.size());
}

bool LetterFeed::next(Portion& portion, Moment deadline) {
  portion.letters.clear();
  portion.missing.clear();
  if (scan_) return scan_->next(portion.letters, portion_max, deadline);
  return next_of_ids(portion, deadline);
}

// Ids that are no numbers carry no order: their rows' times do.
void LetterFeed::order_by_time() {
  std::vector<std::pair<std::int64_t, LetterId>> timed;
  for (const LetterId& id : ids_) {
    if (stop_.stop_requested()) return;
    std::int64_t at_us = 0;
    const auto* const row = std::get_if<RowLetterId>(&id);
    if (row != nullptr && !row->store->rows_have_number_ids) {
      const auto found = access_.row(*row->store, row->row, 0);
      if (found) at_us = found->created_at_us.value_or(0);
    }
    timed.emplace_back(at_us, id);
  }
  is_ordered_ = true;
  std::ranges::stable_sort(timed, [](const auto& one, const auto& other) {
    const auto* const first = std::get_if<RowLetterId>(&one.second);
    const auto* const second = std::get_if<RowLetterId>(&other.second);
    const std::string none;
    return std::tuple(first == nullptr, first == nullptr ? none : first->store->name, one.first) <
           std::tuple(second == nullptr, second == nullptr ? none : second->store->name,
                      other.first);
  });
  ids_.clear();
  for (auto& [at_us, id] : timed)
    ids_.push_back(std::move(id));
}

bool LetterFeed::next_of_ids(Portion& portion, Moment deadline) {
  if (!is_ordered_) order_by_time();
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < ids_per_portion && !ids_.empty(); ++i) {
    const bool is_enough = bytes >= portion_bytes_max || BootClock::now() >= deadline;
    if (is_enough || stop_.stop_requested()) break;
    const LetterId id = ids_.front();
    ids_.pop_front();
    try {
      Letter letter = find_letter(site_, access_, id, depth_);
      const bool is_settled =
          letter.stage == LetterStage::replayed || letter.stage == LetterStage::discarded;
      if (is_settled) {
        const char* const word = letter.source == LetterSource::relay ? word_of(letter.row.state)
                                                                      : word_of(letter.stage);
        portion.missing.push_back({letter.id, fmt::format("it is {}", word), true});
      } else {
        bytes += bytes_of(letter);
        portion.letters.push_back(std::move(letter));
      }
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::not_found) throw;
      portion.missing.push_back({text_of(id), error.what(), false});
    }
  }
  return !ids_.empty();
}

Letter find_letter(const Site& site, LetterAccess& access, const LetterId& id,
                   const LetterDepth& depth) {
  if (const auto* place = std::get_if<store::LetterPlace>(&id)) {
    Letter letter = message_at(site, access, *place);
    if (!depth.whole_messages) cut_message(letter, depth.payload_bytes_max);
    return letter;
  }
  const auto& row = std::get<RowLetterId>(id);
  std::optional<store::EventView> found = access.row(*row.store, row.row, depth.payload_bytes_max);
  if (!found) throw no_letter(text_of(id));
  return letter_of(*row.store, std::move(*found));
}

}  // namespace outbox::admin
