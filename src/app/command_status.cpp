// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>

#include "app/commands.hpp"
#include "app/wire.hpp"

namespace outbox::app {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::int64_t count_max = 100'000;
constexpr double buckets = 256.0;

struct RelayStatus {
  std::string name;
  store::LeaseView leases;
  store::BacklogView backlog;
};

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

Json lease_json(const store::LeaseView& leases) {
  Json members = Json::array();
  for (const store::MemberView& member : leases.members) {
    Json slots = Json::array();
    for (const store::SlotView& slot : leases.slots) {
      if (slot.owner == member.name) slots.push_back(slot.slot);
    }
    const int held = buckets_of(member.name, leases);
    members.push_back({{"id", member.name},
                       {"host", member.host},
                       {"pid", member.process_id},
                       {"live", member.live},
                       {"heartbeat_age_ms", member.heartbeat_age.count()},
                       {"slots", std::move(slots)},
                       {"buckets", held},
                       {"buckets_percent", held * 100.0 / buckets}});
  }
  Json slots = Json::array();
  for (const store::SlotView& slot : leases.slots) {
    slots.push_back({{"slot", slot.slot},
                     {"owner", slot.owner.empty() ? Json() : Json(slot.owner)},
                     {"epoch", slot.epoch},
                     {"expires_in_ms", slot.expires_in.count()}});
  }
  return {{"members", std::move(members)}, {"slots", std::move(slots)}};
}

Json backlog_json(const store::BacklogView& backlog) {
  Json types = Json::object();
  for (const store::TypeCount& type : backlog.pending_by_type) {
    types[type.aggregate_type] = type.rows;
  }
  Json keys = Json::array();
  for (const store::KeyState& key : backlog.blocked_keys) {
    keys.push_back({{"key", key.key},
                    {"topic", key.topic},
                    {"attempts", key.attempts},
                    {"blocked_for_ms", key.blocked_for.count()},
                    {"row", to_string(key.head)},
                    {"reason", key.reason}});
  }
  const auto age = backlog.oldest_pending_age;
  return {{"pending", backlog.pending},
          {"exact", backlog.exact},
          {"retrying", backlog.retrying},
          {"dead", backlog.dead},
          {"oldest_pending_age_ms", age ? Json(age->count()) : Json()},
          {"pending_by_type", std::move(types)},
          {"blocked_keys", std::move(keys)}};
}

std::string age_text(const std::optional<std::chrono::milliseconds>& age) {
  if (!age) return "-";
  return fmt::format("{:.1f} s", static_cast<double>(age->count()) / 1000.0);
}

void print_text(const RelayStatus& status) {
  const store::BacklogView& backlog = status.backlog;
  const char* more = backlog.exact ? "" : " or more";
  fmt::print("relay {}\n", status.name);
  fmt::print("  pending   {}{}, oldest {}\n", backlog.pending, more,
             backlog.pending > 0 ? age_text(backlog.oldest_pending_age) : "-");
  fmt::print("  retrying  {}\n  dead      {}\n", backlog.retrying, backlog.dead);
  for (const store::TypeCount& type : backlog.pending_by_type) {
    fmt::print("    {:<24} {}\n", type.aggregate_type, type.rows);
  }
  if (status.leases.members.empty()) fmt::print("  no relay has joined: start `outboxd relay`\n");
  for (const store::MemberView& member : status.leases.members) {
    fmt::print("  {}  {}:{}  {:>3} of 256 buckets  heartbeat {} ago{}\n", member.name, member.host,
               member.process_id, buckets_of(member.name, status.leases),
               age_text(member.heartbeat_age), member.live ? "" : "  gone");
  }
  for (const store::KeyState& key : backlog.blocked_keys) {
    fmt::print("  key '{}' waits behind row {}, attempt {}: {}\n", key.key, to_string(key.head),
               key.attempts, key.reason);
  }
}

}  // namespace

int command_status(const Arguments& arguments) {
  const config::Settings settings = config::load(sources_of(arguments));
  std::vector<std::string> names = settings.relay_names();
  if (names.empty()) names = {"default"};
  std::vector<RelayStatus> relays;
  for (const std::string& name : names) {
    const store::Home store = make_store(settings, name, "status");
    relays.push_back({name, store.leases()->view(), store.backlog()->view(count_max)});
  }
  const std::string untaken = types_without_relay(settings, *make_whole_store(settings).backlog());
  if (settings.process().output == config::OutputFormat::json) {
    Json list = Json::array();
    for (const RelayStatus& relay : relays) {
      Json one = {{"name", relay.name}};
      one.update(lease_json(relay.leases));
      one["backlog"] = backlog_json(relay.backlog);
      list.push_back(std::move(one));
    }
    Json all = {{"relays", std::move(list)}};
    all["types_without_relay"] = untaken;
    fmt::print("{}\n", all.dump());
    return 0;
  }
  for (const RelayStatus& relay : relays)
    print_text(relay);
  if (!untaken.empty()) fmt::print("no relay takes these events, they wait: {}\n", untaken);
  return 0;
}

}  // namespace outbox::app
