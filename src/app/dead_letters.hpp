// SPDX-License-Identifier: Apache-2.0
//
// The dead letters that stand in a topic, read by place without joining a group: what `outboxd dlq`
// lists and sends back.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "broker/reader.hpp"

namespace outbox::app {

/// A dead letter in words. What its message does not tell is empty.
struct DeadLetter {
  std::string topic;
  int partition = 0;
  std::int64_t offset = 0;
  std::string event_id;
  std::string event_type;
  std::string aggregate_type;
  std::string aggregate_id;
  std::optional<std::string> key;
  std::string original_topic;
  std::string original_partition;
  std::string original_offset;
  std::string group;  ///< Empty: a relay's copy of a row, or no dead letter at all.
  std::string attempts;
  std::string error;
  std::string time;  ///< RFC 3339 in UTC; Kafka's own where no header tells it.

  [[nodiscard]] std::string place() const;
};

[[nodiscard]] DeadLetter dead_letter_of(const broker::IncomingMessage& message);

struct DeadLetterFilter {
  std::string group;               ///< Empty, as all of them: any.
  std::vector<std::string> types;  ///< Event types.
  std::set<std::string> event_ids;
  std::string since;  ///< RFC 3339 in UTC, or the beginning of one.
  /// Only these of the topic, by partition and offset.
  std::vector<std::pair<int, std::int64_t>> places;

  [[nodiscard]] bool matches(const DeadLetter& letter) const;
};

/// Gives the dead letters of `topic` that match and are there now, in order per partition, to
/// `take` until that returns false. Throws Error(not_found) without the topic or one of
/// `filter.places`, Error(unreachable) where nothing comes for as long as `patience`.
void read_dead_letters(
    broker::Reader& reader, const std::string& topic, const DeadLetterFilter& filter,
    std::chrono::milliseconds patience,
    const std::function<bool(const broker::IncomingMessage&, const DeadLetter&)>& take);

/// What `--since` says: a duration before now such as `2h`, or a time such as `2026-11-21T15:00`.
/// Throws Error(usage).
[[nodiscard]] std::string since_of(const std::string& text);

/// `partition:offset`. Throws Error(usage).
[[nodiscard]] std::pair<int, std::int64_t> place_of(const std::string& text);

}  // namespace outbox::app
