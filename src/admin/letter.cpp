// SPDX-License-Identifier: Apache-2.0
#include "admin/letter.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include <fmt/format.h>

#include <outbox/error.hpp>

#include "admin/causes.hpp"
#include "admin/digest.hpp"
#include "admin/events.hpp"
#include "admin/topics.hpp"

namespace outbox::admin {
namespace {

constexpr std::string_view row_prefix = "row.";
constexpr std::string_view topic_prefix = "topic.";

template <class Number>
std::optional<Number> read_number(std::string_view text) {
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number < 0) return std::nullopt;
  return number;
}

void name_group(Letter& letter) {
  letter.cause = cause_of(letter.error);
  const bool is_relays = letter.source == LetterSource::relay;
  letter.group = group_id_of({word_of(letter.source), is_relays ? letter.store : letter.consumer,
                              letter.topic, letter.cause});
}

Error no_id(const std::string& text) {
  return {ErrorKind::usage,
          fmt::format("'{}' is no id of a dead letter", clean_utf8(text.substr(0, 200))),
          "they are row.STORE.ROW and topic.TOPIC.PARTITION.OFFSET, as the list has them"};
}

LetterId message_of(const std::string& text) {
  const std::string_view rest = std::string_view(text).substr(topic_prefix.size());
  const std::size_t last = rest.rfind('.');
  if (last == std::string_view::npos || last == 0) throw no_id(text);
  const std::size_t middle = rest.rfind('.', last - 1);
  if (middle == std::string_view::npos || middle == 0) throw no_id(text);
  const auto partition = read_number<int>(rest.substr(middle + 1, last - middle - 1));
  const auto offset = read_number<std::int64_t>(rest.substr(last + 1));
  if (!partition || !offset) throw no_id(text);
  return store::LetterPlace{std::string(rest.substr(0, middle)), *partition, *offset};
}

/// Names of shards may hold dots: the longest that fits is meant.
LetterId row_of(const Site& site, const std::string& text) {
  const std::string_view rest = std::string_view(text).substr(row_prefix.size());
  const StoreSite* best = nullptr;
  for (const StoreSite& one : site.stores) {
    const bool fits = rest.starts_with(one.name + ".");
    if (fits && (best == nullptr || one.name.size() > best->name.size())) best = &one;
  }
  if (best == nullptr) {
    const std::size_t dot = rest.find('.');
    if (dot == std::string_view::npos || dot == 0) throw no_id(text);
    static_cast<void>(site.store(std::string(rest.substr(0, dot))));
    throw no_id(text);
  }
  return RowLetterId{best, parse_row_id(*best, std::string(rest.substr(best->name.size() + 1)))};
}

Json row_payload_json(const Letter& letter, std::size_t payload_bytes_max) {
  store::EventView row = letter.row;
  if (row.payload && row.payload->size() > payload_bytes_max) {
    row.payload->resize(payload_bytes_max);
  }
  return event_json(letter.store, row);
}

}  // namespace

const char* word_of(LetterSource source) noexcept {
  return source == LetterSource::relay ? "relay" : "consumer";
}

const char* word_of(LetterStage stage) noexcept {
  switch (stage) {
    case LetterStage::replaying:
      return "replaying";
    case LetterStage::replayed:
      return "replayed";
    case LetterStage::discarded:
      return "discarded";
    case LetterStage::dead:
      break;
  }
  return "dead";
}

std::string id_text(const std::string& store, const RowId& row) {
  return fmt::format("row.{}.{}", store, to_string(row));
}

std::string id_text(const store::LetterPlace& place) {
  return fmt::format("topic.{}.{}.{}", place.topic, place.partition, place.offset);
}

LetterId parse_letter_id(const Site& site, const std::string& text) {
  if (text.starts_with(row_prefix)) return row_of(site, text);
  if (text.starts_with(topic_prefix)) return message_of(text);
  throw no_id(text);
}

store::LetterPlace place_of(const broker::IncomingMessage& message) {
  return {message.topic, message.partition, message.offset,
          std::max<std::int64_t>(message.timestamp_ms, 0)};
}

std::string header_text(const broker::IncomingMessage& message, std::string_view name) {
  for (const broker::IncomingHeader& header : message.headers) {
    if (header.name == name) return header.value.value_or("");
  }
  return {};
}

Letter letter_of(const StoreSite& site, store::EventView row) {
  Letter letter;
  letter.id = id_text(site.name, row.row);
  letter.store = site.name;
  letter.topic = row.topic;
  // A topic that none can be is what has to be seen and changed.
  if (site.topic_of) letter.topic = site.topic_of(row);
  if (letter.topic.empty()) letter.topic = row.topic;
  letter.key = row.key;
  if (!row.event_id.is_nil()) letter.event_id = to_string(row.event_id);
  letter.event_type = row.event_type;
  letter.aggregate_type = row.aggregate_type;
  letter.aggregate_id = row.aggregate_id;
  letter.attempts = row.retry_count;
  letter.error = row.error;
  letter.at_us = row.died_at_us ? row.died_at_us : row.created_at_us;
  if (row.state != store::EventState::dead) letter.stage = LetterStage::replayed;
  letter.row = std::move(row);
  name_group(letter);
  return letter;
}

