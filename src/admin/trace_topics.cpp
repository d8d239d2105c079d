// SPDX-License-Identifier: Apache-2.0
#include "admin/trace_topics.hpp"

#include <utility>

#include <outbox/error.hpp>

#include "core/murmur2.hpp"

namespace outbox::admin {
namespace {

constexpr std::chrono::milliseconds reading_max{2'000};
constexpr std::chrono::milliseconds range_patience{3'000};
constexpr std::size_t messages_max = 5'000;

/// Told by its header where it has one; else by what its value says.
bool is_of(const Site& site, const broker::IncomingMessage& message, const std::string& event_id) {
  const std::string header = header_text(message, "event_id");
  if (!header.empty()) return header == event_id;
  return site.read_event && site.read_event(message).event_id == event_id;
}

TopicSearch search(BrokerSeams& seams, const WantedMessage& wanted) {
  TopicSearch search;
  std::vector<broker::PartitionRange> ranges;
  try {
    ranges = seams.reader().ranges(wanted.topic, range_patience);
  } catch (const Error& error) {
    // A topic that is not there holds nothing of it.
    if (error.kind() != ErrorKind::not_found) throw;
  }
  if (ranges.empty()) return search;
  const int partition = partition_of(wanted.key, static_cast<int>(ranges.size()));
  search.partition = partition;
  TopicSpan span{partition, 0, 0};
  for (const broker::PartitionRange& range : ranges) {
    if (range.partition == partition) span = {partition, range.first, range.end};
  }
  for (const broker::Position& position :
       seams.reader().offsets_at(wanted.topic, wanted.from_ms, range_patience)) {
    if (position.partition == partition) span.from = std::max(span.from, position.offset);
  }
  TopicPage page =
      seams.pages().read(wanted.topic, {span}, {messages_max}, BootClock::now() + reading_max);
  search.complete = page.rest.empty();
  for (broker::IncomingMessage& message : page.messages) {
    if (!is_of(seams.site(), message, wanted.event_id)) continue;
    search.messages.push_back({message.partition, message.offset, message.timestamp_ms});
    if (auto letter = letter_of(seams.site(), std::move(message))) {
      search.letters.push_back(std::move(*letter));
    }
  }
  return search;
}

}  // namespace

TopicSearch search_topic(Office& office, const WantedMessage& wanted) {
  try {
    return office.ask_broker<TopicSearch>(
        Pace::slow, [wanted](BrokerSeams& seams) { return search(seams, wanted); });
  } catch (const Error& error) {
    TopicSearch failed;
    failed.complete = false;
    failed.error = error.what();
    return failed;
  }
}

}  // namespace outbox::admin
