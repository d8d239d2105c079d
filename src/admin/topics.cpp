// SPDX-License-Identifier: Apache-2.0
#include "admin/topics.hpp"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>
#include <utility>

#include <fmt/format.h>

#include <outbox/error.hpp>

#include "core/base64.hpp"
#include "core/json_text.hpp"

namespace outbox::admin {
namespace {

constexpr std::chrono::milliseconds broker_patience{3'000};
constexpr std::chrono::milliseconds counting_max{2'000};
constexpr std::chrono::milliseconds reading_max{4'000};
constexpr std::size_t messages_max = 200;
constexpr std::size_t shown_bytes_max = 4'096;
constexpr std::size_t topics_max = 10'000;
constexpr int followed_per_poll = 500;

Json topic_json(const broker::TopicView& view, bool configured) {
  const bool known = view.partitions > 0;
  return {{"name", view.name},
          {"partitions", known ? Json(view.partitions) : Json()},
          {"replication_factor", known ? Json(view.replication_factor) : Json()},
          {"messages", nullptr},
          {"message_bytes_max", known ? Json(view.message_bytes_max) : Json()},
          {"configured", configured},
          {"error", view.failure ? text_json(view.failure->reason) : Json()}};
}

bool is_own(const std::string& topic) {
  return topic.starts_with("__");
}

/// Those of the configuration in its order, then the others by name.
std::vector<broker::TopicView> views_of(BrokerSeams& seams) {
  const std::vector<std::string>& configured = seams.site().topics;
  std::vector<broker::TopicView> views;
  if (!configured.empty()) views = seams.admin().topics(configured, broker_patience);
  const std::set<std::string> known(configured.begin(), configured.end());
  std::vector<broker::TopicView> others = seams.admin().topics({}, broker_patience);
  std::ranges::sort(others, {}, &broker::TopicView::name);
  for (broker::TopicView& view : others) {
    if (views.size() >= topics_max) break;
    if (!known.contains(view.name) && !is_own(view.name)) views.push_back(std::move(view));
  }
  return views;
}

Json topics_document(BrokerSeams& seams) {
  const std::vector<broker::TopicView> views = views_of(seams);
  const std::set<std::string> known(seams.site().topics.begin(), seams.site().topics.end());
  const Moment deadline = BootClock::now() + counting_max;
  Json items = Json::array();
  for (const broker::TopicView& view : views) {
    Json item = topic_json(view, known.contains(view.name));
    if (!view.failure && BootClock::now() < deadline) {
      try {
        std::int64_t messages = 0;
        for (const broker::PartitionRange& range :
             seams.reader().ranges(view.name, std::chrono::milliseconds(1'000)))
          messages += range.end - range.first;
        item["messages"] = messages;
      } catch (const Error& error) {
        item["error"] = text_json(error.what());
      }
    }
    items.push_back(std::move(item));
  }
  return {{"items", std::move(items)}, {"error", nullptr}};
}

Json topic_document(BrokerSeams& seams, const std::string& name) {
  const std::vector<broker::TopicView> views = seams.admin().topics({name}, broker_patience);
  if (views.empty() || views.front().partitions <= 0) {
    const std::string why =
        !views.empty() && views.front().failure ? ": " + views.front().failure->reason : "";
    throw Error(ErrorKind::not_found,
                fmt::format("there is no topic '{}'{}", clean_utf8(name), clean_utf8(why)));
  }
  const auto& configured = seams.site().topics;
  const bool is_configured = std::ranges::find(configured, name) != configured.end();
  Json document = topic_json(views.front(), is_configured);
  Json partitions = Json::array();
  std::int64_t messages = 0;
  for (const broker::PartitionRange& range : seams.reader().ranges(name, broker_patience)) {
    messages += range.end - range.first;
    partitions.push_back(
        {{"partition", range.partition}, {"first", range.first}, {"end", range.end}});
  }
  document["messages"] = messages;
  // Its number, in the list, is its length here.
  document["partition_count"] = partitions.size();
  document["partitions"] = std::move(partitions);
  Json config = Json::object();
  const auto configs = seams.admin().configs({name}, broker_patience);
  if (!configs.empty()) {
    for (const auto& [key, value] : configs.front().values)
      config[key] = text_json(value);
    if (configs.front().failure) document["error"] = text_json(configs.front().failure->reason);
  }
  document["config"] = std::move(config);
  return document;
}

/// The last messages, of which values are kept as far as they are shown: so many of each partition
/// must be looked at, since nobody knows before which are the youngest.
TopicPage last_of(BrokerSeams& seams, const MessagesRequest& request) {
  const auto limit =
      static_cast<std::int64_t>(std::clamp<std::size_t>(request.limit, 1, messages_max));
  std::vector<TopicSpan> spans;
  bool is_known = !request.partition;
  for (const broker::PartitionRange& range :
       seams.reader().ranges(request.topic, broker_patience)) {
    if (request.partition && *request.partition != range.partition) continue;
    is_known = true;
    spans.push_back({range.partition, std::max(range.first, range.end - limit), range.end});
  }
  if (!is_known) {
    throw Error(ErrorKind::not_found,
                fmt::format("topic '{}' has no partition {}", request.topic, *request.partition));
  }
  TopicPage page =
      seams.pages().read(request.topic, spans, {spans.size() * messages_max, shown_bytes_max},
                         BootClock::now() + reading_max);
  // A stable order by time keeps each partition's own.
  std::vector<std::size_t> order(page.messages.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) {
    const auto& one = page.messages[a];
    const auto& other = page.messages[b];
    return std::pair(one.timestamp_ms, one.offset) > std::pair(other.timestamp_ms, other.offset);
  });
  if (order.size() > static_cast<std::size_t>(limit)) order.resize(static_cast<std::size_t>(limit));
  TopicPage last;
  for (const std::size_t at : order) {
    last.messages.push_back(std::move(page.messages[at]));
    last.value_bytes.push_back(page.value_bytes[at]);
  }
  last.rest = std::move(page.rest);
  return last;
}

/// Where following begins.
std::vector<broker::Position> beginnings(broker::Reader& reader, const FollowRequest& request,
                                         const std::vector<std::string>& topics) {
  std::vector<broker::Position> from;
  for (const std::string& topic : topics) {
    const auto ranges = reader.ranges(topic, 2 * broker_patience);
    // So many of each topic: what its partitions share is found out by taking that many of each.
    const auto last = static_cast<std::int64_t>((request.last + ranges.size() - 1) /
                                                std::max<std::size_t>(ranges.size(), 1));
    for (const broker::PartitionRange& range : ranges) {
      const std::int64_t first =
          request.from_first ? range.first : std::max(range.first, range.end - last);
      from.push_back({topic, range.partition, first});
    }
  }
  return from;
}

/// Retention overtook it: on from what the partition still holds.
void move_on(broker::Reader& reader, const std::vector<broker::Position>& lost,
             std::vector<broker::Position>& next) {
  for (const broker::Position& position : lost) {
    for (const broker::PartitionRange& range : reader.ranges(position.topic, broker_patience)) {
      if (range.partition != position.partition) continue;
      for (broker::Position& one : next) {
        if (one.topic == position.topic && one.partition == position.partition) {
          one.offset = std::clamp(one.offset, range.first, range.end);
        }
      }
    }
  }
  reader.assign(next);
}

}  // namespace

Json message_json(const broker::IncomingMessage& message, std::size_t payload_bytes_max,
                  std::optional<std::size_t> whole_bytes) {
  Json headers = Json::object();
  for (const broker::IncomingHeader& header : message.headers)
    headers[clean_utf8(header.name)] = text_or_null(header.value);
  Json json = {{"topic", message.topic},           {"partition", message.partition},
               {"offset", message.offset},         {"at", time_json(message.timestamp_ms * 1'000)},
               {"key", text_or_null(message.key)}, {"headers", std::move(headers)}};
  const std::size_t there = message.value ? message.value->size() : 0;
  const std::size_t bytes = whole_bytes.value_or(there);
  PayloadPart part{std::nullopt, true, bytes > std::min(there, payload_bytes_max)};
  if (message.value) part.text = message.value->substr(0, payload_bytes_max);
  add_payload(json, part);
  json["payload_bytes"] = bytes;
  json["payload_truncated"] = part.is_cut;
  return json;
}

Json list_topics(Office& office) {
  try {
    return office.ask_broker<Json>(Pace::slow, topics_document);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::unreachable) throw;
    Json items = Json::array();
    for (const std::string& name : office.site().topics) {
      broker::TopicView view;
      view.name = name;
      view.failure = Failure{FailureKind::retry_connection, error.what()};
      items.push_back(topic_json(view, true));
    }
    return {{"items", std::move(items)}, {"error", text_json(error.what())}};
  }
}

Json show_topic(Office& office, const std::string& name) {
  return office.ask_broker<Json>(
      Pace::slow, [name](BrokerSeams& seams) { return topic_document(seams, name); });
}

Json last_messages(Office& office, const MessagesRequest& request) {
  const TopicPage page = office.ask_broker<TopicPage>(
      Pace::slow, [request](BrokerSeams& seams) { return last_of(seams, request); });
  Json items = Json::array();
  for (std::size_t i = 0; i < page.messages.size(); ++i)
    items.push_back(message_json(page.messages[i], shown_bytes_max, page.value_bytes[i]));
  return {{"items", std::move(items)}, {"complete", page.rest.empty()}};
}

void follow(Office& office, const FollowRequest& request,
            const std::function<bool(const broker::IncomingMessage&)>& take,
            const std::stop_token& stop) {
  const Site& site = office.site();
  if (!site.has_broker) static_cast<void>(office.ask_broker<bool>(Pace::quick, nullptr));
  const auto reader = site.broker.reader("outboxd-tail");
  const std::stop_callback wakes(stop, [&] { reader->wake(); });
  std::vector<std::string> topics = request.topics;
  if (topics.empty()) {
    for (const broker::TopicView& view : site.broker.admin()->topics(site.topics, broker_patience))
      if (!view.failure) topics.push_back(view.name);
    if (topics.empty()) {
      throw Error(ErrorKind::not_found, "none of the configuration's topics is there",
                  "name one, or make them with `outboxd topics create`");
    }
  }
  std::vector<broker::Position> next = beginnings(*reader, request, topics);
  reader->assign(next);
  while (!stop.stop_requested()) {
    const auto answer = reader->poll(followed_per_poll, std::chrono::milliseconds(500));
    for (const broker::IncomingMessage& message : answer.messages) {
      for (broker::Position& one : next) {
        if (one.topic == message.topic && one.partition == message.partition) {
          one.offset = message.offset + 1;
        }
      }
      if (stop.stop_requested() || !take(message)) return;
    }
    if (!answer.out_of_range.empty()) move_on(*reader, answer.out_of_range, next);
  }
}

}  // namespace outbox::admin
