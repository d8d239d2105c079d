// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <nlohmann/json.hpp>
#include <thread>
#include <utility>

#include "app/commands.hpp"
#include "app/shards.hpp"
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

/// What one database says, or why it says nothing.
struct StoreStatus {
  std::string name;
  std::string shown;
  std::vector<RelayStatus> relays;
  std::string untaken;
  std::exception_ptr failure;
};

StoreStatus read_status(const config::Settings& settings) {
  const config::StoreSettings& store = settings.stores().front();
  StoreStatus status{store.name, store.database.shown, {}, {}, {}};
  std::vector<std::string> names = settings.relay_names();
  if (names.empty()) names = {"default"};
  try {
    for (const std::string& name : names) {
      const store::Home home = make_store(settings, name, "status");
      status.relays.push_back({name, home.leases()->view(), home.backlog()->view(count_max)});
    }
    status.untaken = types_without_relay(settings, *make_whole_store(settings).backlog());
  } catch (...) {  // Thread entry: told by the thread that asked.
    status.failure = std::current_exception();
  }
  return status;
}

/// All at once, so that one that does not answer holds up no other.
std::vector<StoreStatus> read_all(const std::vector<config::Settings>& stores) {
  std::vector<StoreStatus> all(stores.size());
  std::vector<std::jthread> threads;
  for (std::size_t i = 0; i < stores.size(); ++i)
    threads.emplace_back([&all, &stores, i] { all[i] = read_status(stores[i]); });
  threads.clear();
  return all;
}

Json store_json(const StoreStatus& status) {
  Json list = Json::array();
  for (const RelayStatus& relay : status.relays) {
    Json one = {{"name", relay.name}};
    one.update(lease_json(relay.leases));
    one["backlog"] = backlog_json(relay.backlog);
    list.push_back(std::move(one));
  }
  return {{"relays", std::move(list)}, {"types_without_relay", status.untaken}};
}

void print_store(const StoreStatus& status) {
  for (const RelayStatus& relay : status.relays)
    print_text(relay);
  if (!status.untaken.empty()) {
    fmt::print("no relay takes these events, they wait: {}\n", status.untaken);
  }
}

/// The words of the failure, and the exit code that goes with it.
std::pair<std::string, int> failure_of(const StoreStatus& status) {
  try {
    std::rethrow_exception(status.failure);
  } catch (const Error& error) {
    return {error.what(), exit_code(error.kind())};
  } catch (const std::exception& error) {
    return {error.what(), exit_code(ErrorKind::failed)};
  }
}

int print_shards(const std::vector<StoreStatus>& stores, bool json) {
  Json list = Json::array();
  int code = 0;
  for (const StoreStatus& status : stores) {
    Json one = {{"name", status.name}, {"database", status.shown}};
    const bool down = status.failure != nullptr;
    const auto [words, failed_with] = down ? failure_of(status) : std::pair(std::string(), 0);
    if (code == 0) code = failed_with;
    one["state"] = down ? "down" : "up";
    if (down) one["error"] = words;
    if (!down) one.update(store_json(status));
    list.push_back(std::move(one));
    if (json) continue;
    fmt::print("shard {}  {}  {}\n", status.name, down ? "DOWN" : "up", status.shown);
    if (down) fmt::print("  {}\n", words);
    if (!down) print_store(status);
  }
  if (json) fmt::print("{}\n", Json{{"shards", std::move(list)}}.dump());
  return code;
}

}  // namespace

int command_status(const Arguments& arguments) {
  const config::Settings settings = config::load(sources_of(arguments));
  const bool json = settings.process().output == config::OutputFormat::json;
  const std::vector<StoreStatus> stores = read_all(chosen_stores(arguments, settings));
  if (settings.has_shards()) return print_shards(stores, json);
  const StoreStatus& only = stores.front();
  if (only.failure) std::rethrow_exception(only.failure);
  if (json) {
    fmt::print("{}\n", store_json(only).dump());
  } else {
    print_store(only);
  }
  return 0;
}

}  // namespace outbox::app
