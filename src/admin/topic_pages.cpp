// SPDX-License-Identifier: Apache-2.0
#include "admin/topic_pages.hpp"

#include <algorithm>
#include <span>
#include <utility>

namespace outbox::admin {
namespace {

constexpr std::chrono::milliseconds poll_wait{250};
constexpr std::chrono::milliseconds range_timeout{3'000};
constexpr std::size_t poll_max = 500;
// Of one page: whoever only reads must not fill the memory of the process that relays. The first
// poll is small, since nobody knows yet how large messages are.
constexpr std::size_t page_bytes_max = 32U << 20U;
constexpr std::size_t first_poll_max = 20;

std::size_t bytes_of(std::span<const broker::IncomingMessage> messages) {
  std::size_t bytes = 0;
  for (const broker::IncomingMessage& message : messages) {
    bytes += message.value ? message.value->size() : 0;
    bytes += message.key ? message.key->size() : 0;
    for (const broker::IncomingHeader& header : message.headers)
      bytes += header.name.size() + (header.value ? header.value->size() : 0);
  }
  return bytes;
}

/// What came so far, and what is kept of it.
struct Read {
  std::size_t messages = 0;
  std::size_t bytes = 0;
  std::size_t kept_bytes = 0;
};

/// How many messages of the size that was seen so far still have room.
std::size_t fitting(const Read& read) {
  if (read.messages == 0) return first_poll_max;
  const std::size_t left = page_bytes_max - std::min(read.kept_bytes, page_bytes_max);
  const std::size_t size = std::max<std::size_t>(read.bytes / read.messages, 1);
  return std::clamp<std::size_t>(left / size, 1, poll_max);
}

TopicSpan* span_of(TopicPage& page, int partition) {
  const auto found = std::ranges::find(page.rest, partition, &TopicSpan::partition);
  return found == page.rest.end() ? nullptr : &*found;
}

void pass(TopicPage& page, int partition, std::int64_t next) {
  TopicSpan* const span = span_of(page, partition);
  if (span == nullptr) return;
  span->from = std::max(span->from, next);
  if (span->from < span->end) return;
  std::erase_if(page.rest, [&](const TopicSpan& one) { return one.partition == partition; });
}

}  // namespace

void TopicPages::assign(const std::string& topic, const std::vector<TopicSpan>& spans) {
  // Until the page is there, nobody knows where the reader stands.
  const std::optional<Place> before = std::exchange(place_, std::nullopt);
  const TopicSpan& first = spans.front();
  reading_.reset();
  if (spans.size() == 1) reading_ = Place{topic, first.partition, first.from};
  if (reading_ && reading_ == before) return;
  std::vector<broker::Position> positions;
  for (const TopicSpan& span : spans)
    positions.push_back({topic, span.partition, span.from});
  reader_.assign(positions);
}

void TopicPages::take(std::vector<broker::IncomingMessage>& messages, const PageBounds& bounds,
                      TopicPage& page) {
  for (broker::IncomingMessage& message : messages) {
    if (reading_ && reading_->partition == message.partition) reading_->next = message.offset + 1;
    const TopicSpan* const span = span_of(page, message.partition);
    // What stands before was assigned earlier and still on its way; what stands behind came later.
    if (span == nullptr || message.offset < span->from) continue;
    const std::int64_t next = message.offset + 1;
    const int partition = message.partition;
    if (message.offset < span->end) {
      std::optional<std::string>& value = message.value;
      page.value_bytes.push_back(value ? value->size() : 0);
      // A new text: the old one would keep its room.
      if (value && value->size() > bounds.value_bytes_max) {
        value = value->substr(0, bounds.value_bytes_max);
      }
      page.messages.push_back(std::move(message));
    }
    pass(page, partition, next);
  }
}

// Retention went on while it was read.
void TopicPages::skip_removed(const std::string& topic, TopicPage& page) {
  for (const broker::PartitionRange& range : reader_.ranges(topic, range_timeout))
    pass(page, range.partition, range.first);
  if (!page.rest.empty()) assign(topic, page.rest);
}

TopicPage TopicPages::read(const std::string& topic, std::vector<TopicSpan> spans,
                           const PageBounds& bounds, Moment deadline) {
  TopicPage page;
  std::erase_if(spans, [](const TopicSpan& span) { return span.from >= span.end; });
  page.rest = std::move(spans);
  if (page.rest.empty()) return page;
  assign(topic, page.rest);
  Read so_far;
  while (!page.rest.empty() && page.messages.size() < bounds.messages_max &&
         so_far.kept_bytes < page_bytes_max && BootClock::now() < deadline) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - BootClock::now());
    const std::size_t room = std::min(bounds.messages_max - page.messages.size(), fitting(so_far));
    broker::Reader::Answer answer =
        reader_.poll(static_cast<int>(room), std::min<std::chrono::milliseconds>(left, poll_wait));
    so_far.messages += answer.messages.size();
    so_far.bytes += bytes_of(answer.messages);
    const std::size_t before = page.messages.size();
    take(answer.messages, bounds, page);
    so_far.kept_bytes += bytes_of(std::span(page.messages).subspan(before));
    for (const broker::Position& end : answer.at_end) {
      if (end.topic == topic) pass(page, end.partition, end.offset);
    }
    if (!answer.out_of_range.empty()) skip_removed(topic, page);
  }
  if (page.rest.empty()) {
    reader_.assign({});  // Nobody waits for what comes next: nothing is fetched for nobody.
  } else {
    place_ = reading_;
  }
  return page;
}

}  // namespace outbox::admin
