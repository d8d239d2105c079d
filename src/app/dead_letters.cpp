// SPDX-License-Identifier: Apache-2.0
#include "app/dead_letters.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <map>

#include <fmt/format.h>

#include <outbox/error.hpp>

#include "config/values.hpp"
#include "consume/forwarder.hpp"
#include "consume/read_event.hpp"
#include "core/clock.hpp"

namespace outbox::app {
namespace {

constexpr int messages_per_poll = 500;

std::string header_text(const broker::IncomingMessage& message, std::string_view name) {
  return std::string(consume::header_of(message, name).value_or(""));
}

// Reads each wanted partition from where it begins to where it ended at the start.
class Scan {
 public:
  Scan(broker::Reader& reader, std::string topic, const DeadLetterFilter& filter,
       std::chrono::milliseconds patience)
      : reader_(reader), topic_(std::move(topic)), filter_(filter), patience_(patience) {
    for (const broker::PartitionRange& range : reader_.ranges(topic_, patience_)) {
      Part part{range.first, range.end};
      if (!filter_.places.empty()) narrow(range.partition, part);
      if (part.next < part.end) parts_[range.partition] = part;
    }
    require_places();
  }

  void run(const std::function<bool(const broker::IncomingMessage&, const DeadLetter&)>& take) {
    assign();
    auto last_news = std::chrono::steady_clock::now();
    while (!parts_.empty()) {
      const broker::Reader::Answer answer =
          reader_.poll(messages_per_poll, std::chrono::milliseconds(500));
      for (const broker::IncomingMessage& message : answer.messages) {
        if (!offer(message, take)) return;
      }
      for (const broker::Position& end : answer.at_end)
        pass(end.partition, end.offset);
      if (!answer.out_of_range.empty()) skip_removed();
      const auto now = std::chrono::steady_clock::now();
      if (!answer.messages.empty() || !answer.at_end.empty()) last_news = now;
      if (now - last_news > patience_) {
        throw Error(ErrorKind::unreachable,
                    fmt::format("the rest of topic '{}' does not come", topic_),
                    "check that its brokers run, then try again");
      }
    }
  }

 private:
  struct Part {
    std::int64_t next = 0;
    std::int64_t end = 0;
  };

  void narrow(int partition, Part& part) const {
    std::int64_t least = part.end;
    std::int64_t most = part.next - 1;
    for (const auto& [wanted, offset] : filter_.places) {
      if (wanted != partition || offset < part.next || offset >= part.end) continue;
      least = std::min(least, offset);
      most = std::max(most, offset);
    }
    part.next = least;
    part.end = most + 1;
  }

  void require_places() const {
    for (const auto& [partition, offset] : filter_.places) {
      const auto part = parts_.find(partition);
      if (part != parts_.end() && offset >= part->second.next && offset < part->second.end) {
        continue;
      }
      throw Error(ErrorKind::not_found,
                  fmt::format("topic '{}' holds nothing at {}:{}", topic_, partition, offset),
                  "`outboxd dlq list` shows what it holds");
    }
  }

  void assign() {
    std::vector<broker::Position> positions;
    for (const auto& [partition, part] : parts_)
      positions.push_back({topic_, partition, part.next});
    reader_.assign(positions);
  }

  bool offer(const broker::IncomingMessage& message,
             const std::function<bool(const broker::IncomingMessage&, const DeadLetter&)>& take) {
    const auto part = parts_.find(message.partition);
    // What stands behind the end came after the start; what stands before `next` came twice.
    if (part == parts_.end() || message.offset < part->second.next) return true;
    bool goes_on = true;
    if (message.offset < part->second.end && is_wanted_place(message)) {
      const DeadLetter letter = dead_letter_of(message);
      if (filter_.matches(letter)) goes_on = take(message, letter);
    }
    pass(message.partition, message.offset + 1);
    return goes_on;
  }

  [[nodiscard]] bool is_wanted_place(const broker::IncomingMessage& message) const {
    const auto& places = filter_.places;
    return places.empty() ||
           std::find(places.begin(), places.end(), std::pair(message.partition, message.offset)) !=
               places.end();
  }

