// SPDX-License-Identifier: Apache-2.0
//
// The figures of alerts, from what was sampled. What one store has not answered may be what is
// above: the sum of the others is then a part, and said to be.
#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "admin/alerts.hpp"

namespace outbox::admin {
namespace {

constexpr std::size_t detail_max = 300;

void append(std::string& list, const std::string& entry) {
  if (list.size() > detail_max) return;
  if (!list.empty()) list += ", ";
  list += entry;
}

bool is_whole(const Samples& samples) {
  return samples.awaited == 0 &&
         std::all_of(samples.stores.begin(), samples.stores.end(),
                     [](const StoreSample& store) { return store.answered; });
}

/// The sum over all stores that answered, and which of them have any.
template <class Of>
std::optional<AlertValue> sum_of(const Samples& samples, Of of) {
  AlertValue sum;
  sum.is_whole = is_whole(samples);
  bool any = false;
  for (const StoreSample& store : samples.stores) {
    if (!store.answered) continue;
    any = true;
    const auto value = static_cast<double>(of(store));
    sum.value += value;
    if (value > 0) append(sum.detail, fmt::format("store {}: {}", store.store, value));
  }
  return any ? std::optional(std::move(sum)) : std::nullopt;
}

AlertValue oldest_pending(const Samples& samples) {
  AlertValue oldest;
  oldest.is_whole = is_whole(samples);
  for (const StoreSample& store : samples.stores) {
    if (!store.backlog.oldest_pending_age) continue;
    const double seconds = static_cast<double>(store.backlog.oldest_pending_age->count()) / 1000;
    if (seconds <= oldest.value) continue;
    oldest.value = seconds;
    oldest.detail = "store " + store.store;
  }
  return oldest;
}

AlertValue worst_slot(const Samples& samples) {
  AlertValue worst;
  worst.is_whole = is_whole(samples);
  for (const StoreSample& store : samples.stores) {
    if (!store.are_slots_known) worst.is_whole = false;
    for (const store::ReplicationSlot& slot : store.slots) {
      const auto bytes = static_cast<double>(slot.retained_bytes);
      if (bytes <= worst.value) continue;
      worst.value = bytes;
      worst.detail = fmt::format("store {}, slot {} ({})", store.store, slot.name,
                                 slot.active ? "active" : "inactive");
    }
  }
  return worst;
}

std::optional<AlertValue> stores_down(const Samples& samples) {
  if (samples.stores.empty()) return std::nullopt;
  AlertValue down;
  down.is_whole = samples.awaited == 0;
  for (const StoreSample& store : samples.stores) {
    if (store.answered) continue;
    down.value += 1;
    append(down.detail, fmt::format("{}: {}", store.store, store.error));
  }
  return down;
}

AlertValue held_topics(const Samples& samples, const std::vector<RelayFigures>& relays) {
  std::set<std::string> held;
  for (const StoreSample& store : samples.stores) {
    for (const std::string& topic : store.held_topics)
      held.insert(store.store + ": " + topic);
  }
  for (const RelayFigures& relay : relays) {
    for (const std::string& topic : relay.held_topics)
      held.insert(relay.store + ": " + topic);
  }
  const bool all_known =
      std::all_of(samples.stores.begin(), samples.stores.end(),
                  [](const StoreSample& store) { return store.are_held_topics_known; });
  AlertValue value{static_cast<double>(held.size()), {}, is_whole(samples) && all_known};
  for (const std::string& topic : held)
    append(value.detail, topic);
  return value;
}

}  // namespace

std::optional<AlertValue> value_of(AlertFigure figure, const Samples& samples,
                                   const std::vector<RelayFigures>& relays) {
  const bool any_answered = std::any_of(samples.stores.begin(), samples.stores.end(),
                                        [](const StoreSample& store) { return store.answered; });
  switch (figure) {
    case AlertFigure::failed_events:
      return sum_of(samples, [](const StoreSample& store) { return store.backlog.retrying; });
    case AlertFigure::dead_letters:
      return sum_of(samples, [](const StoreSample& store) { return store.backlog.dead; });
    case AlertFigure::pending:
      return sum_of(samples, [](const StoreSample& store) { return store.backlog.pending; });
    case AlertFigure::oldest_pending_seconds:
      return any_answered ? std::optional(oldest_pending(samples)) : std::nullopt;
    case AlertFigure::replication_slot_bytes:
      return any_answered ? std::optional(worst_slot(samples)) : std::nullopt;
    case AlertFigure::store_down:
      return stores_down(samples);
    case AlertFigure::broker_down:
      if (!samples.broker) return std::nullopt;
      return AlertValue{samples.broker->answered ? 0.0 : 1.0, samples.broker->error, true};
    case AlertFigure::held_topics:
      return held_topics(samples, relays);
    case AlertFigure::consumer_lag:
    case AlertFigure::consumer_dead_letters:
      break;
  }
  return std::nullopt;
}

}  // namespace outbox::admin
