// SPDX-License-Identifier: Apache-2.0
#include "relay/topic_states.hpp"

#include <algorithm>
#include <utility>

namespace outbox::relay {

int TopicStates::number(std::string_view name) {
  const auto found = numbers_.find(name);
  if (found != numbers_.end()) return found->second;
  const int number = static_cast<int>(topics_.size());
  topics_.emplace_back().name = name;
  numbers_.emplace(name, number);
  return number;
}

int TopicStates::find(std::string_view name) const {
  const auto found = numbers_.find(name);
  return found == numbers_.end() ? -1 : found->second;
}

void TopicStates::add_waiting(int topic, int partition, RowTag tag) {
  at(topic).lanes[static_cast<std::size_t>(partition)].waiting.push_back(tag);
  put_back({topic, partition});
}

std::vector<LaneName> TopicStates::take_busy() {
  for (const LaneName& name : busy_) {
    at(name.topic).lanes[static_cast<std::size_t>(name.partition)].queued = false;
  }
  return std::exchange(busy_, {});
}

void TopicStates::put_back(LaneName name) {
  Lane& lane = at(name.topic).lanes[static_cast<std::size_t>(name.partition)];
  if (lane.queued) return;
  lane.queued = true;
  busy_.push_back(name);
}

void TopicStates::reset_lanes() {
  busy_.clear();
  for (TopicState& topic : topics_) {
    for (Lane& lane : topic.lanes)
      lane = Lane{};
    topic.sent_rows = 0;
  }
}

void TopicStates::open_lanes(int topic, int partitions) {
  std::erase_if(busy_, [&](const LaneName& name) { return name.topic == topic; });
  at(topic).partitions = partitions;
  at(topic).lanes.assign(static_cast<std::size_t>(partitions), Lane{});
}

std::vector<store::RouteColumns> TopicStates::held_routes(std::size_t routes_max,
                                                          bool crowded_too) const {
  std::vector<store::RouteColumns> routes;
  for (const TopicState& topic : topics_) {
    if (topic.open() || (topic.crowded && !crowded_too && !topic.paused)) continue;
    for (const store::RouteColumns& route : topic.routes) {
      if (routes.size() == routes_max) return routes;
      routes.push_back(route);
    }
  }
  return routes;
}

bool TopicStates::any_opening() const {
  return std::any_of(topics_.begin(), topics_.end(), [](const TopicState& topic) {
    return topic.phase != TopicPhase::open && topic.phase != TopicPhase::held;
  });
}

bool TopicStates::any_crowded() const {
  return std::any_of(topics_.begin(), topics_.end(),
                     [](const TopicState& topic) { return topic.crowded && !topic.paused; });
}

}  // namespace outbox::relay