  void pass(int partition, std::int64_t next) {
    const auto part = parts_.find(partition);
    if (part == parts_.end()) return;
    part->second.next = std::max(part->second.next, next);
    if (part->second.next >= part->second.end) parts_.erase(part);
  }

  // The topic's retention went on while it was read.
  void skip_removed() {
    for (const broker::PartitionRange& range : reader_.ranges(topic_, patience_))
      pass(range.partition, range.first);
    assign();
  }

  broker::Reader& reader_;
  const std::string topic_;
  const DeadLetterFilter& filter_;
  const std::chrono::milliseconds patience_;
  std::map<int, Part> parts_;
};

template <class Number>
bool read_number(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size() && number >= 0;
}

}  // namespace

std::string DeadLetter::place() const {
  return fmt::format("{}:{}", partition, offset);
}

DeadLetter dead_letter_of(const broker::IncomingMessage& message) {
  DeadLetter letter;
  letter.topic = message.topic;
  letter.partition = message.partition;
  letter.offset = message.offset;
  letter.key = message.key;
  letter.original_topic = header_text(message, "dead_letter_topic");
  letter.original_partition = header_text(message, "dead_letter_partition");
  letter.original_offset = header_text(message, "dead_letter_offset");
  letter.group = header_text(message, "dead_letter_group");
  letter.attempts = header_text(message, "dead_letter_attempts");
  letter.error = header_text(message, "dead_letter_error");
  if (letter.error.empty()) letter.error = header_text(message, "dead_letter_reason");
  letter.time = header_text(message, "dead_letter_time");
  if (letter.time.empty()) letter.time = format_timestamp(message.timestamp_ms * 1000).text;
  const consume::EventReading reading = consume::read_event(message);
  if (reading.event) {
    letter.event_id = to_string(reading.event->event_id);
    letter.event_type = reading.event->event_type;
    letter.aggregate_type = reading.event->aggregate_type;
    letter.aggregate_id = reading.event->aggregate_id;
  }
  return letter;
}

bool DeadLetterFilter::matches(const DeadLetter& letter) const {
  if (!group.empty() && letter.group != group) return false;
  if (!types.empty() && std::find(types.begin(), types.end(), letter.event_type) == types.end()) {
    return false;
  }
  if (!event_ids.empty() && !event_ids.contains(letter.event_id)) return false;
  return since.empty() || letter.time >= since;
}

void read_dead_letters(
    broker::Reader& reader, const std::string& topic, const DeadLetterFilter& filter,
    std::chrono::milliseconds patience,
    const std::function<bool(const broker::IncomingMessage&, const DeadLetter&)>& take) {
  Scan(reader, topic, filter, patience).run(take);
}

std::string since_of(const std::string& text) {
  // Times are compared as texts: RFC 3339 in UTC sorts as it stands.
  constexpr std::string_view form = "0000-00-00T00:00:00.000000";
  std::string time = text.ends_with('Z') ? text.substr(0, text.size() - 1) : text;
  bool is_time = time.size() >= std::string_view("0000-00-00").size() && time.size() <= form.size();
  for (std::size_t i = 0; is_time && i < time.size(); ++i) {
    const bool is_digit = std::isdigit(static_cast<unsigned char>(time[i])) != 0;
    is_time = form[i] == '0' ? is_digit : time[i] == form[i];
  }
  if (is_time) return time;
  if (const auto ago_ms = config::parse_duration_ms(text, "s"); ago_ms && *ago_ms >= 0) {
    return format_timestamp(wall_clock_us() - std::llround(*ago_ms * 1000)).text;
  }
  throw Error(ErrorKind::usage, fmt::format("--since '{}' is no time", text),
              "write how long ago, such as 2h, or a time in UTC, such as 2026-11-21T15:00");
}

std::pair<int, std::int64_t> place_of(const std::string& text) {
  const std::size_t colon = text.find(':');
  std::pair<int, std::int64_t> place;
  if (colon == std::string::npos ||
      !read_number(std::string_view(text).substr(0, colon), place.first) ||
      !read_number(std::string_view(text).substr(colon + 1), place.second)) {
    throw Error(ErrorKind::usage, fmt::format("--offset '{}' is no place", text),
                "write PARTITION:OFFSET, as `outboxd dlq list` prints it");
  }
  return place;
}

}  // namespace outbox::app
