// SPDX-License-Identifier: Apache-2.0
//
// What a trace looks for in topics: an event's message, and its dead letters, within bounds.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "admin/letter.hpp"
#include "admin/office.hpp"

namespace outbox::admin {

struct WantedMessage {
  std::string topic;
  std::string key;
  std::string event_id;
  std::int64_t from_ms = 0;  ///< Messages from this time on.
};

struct FoundMessage {
  int partition = 0;
  std::int64_t offset = 0;
  std::int64_t timestamp_ms = 0;
};

/// The topic's part in an event's life.
struct TopicSearch {
  std::optional<int> partition;        ///< Where a message of this key belongs; none: not known.
  std::vector<FoundMessage> messages;  ///< Of the event, the first first.
  std::vector<Letter> letters;         ///< Those of them that are consumers' dead letters.
  bool complete = true;                ///< False: a bound ended it, or the brokers did.
  std::string error;
};

/// Reads the one partition that the key hashes to, 5,000 messages or 2 s at most. Never throws for
/// what the brokers say: that is `error`.
[[nodiscard]] TopicSearch search_topic(Office& office, const WantedMessage& wanted);

}  // namespace outbox::admin
