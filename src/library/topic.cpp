// SPDX-License-Identifier: Apache-2.0
#include <outbox/topic.hpp>

#include <map>
#include <vector>

#include "consume/read_event.hpp"
#include "core/clock.hpp"
#include "library/connections.hpp"

namespace outbox {

namespace {

constexpr int messages_per_poll = 1000;
constexpr std::chrono::milliseconds poll_wait{500};

/// What is left of each partition, up to where it ended at the start.
class Rest {
 public:
  Rest(std::string topic, const std::vector<broker::PartitionRange>& ranges)
      : topic_(std::move(topic)) {
    for (const broker::PartitionRange& range : ranges) {
      if (range.first < range.end) parts_[range.partition] = {range.first, range.end};
    }
  }

  [[nodiscard]] bool empty() const { return parts_.empty(); }

  [[nodiscard]] std::vector<broker::Position> positions() const {
    std::vector<broker::Position> all;
    for (const auto& [partition, part] : parts_)
      all.push_back({topic_, partition, part.next});
    return all;
  }

  /// True where the message is one of those that are wanted, and the first time it comes.
  bool take(const broker::IncomingMessage& message) {
    const auto part = parts_.find(message.partition);
    if (part == parts_.end() || message.offset < part->second.next) return false;
    const bool wanted = message.offset < part->second.end;
    pass(message.partition, message.offset + 1);
    return wanted;
  }

  void begin_from(int partition, std::int64_t first) {
    const auto part = parts_.find(partition);
    if (part != parts_.end() && part->second.next < first) pass(partition, first);
  }

  void pass(int partition, std::int64_t next) {
    const auto part = parts_.find(partition);
    if (part == parts_.end()) return;
    part->second.next = next;
    if (next >= part->second.end) parts_.erase(part);
  }

 private:
  struct Part {
    std::int64_t next = 0;
    std::int64_t end = 0;
  };

  std::string topic_;
  std::map<int, Part> parts_;
};

}  // namespace

ReadTopicResult read_topic(const ReadTopicOptions& options,
                           const std::function<void(const ReceivedEvent&)>& take) {
  const auto reader = library::make_broker(options.kafka).reader("outbox-read-topic");
  Rest rest(options.topic, reader->ranges(options.topic, options.patience));
  ReadTopicResult result;
  if (!rest.empty()) reader->assign(rest.positions());
  Moment last_news = BootClock::now();
  while (!rest.empty()) {
    const broker::Reader::Answer answer = reader->poll(messages_per_poll, poll_wait);
    for (const broker::IncomingMessage& message : answer.messages) {
      if (!rest.take(message)) continue;
      result.messages += 1;
      const consume::EventReading reading = consume::read_event(message);
      if (reading.event) {
        take(*reading.event);
      } else {
        result.not_events += 1;
      }
    }
    for (const broker::Position& end : answer.at_end)
      rest.pass(end.partition, end.offset);
    if (!answer.out_of_range.empty()) {
      // Retention has taken what was to come next: what is left begins later.
      for (const broker::PartitionRange& range : reader->ranges(options.topic, options.patience))
        rest.begin_from(range.partition, range.first);
      if (!rest.empty()) reader->assign(rest.positions());
    }
    const Moment now = BootClock::now();
    if (!answer.messages.empty() || !answer.at_end.empty()) last_news = now;
    if (now - last_news > options.patience) {
      throw Error(ErrorKind::unreachable, "the rest of topic '" + options.topic + "' does not come",
                  "check that its brokers run, then try again");
    }
  }
  return result;
}

Uuid aggregate_version_id(const ReceivedEvent& event) {
  return consume::aggregate_version_id(event);
}

}  // namespace outbox
