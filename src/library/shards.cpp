// SPDX-License-Identifier: Apache-2.0
#include <outbox/shards.hpp>

#include <algorithm>
#include <charconv>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "config/named_settings.hpp"

namespace outbox {
namespace {

constexpr std::string_view global_name = "global";

/// FNV-1a, then the finish of MurmurHash3: neighbours in the text are strangers in the hash. Both
/// are in the public domain (Fowler, Noll, Vo 1991; Appleby 2011), and they stay as they are: the
/// places of all aggregates hang on them.
std::uint64_t weight_of(std::string_view shard, std::string_view aggregate_id) {
  std::uint64_t hash = 14'695'981'039'346'656'037ULL;
  const auto add = [&](std::string_view text) {
    for (const char letter : text)
      hash = (hash ^ static_cast<unsigned char>(letter)) * 1'099'511'628'211ULL;
  };
  add(shard);
  add(std::string_view("\0", 1));
  add(aggregate_id);
  hash = (hash ^ (hash >> 33U)) * 0xff51afd7ed558ccdULL;
  hash = (hash ^ (hash >> 33U)) * 0xc4ceb9fe1a85ec53ULL;
  return hash ^ (hash >> 33U);
}

Error wrong(const std::string& what, std::string hint = {}) {
  return {ErrorKind::configuration, what, std::move(hint)};
}

std::int64_t number_of(const std::string& aggregate_id) {
  std::int64_t number = 0;
  const char* const end = aggregate_id.data() + aggregate_id.size();
  const auto [stop, fault] = std::from_chars(aggregate_id.data(), end, number);
  if (fault == std::errc() && stop == end) return number;
  throw Error(ErrorKind::usage,
              fmt::format("the aggregate_id '{}' is no whole number, and shards are chosen by "
                          "ranges of numbers",
                          aggregate_id),
              "use route_by_hash or a router of your own");
}

PendingEvent pending_of(const std::string& shard, const Row& row) {
  PendingEvent event;
  event.shard = shard;
  event.row_id = row.integer(0);
  event.event_id = parse_uuid(row.text(1)).value_or(Uuid{});
  event.aggregate_type = row.text(2);
  event.aggregate_id = row.text(3);
  event.event_type = row.text(4);
  if (!row.is_null(5)) event.payload = row.text(5);
  event.status = row.text(6);
  event.retry_count = static_cast<int>(row.integer(7));
  return event;
}

/// The database's now, as its outbox table writes it.
std::string_view now_sql(Dialect dialect) {
  if (dialect == Dialect::postgres) return "clock_timestamp()";
  return dialect == Dialect::mariadb ? "utc_timestamp(6)" : "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')";
}

std::string changes_for(EventStatus status, Dialect dialect) {
  constexpr std::string_view unlocked = "locked_by = NULL, locked_at = NULL";
  switch (status) {
    case EventStatus::published:
      return fmt::format("status = 'PUBLISHED', published_at = {}, error_message = $2, {}",
                         now_sql(dialect), unlocked);
    case EventStatus::dead:
      return fmt::format("status = 'DEAD', published_at = NULL, error_message = $2, {}", unlocked);
    case EventStatus::pending:
      break;
  }
  return fmt::format(
      "status = 'PENDING', published_at = NULL, retry_count = 0, next_attempt_at = NULL, "
      "error_message = $2, {}",
      unlocked);
}

}  // namespace

ShardRouter route_by_hash(std::vector<std::string> shards) {
  if (shards.empty()) throw wrong("route_by_hash: there is no shard to choose from");
  // Equal weights are as good as impossible; sorted, they have one outcome all the same.
  std::sort(shards.begin(), shards.end());
  return [shards = std::move(shards)](const Event& event) {
    return *std::max_element(
        shards.begin(), shards.end(), [&](const auto& left, const auto& right) {
          return weight_of(left, event.aggregate_id) < weight_of(right, event.aggregate_id);
        });
  };
}

ShardRouter route_by_range(std::vector<ShardRange> ranges) {
  if (ranges.empty()) throw wrong("route_by_range: there is no range");
  const auto before = [](const ShardRange& left, const ShardRange& right) {
    return left.first < right.first;
  };
  std::sort(ranges.begin(), ranges.end(), before);
  const auto twice = std::adjacent_find(
      ranges.begin(), ranges.end(),
      [](const ShardRange& left, const ShardRange& right) { return left.first == right.first; });
  if (twice != ranges.end()) {
    throw wrong(fmt::format("route_by_range: two ranges begin at {}", twice->first),
                "give each a first of its own");
  }
  return [ranges = std::move(ranges), before](const Event& event) {
    const std::int64_t number = number_of(event.aggregate_id);
    const auto next =
        std::upper_bound(ranges.begin(), ranges.end(), ShardRange{number, {}}, before);
    if (next != ranges.begin()) return std::prev(next)->shard;
    throw Error(ErrorKind::usage,
                fmt::format("the aggregate_id {} lies below the first range, which begins at {}",
                            number, ranges.front().first),
                "add a range for it");
  };
}

struct Shards::Place {
  Place(std::string shard_name, const DatabaseOptions& options)
      : name(std::move(shard_name)), table(options.publish.table), database(options) {}