std::optional<Letter> letter_of(const Site& site, broker::IncomingMessage message) {
  Letter letter;
  letter.source = LetterSource::consumer;
  letter.consumer = header_text(message, "dead_letter_group");
  if (letter.consumer.empty()) return std::nullopt;
  letter.id = id_text(place_of(message));
  const ConsumerSite* const consumer = site.consumer(letter.consumer);
  if (consumer != nullptr) {
    letter.store = consumer->store;
  } else if (!site.stores.empty()) {
    letter.store = site.stores.front().name;
  }
  letter.topic = header_text(message, "dead_letter_topic");
  letter.key = message.key;
  const EventWords words = site.read_event ? site.read_event(message) : EventWords{};
  letter.event_id = words.event_id;
  letter.event_type = words.event_type;
  letter.aggregate_type = words.aggregate_type;
  letter.aggregate_id = words.aggregate_id;
  letter.attempts = read_number<std::int64_t>(header_text(message, "dead_letter_attempts"));
  letter.error = header_text(message, "dead_letter_error");
  letter.at_us = read_timestamp(header_text(message, "dead_letter_time"));
  if (!letter.at_us) letter.at_us = message.timestamp_ms * 1'000;
  letter.message_bytes = message.value ? message.value->size() : 0;
  letter.message = std::move(message);
  name_group(letter);
  return letter;
}

bool matches(const LetterFilter& filter, const Letter& letter) {
  const auto differs = [](const std::optional<std::string>& wanted, const std::string& is) {
    return wanted && *wanted != is;
  };
  if (filter.source && *filter.source != letter.source) return false;
  if (differs(filter.store, letter.store) || differs(filter.consumer, letter.consumer) ||
      differs(filter.topic, letter.topic) || differs(filter.group, letter.group)) {
    return false;
  }
  const auto& types = filter.event_types;
  if (!types.empty() && std::ranges::find(types, letter.event_type) == types.end()) return false;
  if (!filter.event_ids.empty() && !filter.event_ids.contains(letter.event_id)) return false;
  if (filter.key && letter.key != filter.key) return false;
  if (filter.since_us && letter.at_us.value_or(0) < *filter.since_us) return false;
  if (filter.until_us && letter.at_us.value_or(0) >= *filter.until_us) return false;
  const bool is_settled =
      letter.stage == LetterStage::replayed || letter.stage == LetterStage::discarded;
  return filter.settled_too || !is_settled;
}

void cut_message(Letter& letter, std::size_t payload_bytes_max) {
  std::optional<std::string>& value = letter.message.value;
  // A new text: the old one would keep its room.
  if (value && value->size() > payload_bytes_max) value = value->substr(0, payload_bytes_max);
}

std::size_t bytes_of(const Letter& letter) {
  std::size_t bytes = letter.error.size() + letter.row.headers_json.size() +
                      (letter.row.payload ? letter.row.payload->size() : 0) +
                      (letter.message.value ? letter.message.value->size() : 0);
  for (const broker::IncomingHeader& header : letter.message.headers)
    bytes += header.name.size() + header.value.value_or("").size();
  return bytes + 1'000;
}

std::string version_of(const store::EventView& row) {
  constexpr std::size_t digits = 16;
  std::string text = std::to_string(row.payload_bytes);
  for (const std::string& part : {row.payload.value_or(""), row.topic, row.headers_json})
    text += '\n' + std::to_string(part.size()) + '\n' + part;
  return sha256_hex(text).substr(0, digits);
}

Json letter_json(const Letter& letter, std::size_t payload_bytes_max) {
  const bool is_relays = letter.source == LetterSource::relay;
  Json json = {{"id", text_json(letter.id)},
               {"source", word_of(letter.source)},
               {"store", text_or_null(letter.store)},
               {"consumer", text_or_null(letter.consumer)},
               {"topic", text_or_null(letter.topic)},
               {"event_id", text_or_null(letter.event_id)},
               {"event_type", text_or_null(letter.event_type)},
               {"aggregate_type", text_or_null(letter.aggregate_type)},
               {"aggregate_id", text_or_null(letter.aggregate_id)},
               {"key", text_or_null(letter.key)},
               {"attempts", letter.attempts ? Json(*letter.attempts) : Json()},
               {"error", text_or_null(letter.error)},
               {"cause", letter.cause},
               {"group", letter.group},
               {"at", time_json(letter.at_us)},
               {"state", word_of(letter.stage)}};
  const Json whole = is_relays
                         ? row_payload_json(letter, payload_bytes_max)
                         : message_json(letter.message, payload_bytes_max, letter.message_bytes);
  for (const char* name :
       {"headers", "payload", "payload_base64", "payload_bytes", "payload_truncated"}) {
    if (whole.contains(name)) json[name] = whole[name];
  }
  const auto number = [&](const char* name) {
    const auto value = read_number<std::int64_t>(header_text(letter.message, name));
    return value ? Json(*value) : Json();
  };
  json["original_partition"] = number("dead_letter_partition");
  json["original_offset"] = number("dead_letter_offset");
  return json;
}

}  // namespace outbox::admin
