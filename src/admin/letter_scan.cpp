// SPDX-License-Identifier: Apache-2.0
#include "admin/letter_scan.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include <outbox/error.hpp>

#include "admin/cursor.hpp"

namespace outbox::admin {
namespace {

constexpr std::size_t rows_per_page = 1'000;
constexpr std::size_t rows_with_payload_per_page = 20;
constexpr std::size_t large_payload = 64U << 10U;
constexpr std::size_t messages_per_page = 500;
constexpr std::size_t marks_per_page = 1'000;

Error no_cursor() {
  return {ErrorKind::usage, "the cursor is none of this list",
          "give next_cursor of the page before with the same filter, or none for the first page"};
}

LetterStage stage_of(store::LetterState state) {
  switch (state) {
    case store::LetterState::replaying:
      return LetterStage::replaying;
    case store::LetterState::replayed:
      return LetterStage::replayed;
    case store::LetterState::discarded:
      break;
  }
  return LetterStage::discarded;
}

}  // namespace

LetterScan::LetterScan(const Site& site, LetterAccess& access, LetterFilter filter,
                       const LetterDepth& depth)
    : site_(site), access_(access), filter_(std::move(filter)), depth_(depth) {
  const auto stores = site_.chosen(filter_.store);
  // The name that stands in the letters.
  const ConsumerSite* const consumer =
      filter_.consumer ? site_.consumer(*filter_.consumer) : nullptr;
  if (consumer != nullptr) filter_.consumer = consumer->group_id;
  const bool only_consumers = filter_.consumer || filter_.dead_letter_topic;
  if (filter_.source != LetterSource::consumer && !only_consumers) {
    for (const StoreSite* store : stores)
      parts_.push_back({store, {}});
  }
  if (filter_.source == LetterSource::relay || !site_.has_broker) return;
  std::vector<std::string> topics = site_.dead_letter_topics();
  if (filter_.dead_letter_topic) topics = {*filter_.dead_letter_topic};
  for (const std::string& topic : topics)
    parts_.push_back({nullptr, topic});
}

void LetterScan::go_on_at(const Json& place) {
  if (place.empty()) return;
  const std::string store = text_in(place, "store");
  const std::string topic = text_in(place, "topic");
  const auto found = std::ranges::find_if(parts_, [&](const Part& part) {
    return part.store != nullptr ? part.store->name == store
                                 : !topic.empty() && part.topic == topic;
  });
  if (found == parts_.end()) throw no_cursor();
  part_ = static_cast<std::size_t>(found - parts_.begin());
  if (found->store != nullptr) {
    if (place.contains("after")) after_ = parse_row_id(*found->store, text_in(place, "after"));
    return;
  }
  const std::int64_t partition = number_in(place, "partition", 0);
  const std::int64_t offset = number_in(place, "offset", 0);
  if (partition < 0 || partition > 1'000'000 || offset < 0) throw no_cursor();
  begin_ = TopicSpan{static_cast<int>(partition), offset, 0};
}

Json LetterScan::place() const {
  if (part_ >= parts_.size()) return Json::object();
  const Part& part = parts_[part_];
  if (part.store != nullptr) {
    Json place = {{"store", part.store->name}};
    if (after_) place["after"] = to_string(*after_);
    return place;
  }
  Json place = {{"topic", part.topic}};
  if (is_open_ && !spans_.empty()) {
    place["partition"] = spans_.front().partition;
    place["offset"] = spans_.front().from;
  } else if (begin_) {
    place["partition"] = begin_->partition;
    place["offset"] = begin_->from;
  }
  return place;
}

Json LetterScan::place_behind(const Letter& letter) {
  if (letter.source == LetterSource::relay) {
    return {{"store", letter.store}, {"after", to_string(letter.row.row)}};
  }
  return {{"topic", letter.message.topic},
          {"partition", letter.message.partition},
          {"offset", letter.message.offset + 1}};
}

bool LetterScan::next(std::vector<Letter>& letters, std::size_t letters_max, Moment deadline) {
  if (part_ >= parts_.size()) return false;
  const Part part = parts_[part_];
  try {
    if (part.store != nullptr) {
      read_rows(letters, letters_max);
    } else {
      read_messages(letters, letters_max, deadline);
    }
  } catch (const Error& error) {
    const bool is_named = part.store == nullptr && filter_.dead_letter_topic;
    if (error.kind() == ErrorKind::usage || is_named) throw;
    if (part.store != nullptr) {
      fail("store", part.store->name, error.what());
      leave_part();
    } else if (error.kind() == ErrorKind::not_found) {
      leave_part();  // Nothing has died there yet.
    } else {
      fail("topic", part.topic, error.what());
      // Of brokers that do not answer no other topic is heard either.
      if (error.kind() == ErrorKind::unreachable) part_ = parts_.size();
      leave_part();
    }
  }
  return part_ < parts_.size();
}

void LetterScan::read_rows(std::vector<Letter>& letters, std::size_t letters_max) {
  const StoreSite& store = *parts_[part_].store;
  const std::size_t page =
      depth_.payload_bytes_max > large_payload ? rows_with_payload_per_page : rows_per_page;
  const std::size_t rows_max = std::clamp<std::size_t>(letters_max, 1, page);
  std::vector<store::EventView> rows =
      access_.rows(store, {after_, rows_max, depth_.payload_bytes_max});
  const bool is_end = rows.size() < rows_max;
  if (!rows.empty()) after_ = rows.back().row;
  for (store::EventView& row : rows) {
    Letter letter = letter_of(store, std::move(row));
    if (matches(filter_, letter)) letters.push_back(std::move(letter));
  }
  if (is_end) leave_part();
}

void LetterScan::open_topic() {
  spans_.clear();
  for (const broker::PartitionRange& range : access_.ranges(parts_[part_].topic)) {
    std::int64_t from = range.first;
    if (begin_ && range.partition < begin_->partition) continue;
    if (begin_ && range.partition == begin_->partition) from = std::max(from, begin_->from);
    if (from < range.end) spans_.push_back({range.partition, from, range.end});
  }
  std::ranges::sort(spans_, {}, &TopicSpan::partition);
  is_open_ = true;
}

void LetterScan::read_messages(std::vector<Letter>& letters, std::size_t letters_max,
                               Moment deadline) {
  if (!is_open_) open_topic();
  if (spans_.empty()) return leave_part();
  TopicSpan& span = spans_.front();
  TopicPage page =
      access_.read(parts_[part_].topic, span,
                   std::clamp<std::size_t>(letters_max, 1, messages_per_page), deadline);
  if (page.rest.empty()) {
    spans_.erase(spans_.begin());
  } else {
    span = page.rest.front();
  }
  add_messages(letters, std::move(page.messages));
  if (spans_.empty()) leave_part();
}

void LetterScan::add_messages(std::vector<Letter>& letters,
                              std::vector<broker::IncomingMessage> messages) {
  std::vector<Letter> read;
  std::set<std::string> stores;
  for (broker::IncomingMessage& message : messages) {
    std::optional<Letter> letter = letter_of(site_, std::move(message));
    if (!letter) continue;
    if (!depth_.whole_messages) cut_message(*letter, depth_.payload_bytes_max);
    if (!letter->store.empty()) stores.insert(letter->store);
    read.push_back(std::move(*letter));
  }
  for (const std::string& store : stores)
    add_stages(read, 0, store);
  for (Letter& letter : read) {
    if (matches(filter_, letter)) letters.push_back(std::move(letter));
  }
}

// The letters are of one partition and in order, as the marks are.
void LetterScan::add_stages(std::vector<Letter>& letters, std::size_t from,
                            const std::string& store) {
  try {
    while (from < letters.size()) {
      const broker::IncomingMessage& first = letters[from].message;
      const auto marks = access_.marks(
          site_.store(store), {first.topic, first.partition, first.offset}, marks_per_page);
      for (const store::LetterMark& mark : marks) {
        if (mark.place.topic != first.topic || mark.place.partition != first.partition) return;
        while (from < letters.size() && letters[from].message.offset < mark.place.offset)
          ++from;
        if (from == letters.size()) return;
        Letter& letter = letters[from];
        if (mark.place.is_of(place_of(letter.message)) && letter.store == store) {
          letter.stage = stage_of(mark.state);
        }
      }
      if (marks.size() < marks_per_page) return;
      // On behind the last mark, which may stand at a letter that was looked at already.
      while (from < letters.size() && letters[from].message.offset <= marks.back().place.offset)
        ++from;
    }
  } catch (const Error& error) {
    fail("store", store, error.what());
  }
}

void LetterScan::leave_part() {
  ++part_;
  after_.reset();
  begin_.reset();
  is_open_ = false;
  spans_.clear();
}

void LetterScan::fail(const char* what, const std::string& name, const std::string& error) {
  for (const Json& one : errors_) {
    if (one.contains(what) && one[what] == name) return;
  }
  errors_.push_back({{what, name}, {"error", text_json(error)}});
}

}  // namespace outbox::admin
