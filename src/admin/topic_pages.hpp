// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <limits>
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
  std::vector<std::size_t> value_bytes;           ///< Of each, before it was cut.
  /// What was not read, since there was enough, or the time was over; empty: all was.
  std::vector<TopicSpan> rest;
};

struct PageBounds {
  std::size_t messages_max = 0;
  /// Values above it are cut. What is kept of a page is 32 MiB at most in any case.
  std::size_t value_bytes_max = std::numeric_limits<std::size_t>::max();
};

/// Reads spans of topics by one reader, which it borrows and assigns. Used by one thread.
class TopicPages {
 public:
  explicit TopicPages(broker::Reader& reader) : reader_(reader) {}

  /// At most `bounds`, up to the deadline. Where a page goes on behind the last one of the
  /// same partition, nothing is fetched anew. Throws as Reader.
  TopicPage read(const std::string& topic, std::vector<TopicSpan> spans, const PageBounds& bounds,
                 Moment deadline);

 private:
  struct Place {
    std::string topic;
    int partition = 0;
    std::int64_t next = 0;

    friend bool operator==(const Place&, const Place&) = default;
  };

  void assign(const std::string& topic, const std::vector<TopicSpan>& spans);
  void take(std::vector<broker::IncomingMessage>& messages, const PageBounds& bounds,
            TopicPage& page);
  void skip_removed(const std::string& topic, TopicPage& page);

  broker::Reader& reader_;
  std::optional<Place> place_;    ///< Where the one partition that is assigned is read on.
  std::optional<Place> reading_;  ///< The same while a page is read.
};

}  // namespace outbox::admin
