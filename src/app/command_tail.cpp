// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdio>
#include <map>

#include <fmt/format.h>

#include "admin/dead_letters.hpp"
#include "admin/topics.hpp"
#include "app/commands.hpp"
#include "app/operating.hpp"
#include "app/show.hpp"
#include "app/signals.hpp"
#include "app/terminal.hpp"
#include "app/wire.hpp"

namespace outbox::app {
namespace {

constexpr int messages_per_poll = 500;
constexpr std::size_t payload_bytes_max = 1U << 20U;
// A name for the brokers' rights alone; no group of it is joined.
constexpr const char* group_name = "outboxd-tail";

struct Request {
  std::string topic;
  std::string from = "end";
  std::optional<std::int64_t> from_ms;  ///< Where `from` is a time.
  std::optional<int> partition;
  std::optional<std::string> key;
  std::optional<int> limit;
  bool until_end = false;
};

Request request_of(const Arguments& arguments) {
  Request request;
  request.topic = arguments.words.at(0);
  request.from = arguments.value("from").value_or("end");
  if (request.from != "end" && request.from != "beginning") {
    request.from_ms = admin::parse_time("--from", request.from) / 1000;
  }
  // The first partition is 0, so the number is not one of those that are above it.
  if (const auto text = arguments.value("partition")) {
    request.partition = *text == "0" ? 0 : whole_number(arguments, "partition", 0);
  }
  request.key = arguments.value("key");
  if (arguments.has("limit")) request.limit = whole_number(arguments, "limit", 0);
  request.until_end = arguments.has("until-end");
  return request;
}

class Follower {
 public:
  Follower(const Request& request, broker::Reader& reader, std::chrono::milliseconds patience)
      : request_(request), reader_(reader), patience_(patience) {
    begin();
  }

  /// Gives messages to `take` until that says false, the end where that was asked for, or a stop.
  void run(const std::function<bool(const broker::IncomingMessage&)>& take,
           const std::function<void()>& pause, const std::stop_token& stop) {
    const std::stop_callback wake(stop, [this] { reader_.wake(); });
    while (!stop.stop_requested() && !(request_.until_end && left_.empty())) {
      const broker::Reader::Answer answer =
          reader_.poll(messages_per_poll, std::chrono::milliseconds(500));
      for (const broker::IncomingMessage& message : answer.messages) {
        const auto end = left_.find(message.partition);
        const bool behind = request_.until_end && end == left_.end();
        next_[message.partition] = message.offset + 1;
        if (end != left_.end() && message.offset + 1 >= end->second) left_.erase(end);
        if (behind || (request_.key && message.key != request_.key)) continue;
        if (!take(message)) return;
      }
      for (const broker::Position& end : answer.at_end) {
        const auto left = left_.find(end.partition);
        if (left != left_.end() && end.offset >= left->second) left_.erase(left);
      }
      if (!answer.out_of_range.empty()) skip_removed();
      pause();
    }
  }

 private:
  void begin() {
    const auto ranges = reader_.ranges(request_.topic, patience_);
    std::vector<broker::Position> at_time;
    if (request_.from_ms)
      at_time = reader_.offsets_at(request_.topic, *request_.from_ms, patience_);
    for (const broker::PartitionRange& range : ranges) {
      if (request_.partition && range.partition != *request_.partition) continue;
      std::int64_t first = request_.from == "beginning" ? range.first : range.end;
      for (const broker::Position& position : at_time) {
        if (position.partition == range.partition) first = position.offset;
      }
      next_[range.partition] = first;
      if (first < range.end) left_[range.partition] = range.end;
    }
    if (next_.empty()) {
      throw Error(ErrorKind::not_found,
                  fmt::format("topic '{}' has no partition {}", request_.topic,
                              request_.partition.value_or(0)),
                  fmt::format("it has {}, the first is 0", ranges.size()));
    }
    assign();
  }

  void assign() {
    std::vector<broker::Position> positions;
    for (const auto& [partition, offset] : next_)
      positions.push_back({request_.topic, partition, offset});
    reader_.assign(positions);
  }

  // Retention took what was to be read next.
  void skip_removed() {
    for (const broker::PartitionRange& range : reader_.ranges(request_.topic, patience_)) {
      const auto next = next_.find(range.partition);
      if (next == next_.end()) continue;
      next->second = std::clamp(next->second, range.first, range.end);
      const auto left = left_.find(range.partition);
      if (left != left_.end() && next->second >= left->second) left_.erase(left);
    }
    assign();
  }

  const Request& request_;
  broker::Reader& reader_;
  const std::chrono::milliseconds patience_;
  std::map<int, std::int64_t> next_;
  std::map<int, std::int64_t> left_;  ///< Ends at the start of partitions that are not there yet.
};

}  // namespace

int command_tail(const Arguments& arguments) {
  const Request request = request_of(arguments);
  const config::Settings settings = config::load(sources_of(arguments));
  const bool json = settings.process().output == config::OutputFormat::json;
  const Look look = look_of(1);
  const StopSignals signals(settings.process().shutdown_timeout);
  const auto reader = make_broker(settings).reader(group_name);
  Follower follower(request, *reader, settings.process().start_timeout);
  int shown = 0;
  follower.run(
      [&](const broker::IncomingMessage& message) {
        const admin::Json one = admin::message_json(message, payload_bytes_max);
        if (json) {
          print_json(one);
        } else {
          fmt::print("{}", show_message(one, look));
        }
        return !request.limit || ++shown < *request.limit;
      },
      [] { std::fflush(stdout); }, signals.token());
  std::fflush(stdout);
  return 0;
}

}  // namespace outbox::app