  std::vector<PendingEvent> pending(std::size_t limit) {
    // The view that `migrate` made: its condition is the one that the index is made for.
    const std::string sql = fmt::format(
        "SELECT id, event_id, aggregate_type, aggregate_id, event_type, payload, status, "
        "retry_count FROM {}_pending ORDER BY id LIMIT {}",
        table, limit);
    const Rows rows =
        database.transaction([&](Transaction& transaction) { return transaction.execute(sql); });
    std::vector<PendingEvent> events;
    for (const Row& row : rows)
      events.push_back(pending_of(name, row));
    return events;
  }

  const std::string name;
  const std::string table;
  Database database;
};

Shards::Shards(ShardsOptions options) : router_(std::move(options.router)) {
  for (const Shard& shard : options.shards) {
    if (!config::is_plain_name(shard.name) || shard.name == global_name) {
      throw wrong(fmt::format("'{}' is no name for a shard", shard.name),
                  "use 1 to 40 of a-z, 0-9 and '-'; `global` is ShardsOptions::global");
    }
    const bool twice =
        std::count_if(options.shards.begin(), options.shards.end(),
                      [&](const Shard& other) { return other.name == shard.name; }) > 1;
    if (twice) throw wrong(fmt::format("two shards have the name '{}'", shard.name));
    if (!shard.active) continue;
    places_.emplace(shard.name, std::make_unique<Place>(shard.name, shard.database));
  }
  // Over all that are known: an aggregate stays where it is while its shard is not active.
  std::vector<std::string> known;
  for (const Shard& shard : options.shards)
    known.push_back(shard.name);
  if (!router_ && !known.empty()) router_ = route_by_hash(std::move(known));
  if (options.global) {
    const std::string name(global_name);
    places_.emplace(name, std::make_unique<Place>(name, *options.global));
  }
  if (places_.empty()) throw wrong("there is no active shard, and no global database");
  if (!router_) router_ = [](const Event&) { return std::string(global_name); };
}

Shards::~Shards() = default;

const Shards::Place& Shards::place(std::string_view shard) const {
  const auto found = places_.find(shard);
  if (found != places_.end()) return *found->second;
  std::vector<std::string> known;
  for (const auto& [name, place] : places_)
    known.push_back(name);
  throw Error(ErrorKind::usage, fmt::format("there is no active shard '{}'", shard),
              fmt::format("they are: {}", fmt::join(known, ", ")));
}

Database& Shards::at(std::string_view shard) {
  return places_.find(place(shard).name)->second->database;
}

Database& Shards::of(const Event& event) {
  return at(router_(event));
}

std::vector<std::string> Shards::names() const {
  std::vector<std::string> names;
  for (const auto& [name, place] : places_) {
    if (name != global_name) names.push_back(name);
  }
  return names;
}

Uuid Shards::save(const Event& event) {
  return of(event).transaction(
      [&](Transaction& transaction) { return transaction.publish(event); });
}

Uuid Shards::save_to(std::string_view shard, const Event& event) {
  return at(shard).transaction(
      [&](Transaction& transaction) { return transaction.publish(event); });
}

std::vector<PendingEvent> Shards::pending(std::string_view shard, std::size_t limit) {
  return places_.find(place(shard).name)->second->pending(limit);
}

PendingEvents Shards::pending_everywhere(std::size_t limit) {
  PendingEvents all;
  for (const auto& [name, place] : places_) {
    try {
      for (PendingEvent& event : place->pending(limit))
        all.events.push_back(std::move(event));
    } catch (const Error& error) {
      all.failures.push_back({name, error});
    }
  }
  return all;
}

bool Shards::set_status(std::string_view shard, std::int64_t row_id, EventStatus status,
                        std::string_view reason) {
  const std::string& table = place(shard).table;
  return at(shard).transaction([&](Transaction& transaction) {
    const std::optional<std::string> kept =
        reason.empty() ? std::nullopt : std::optional(std::string(reason));
    const Dialect dialect = transaction.dialect();
    const bool found = !transaction
                            .execute(fmt::format("SELECT id FROM {} WHERE id = $1{}", table,
                                                 dialect == Dialect::sqlite ? "" : " FOR UPDATE"),
                                     row_id)
                            .empty();
    if (!found) return false;
    transaction.execute(
        fmt::format("UPDATE {} SET {} WHERE id = $1", table, changes_for(status, dialect)), row_id,
        kept);
    return true;
  });
}

}  // namespace outbox
