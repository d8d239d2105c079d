// SPDX-License-Identifier: Apache-2.0
//
// A dead letter of either source in the words that both have in common.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "admin/dead_letters.hpp"
#include "admin/json.hpp"
#include "admin/site.hpp"

namespace outbox::admin {

enum class LetterStage : std::uint8_t { dead, replaying, replayed, discarded };

struct Letter {
  LetterSource source = LetterSource::relay;
  std::string id;
  std::string store;     ///< Where its row stands, or its mark does; empty: there is none.
  std::string consumer;  ///< The group id; empty for a relay's.
  std::string topic;     ///< Where it should have gone.
  std::optional<std::string> key;
  std::string event_id;
  std::string event_type;
  std::string aggregate_type;
  std::string aggregate_id;
  std::optional<std::int64_t> attempts;
  std::string error;
  std::string cause;
  std::string group;
  std::optional<std::int64_t> at_us;
  LetterStage stage = LetterStage::dead;
  store::EventView row;             ///< Of a relay's letter.
  broker::IncomingMessage message;  ///< Of a consumer's.
  std::size_t message_bytes = 0;    ///< Of its value, of which less may be kept here.
};

[[nodiscard]] Letter letter_of(const StoreSite& site, store::EventView row);

/// None for a message that is no consumer's dead letter, such as a relay's copy of a row.
[[nodiscard]] std::optional<Letter> letter_of(const Site& site, broker::IncomingMessage message);

[[nodiscard]] bool matches(const LetterFilter& filter, const Letter& letter);

/// Keeps the beginning of a message's value: lists show no more of it.
void cut_message(Letter& letter, std::size_t payload_bytes_max);

/// What it takes in memory, about.
[[nodiscard]] std::size_t bytes_of(const Letter& letter);

/// 16 hexadecimal digits of what can be changed of a row's letter: another text once it was.
[[nodiscard]] std::string version_of(const store::EventView& row);

[[nodiscard]] Json letter_json(const Letter& letter, std::size_t payload_bytes_max);

[[nodiscard]] const char* word_of(LetterSource source) noexcept;
[[nodiscard]] const char* word_of(LetterStage stage) noexcept;

/// What an id names.
struct RowLetterId {
  const StoreSite* store = nullptr;
  RowId row;
};
using LetterId = std::variant<RowLetterId, store::LetterPlace>;

/// Throws Error(usage) for a text that is none, Error(not_found) for an unknown store.
[[nodiscard]] LetterId parse_letter_id(const Site& site, const std::string& text);
[[nodiscard]] std::string id_text(const std::string& store, const RowId& row);
[[nodiscard]] std::string id_text(const store::LetterPlace& place);

/// By which the store remembers what became of it.
[[nodiscard]] store::LetterPlace place_of(const broker::IncomingMessage& message);

/// The message's header; empty where it has none.
[[nodiscard]] std::string header_text(const broker::IncomingMessage& message,
                                      std::string_view name);

/// RFC 3339 in UTC, or its beginning from the day on; none for anything else.
[[nodiscard]] std::optional<std::int64_t> read_timestamp(std::string_view text);

}  // namespace outbox::admin
