// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "broker/reader.hpp"
#include "core/clock.hpp"

namespace outbox::admin {

/// Offsets of one partition, from `from` to before `end`.
struct TopicSpan {
  int partition = 0;
  std::int64_t from = 0;
  std::int64_t end = 0;
};

struct TopicPage {
  std::vector<broker::IncomingMessage> messages;  ///< In order per partition.
  /// What was not read, since there was enough, or the time was over; empty: all was.
  std::vector<TopicSpan> rest;
};

/// Reads spans of topics by one reader, which it borrows and assigns. Used by one thread.
class TopicPages {
 public:
  explicit TopicPages(broker::Reader& reader) : reader_(reader) {}

  /// At most `messages_max`, up to the deadline. Where a page goes on behind the last one of the
  /// same partition, nothing is fetched anew. Throws as Reader.
  TopicPage read(const std::string& topic, std::vector<TopicSpan> spans, std::size_t messages_max,
                 Moment deadline);

 private:
  struct Place {
    std::string topic;
    int partition = 0;
    std::int64_t next = 0;

    friend bool operator==(const Place&, const Place&) = default;
  };

  void assign(const std::string& topic, const std::vector<TopicSpan>& spans);
  void take(std::vector<broker::IncomingMessage>& messages, TopicPage& page);
  void skip_removed(const std::string& topic, TopicPage& page);

  broker::Reader& reader_;
  std::optional<Place> place_;    ///< Where the one partition that is assigned is read on.
  std::optional<Place> reading_;  ///< The same while a page is read.
};

}  // namespace outbox::admin
