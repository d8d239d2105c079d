// SPDX-License-Identifier: Apache-2.0
#include "admin/status_parts.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include <fmt/format.h>

#include <outbox/error.hpp>

#include "admin/controls.hpp"

namespace outbox::admin {
namespace {

// A stream asks each second while somebody watches.
constexpr std::int64_t count_max = 10'000;
constexpr std::int64_t untaken_count_max = 10'000;
constexpr double buckets = 256.0;
constexpr std::chrono::milliseconds broker_patience{3'000};
/// Of one topic; where there are more it is not known how many letters still stand.
constexpr std::size_t marks_max = 2'000;

/// A part that a store may not (yet) be able to tell: without its table, without a right to see it.
template <class Question>
void try_part(std::string& error, const Question& question) {
  try {
    question();
  } catch (const Error& failure) {
    if (failure.kind() == ErrorKind::unreachable) throw;
    if (error.empty()) error = failure.what();
  }
}

std::string untaken_types(StoreSeams& seams) {
  std::set<std::string> taken;
  if (seams.site().has_relays) {
    for (const RelaySite& relay : seams.site().relays) {
      if (relay.aggregate_types.empty()) return {};
      taken.insert(relay.aggregate_types.begin(), relay.aggregate_types.end());
    }
  }
  std::string text;
  for (const store::TypeCount& type : seams.backlog().view(untaken_count_max).pending_by_type) {
    if (taken.contains(type.aggregate_type)) continue;
    text += fmt::format("{}{} ({})", text.empty() ? "" : ", ", type.aggregate_type, type.rows);
  }
  return text;
}

/// A member's share of the 256 buckets: a slot holds those whose number leaves it as the remainder.
int buckets_of(const std::string& member, const store::LeaseView& leases) {
  const int slots = static_cast<int>(leases.slots.size());
  int count = 0;
  for (const store::SlotView& slot : leases.slots) {
    if (slot.owner != member || slot.expires_in.count() <= 0) continue;
    for (int bucket = slot.slot; bucket < 256; bucket += slots)
      ++count;
  }
  return count;
}

Json members_json(const store::LeaseView& leases) {
  Json members = Json::array();
  for (const store::MemberView& member : leases.members) {
    Json slots = Json::array();
    for (const store::SlotView& slot : leases.slots) {
      if (slot.owner == member.name) slots.push_back(slot.slot);
    }
    const int held = buckets_of(member.name, leases);
    members.push_back({{"id", text_json(member.name)},
                       {"host", text_json(member.host)},
                       {"pid", member.process_id},
                       {"live", member.live},
                       {"heartbeat_age_ms", member.heartbeat_age.count()},
                       {"slots", std::move(slots)},
                       {"buckets", held},
                       {"buckets_percent", held * 100.0 / buckets}});
  }
  return members;
}

Json slots_json(const store::LeaseView& leases) {
  Json slots = Json::array();
  for (const store::SlotView& slot : leases.slots) {
    slots.push_back({{"slot", slot.slot},
                     {"owner", text_or_null(slot.owner)},
                     {"epoch", slot.epoch},
                     {"expires_in_ms", slot.expires_in.count()}});
  }
  return slots;
}

Json backlog_json(const RelayStatus& relay, const StoreFigures& figures) {
  const store::BacklogView& backlog = relay.backlog;
  Json types = Json::object();
  for (const store::TypeCount& type : backlog.pending_by_type)
    types[clean_utf8(type.aggregate_type)] = type.rows;
  Json keys = Json::array();
  for (const store::KeyState& key : backlog.blocked_keys) {
    keys.push_back({{"key", text_json(key.key)},
                    {"topic", text_json(key.topic)},
                    {"attempts", key.attempts},
                    {"blocked_for_ms", key.refused_for ? Json(key.refused_for->count()) : Json()},
                    {"next_attempt_in_ms", std::max<std::int64_t>(0, key.blocked_for.count())},
                    {"row", text_json(to_string(key.head))},
                    {"reason", text_json(key.reason)}});
  }
  Json held = Json::array();
  for (const store::HeldTopic& topic : figures.held_topics) {
    if (topic.relay != relay.name) continue;
    held.push_back({{"topic", text_json(topic.topic)},
                    {"member", text_json(topic.member)},
                    {"reason", text_json(topic.reason)},
                    {"since_at", time_json(topic.since_us)}});
  }
  const auto age = backlog.oldest_pending_age;
  return {{"pending", backlog.pending},
          {"exact", backlog.exact},
          {"retrying", backlog.retrying},
          {"dead", backlog.dead},
          {"oldest_pending_age_ms", age ? Json(age->count()) : Json()},
          {"pending_by_type", std::move(types)},
          {"blocked_keys", std::move(keys)},
          {"held_topics", std::move(held)}};
}

Json relay_json(const RelayStatus& relay, const StoreFigures& figures) {
  const bool paused = std::ranges::any_of(figures.pauses, [&](const store::Pause& pause) {
    return pause.kind == store::PauseKind::relay && pause.name == relay.name;
  });
  return {{"name", relay.name},
          {"paused", paused},
          {"members", members_json(relay.leases)},
          {"slots", slots_json(relay.leases)},
          {"backlog", backlog_json(relay, figures)}};
}

Json count_or_null(const std::optional<std::int64_t>& count) {
  return count ? Json(*count) : Json();
}

Json lag_json(const ConsumerSite& consumer, const BrokerFigures& figures, Json& partitions,
              std::string& error) {
  const auto group = figures.groups.find(consumer.group_id);
  std::int64_t lag = 0;
  bool is_known = !consumer.topics.empty();
  for (const std::string& topic : consumer.topics) {
    const auto ranges = figures.ranges.find(topic);
    if (ranges == figures.ranges.end()) {
      is_known = false;
      const auto why = figures.errors.find(topic);
      if (why != figures.errors.end() && error.empty()) error = why->second;
      continue;
    }
    for (const broker::PartitionRange& range : ranges->second) {
      std::optional<std::int64_t> committed;
      if (group != figures.groups.end()) {
        for (const broker::Position& position : group->second.committed) {
          const bool is_it = position.topic == topic && position.partition == range.partition;
          if (is_it && position.offset >= 0) committed = position.offset;
        }
      }
      // Of nothing committed all that is there is still to come.
      const std::int64_t behind =
          std::max<std::int64_t>(0, range.end - committed.value_or(range.first));
      lag += behind;
      partitions.push_back({{"topic", topic},
                            {"partition", range.partition},
                            {"committed", count_or_null(committed)},
                            {"end", range.end},
                            {"lag", behind}});
    }
  }
  return is_known ? Json(lag) : Json();
}

std::int64_t messages_in(const std::vector<broker::PartitionRange>& ranges) {
  std::int64_t messages = 0;
  for (const broker::PartitionRange& range : ranges)
    messages += range.end - range.first;
  return messages;
}

/// Those that stand in its topics, neither replayed nor discarded; null: not known.
Json dead_letters_json(const ConsumerSite& consumer, const BrokerFigures& figures,
                       const SettledLetters& settled) {
  std::int64_t letters = 0;
  for (const std::string& topic : consumer.dead_letter_topics) {
    if (figures.missing.contains(topic)) continue;
    const auto ranges = figures.ranges.find(topic);
    if (ranges == figures.ranges.end()) return nullptr;
    const std::int64_t messages = messages_in(ranges->second);
    if (messages == 0) continue;
    const auto gone = settled.find(topic);
    if (gone == settled.end()) return nullptr;
    letters += std::max<std::int64_t>(0, messages - gone->second);
  }
  return letters;
}

/// None: more than are looked at.
std::optional<std::int64_t> settled_in(store::LetterMarks& marks, const std::string& topic,
                                       const std::vector<broker::PartitionRange>& ranges) {
  store::LetterPlace first;
  first.topic = topic;
  const std::vector<store::LetterMark> all = marks.marks(first, marks_max);
  if (all.size() == marks_max) return std::nullopt;
  return std::count_if(all.begin(), all.end(), [&](const store::LetterMark& mark) {
    const bool is_held = std::any_of(ranges.begin(), ranges.end(), [&](const auto& range) {
      return range.partition == mark.place.partition && mark.place.offset >= range.first &&
             mark.place.offset < range.end;
    });
    return is_held && mark.state != store::LetterState::replaying;
  });
}

}  // namespace

SettledLetters read_settled(Office& office, const BrokerFigures& figures) {
  std::map<std::string, std::map<std::string, std::vector<broker::PartitionRange>>> by_store;
  for (const ConsumerSite& consumer : office.site().consumers) {
    for (const std::string& topic : consumer.dead_letter_topics) {
      const auto ranges = figures.ranges.find(topic);
      if (ranges == figures.ranges.end() || messages_in(ranges->second) == 0) continue;
      by_store[consumer.store][topic] = ranges->second;
    }
  }
  SettledLetters settled;
  for (const auto& [store, topics] : by_store) {
    try {
      settled.merge(
          office.ask<SettledLetters>(store, Pace::quick, [topics = topics](StoreSeams& seams) {
            SettledLetters found;
            for (const auto& [topic, ranges] : topics) {
              if (const auto count = settled_in(seams.letter_marks(), topic, ranges)) {
                found[topic] = *count;
              }
            }
            return found;
          }));
    } catch (const Error&) {
      continue;  // Not known then; why the store does not answer stands with the store.
    }
  }
  return settled;
}

StoreFigures read_store(StoreSeams& seams) {
  StoreFigures figures;
  const StoreSite& site = seams.site();
  for (std::size_t i = 0; i < site.relays.size(); ++i) {
    figures.relays.push_back(
        {site.relays[i].name, seams.leases(i).view(), seams.backlog(i).view(count_max)});
  }
  figures.types_without_relay = untaken_types(seams);
  try_part(figures.error, [&] { figures.pauses = seams.controls().pauses(); });
  try_part(figures.error, [&] { figures.held_topics = seams.controls().held_topics(); });
  try_part(figures.error, [&] { figures.table = seams.diagnosis().figures(); });
  return figures;
}

BrokerFigures read_broker(BrokerSeams& seams) {
  BrokerFigures figures;
  figures.cluster = seams.admin().cluster(broker_patience);
  figures.is_up = true;
  const Site& site = seams.site();
  std::vector<std::string> group_ids;
  std::set<std::string> topics;
  for (const ConsumerSite& consumer : site.consumers) {
    group_ids.push_back(consumer.group_id);
    topics.insert(consumer.topics.begin(), consumer.topics.end());
    topics.insert(consumer.dead_letter_topics.begin(), consumer.dead_letter_topics.end());
  }
  if (group_ids.empty()) return figures;
  for (broker::GroupView& group : seams.admin().groups(group_ids, broker_patience))
    figures.groups[group.group_id] = std::move(group);
  for (const std::string& topic : topics) {
    try {
      figures.ranges[topic] = seams.reader().ranges(topic, broker_patience);
    } catch (const Error& error) {
      figures.errors[topic] = error.what();
      if (error.kind() != ErrorKind::not_found) continue;
      figures.missing.insert(topic);
      figures.errors[topic] =
          fmt::format("there is no topic '{0}': make it with `outboxd topics create {0}`", topic);
    }
  }
  return figures;
}

Json store_json(const Office::Told<StoreFigures>& told) {
  const StoreSite& site = *told.store;
  Json json = {{"name", site.name},
               {"database", text_json(site.database)},
               {"state", told.answer ? "up" : "down"},
               {"reached", told.answer || told.error_kind != ErrorKind::unreachable},
               {"error", text_or_null(told.answer ? told.answer->error : told.error)}};
  Json relays = Json::array();
  Json table = {{"name", site.table}, {"rows_estimate", nullptr}, {"bytes", nullptr}};
  std::string untaken;
  if (told.answer) {
    table["rows_estimate"] = count_or_null(told.answer->table.rows);
    table["bytes"] = count_or_null(told.answer->table.bytes);
    for (const RelayStatus& relay : told.answer->relays)
      relays.push_back(relay_json(relay, *told.answer));
    untaken = told.answer->types_without_relay;
  }
  json["table"] = std::move(table);
  json["relays"] = std::move(relays);
  json["types_without_relay"] = text_json(untaken);
  return json;
}

Json broker_json(const BrokerFigures& figures, bool is_configured) {
  Json brokers = Json::array();
  for (const std::string& broker : figures.cluster.brokers)
    brokers.push_back(text_json(broker));
  return {{"state", !is_configured ? Json() : Json(figures.is_up ? "up" : "down")},
          {"error", text_or_null(figures.error)},
          {"cluster_id", text_or_null(figures.cluster.cluster_id)},
          {"brokers", std::move(brokers)}};
}

Json pause_json(const std::string& store, const store::Pause& pause) {
  return {{"store", store},
          {"kind", word_of(pause.kind)},
          {"name", text_json(pause.name)},
          {"who", text_or_null(pause.who)},
          {"reason", text_or_null(pause.reason)},
          {"since_at", time_json(pause.since_us)}};
}

Json consumer_json(const ConsumerSite& consumer, const BrokerFigures& figures,
                   const SettledLetters& settled) {
  Json members = Json::array();
  std::string state;
  std::string error = figures.error;
  const auto group = figures.groups.find(consumer.group_id);
  if (group != figures.groups.end()) {
    state = group->second.state;
    if (group->second.failure) error = group->second.failure->reason;
    for (const broker::GroupMember& member : group->second.members) {
      Json partitions = Json::array();
      for (const broker::PartitionName& one : member.partitions)
        partitions.push_back({{"topic", one.topic}, {"partition", one.partition}});
      members.push_back({{"id", text_json(member.id)},
                         {"client_id", text_json(member.client_id)},
                         {"host", text_json(member.host)},
                         {"partitions", std::move(partitions)}});
    }
  }
  Json partitions = Json::array();
  Json lag = lag_json(consumer, figures, partitions, error);
  return {{"name", consumer.name},
          {"group_id", consumer.group_id},
          {"store", consumer.store},
          {"state", text_or_null(state)},
          {"paused", false},
          {"lag", std::move(lag)},
          {"dead_letters", dead_letters_json(consumer, figures, settled)},
          {"members", std::move(members)},
          {"partitions", std::move(partitions)},
          {"error", text_or_null(error)}};
}

}  // namespace outbox::admin
