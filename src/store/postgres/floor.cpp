// SPDX-License-Identifier: Apache-2.0
#include "store/postgres/floor.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

namespace outbox::store::postgres {
namespace {

using namespace std::chrono_literals;

constexpr auto look_interval = 250ms;
constexpr auto idle_look_interval = 5s;
// Fewer settled rows than this leave too few dead entries behind to be worth a look.
constexpr std::int64_t rows_worth_a_look = 2000;

// Every transaction holds the lock on its own virtual id from its first moment until after its
// commit is visible. Those of other databases cannot have drawn our ids.
constexpr std::string_view living_sql =
    "SELECT l.virtualxid FROM pg_catalog.pg_locks l "
    "LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid "
    "WHERE l.locktype = 'virtualxid' AND l.pid <> pg_catalog.pg_backend_pid() "
    "AND (a.datid IS NULL OR a.datid = (SELECT d.oid FROM pg_catalog.pg_database d "
    "WHERE d.datname = pg_catalog.current_database()))";

// A prepared transaction has given up its virtual id and may still commit.
constexpr std::string_view prepared_sql =
    "SELECT count(*) FROM pg_catalog.pg_prepared_xacts "
    "WHERE database = pg_catalog.current_database()";

constexpr std::string_view doing = "looking for transactions under way";

template <class Value, class Values>
std::optional<std::int64_t> keep_up(std::map<Value, std::int64_t>& known, const Values& now,
                                    std::int64_t floor) {
  std::optional<std::int64_t> lowest;
  if (known.empty() && now.empty()) return lowest;
  const std::set<Value> wanted(now.begin(), now.end());
  for (auto entry = known.begin(); entry != known.end();) {
    if (wanted.contains(entry->first)) {
      ++entry;
      continue;
    }
    lowest = std::min(lowest.value_or(entry->second), entry->second);
    entry = known.erase(entry);
  }
  for (const Value& value : wanted)
    known.try_emplace(value, floor);
  return lowest;
}

}  // namespace

SafeFloor::SafeFloor(const Table& table) : usable_(table.sequence().has_value()) {
  if (usable_) {
    highest_sql_ = fmt::format("SELECT coalesce(pg_catalog.pg_sequence_last_value({}), 0)::int8",
                               *table.sequence());
  }
}

void SafeFloor::forget() {
  fall_to(0);
  candidate_.reset();
  decided_ = 0;
  leases_.clear();
}

void SafeFloor::fall_to(std::int64_t floor) {
  floor_ = std::min(floor_, floor);
  covered_ = std::min(covered_, std::max<std::int64_t>(floor - 1, 0));
  // What is still left out may be among the rows that are to be looked at again.
  for (auto& [key, remembered] : excluded_keys_)
    remembered = std::min(remembered, floor);
  for (auto& [route, remembered] : excluded_routes_)
    remembered = std::min(remembered, floor);
}

std::optional<std::int64_t> SafeFloor::before_read(Connection& connection,
                                                   const ReadRequest& request) {
  if (!usable_) return std::nullopt;
  covers_ = request.only_keys.empty();
  // A read of some keys shows nothing of the others, so that it changes nothing of what is known;
  // how far down its keys reach is not known either.
  if (!covers_) return std::nullopt;
  // In this order: what was left out so far is remembered with the floor of the last read.
  follow_exclusions(request);
  follow_leases(request);
  if (request.rescan) fall_to(0);
  look_around(connection);
  std::int64_t may_start = covered_ + 1;
  if (request.lowest_unsettled) may_start = std::min(may_start, request.lowest_unsettled->number);
  floor_ = may_start;
  if (floor_ <= 1) return std::nullopt;
  return floor_;
}

void SafeFloor::after_read(const RowBatch& batch, bool ordered_by_id) {
  if (!usable_ || !covers_) return;
  rows_since_look_ += static_cast<std::int64_t>(batch.rows.size());
  if (!batch.more) {
    covered_ = std::max(covered_, decided_);
  } else if (ordered_by_id && !batch.rows.empty()) {
    covered_ = std::max(covered_, std::min(decided_, batch.rows.back().id.number));
  }
}

// A slot that is new to us brings rows that were never shown.
void SafeFloor::follow_leases(const ReadRequest& request) {
  const bool grown =
      std::any_of(request.leases.begin(), request.leases.end(), [this](const SlotLease& lease) {
        return std::find(leases_.begin(), leases_.end(), lease) == leases_.end();
      });
  if (grown) fall_to(0);
  if (grown || leases_.size() != request.leases.size()) {
    leases_.assign(request.leases.begin(), request.leases.end());
  }
}

void SafeFloor::follow_exclusions(const ReadRequest& request) {
  const auto key_floor = keep_up(excluded_keys_, request.blocked_keys, floor_);
  const auto route_floor = keep_up(excluded_routes_, request.held_routes, floor_);
  if (key_floor) fall_to(*key_floor);
  if (route_floor) fall_to(*route_floor);
}

void SafeFloor::look_around(Connection& connection) {
  const Moment now = BootClock::now();
  const bool busy = rows_since_look_ >= rows_worth_a_look && now >= next_look_;
  const bool waiting = candidate_ && now >= next_look_;
  if (!busy && !waiting && now < next_look_when_idle_) return;
  next_look_ = now + look_interval;
  next_look_when_idle_ = now + idle_look_interval;
  if (candidate_ && candidate_is_over(connection)) {
    decided_ = std::max(decided_, candidate_->highest_id);
    candidate_.reset();
  }
  if (!candidate_) note_candidate(connection);
}

void SafeFloor::note_candidate(Connection& connection) {
  rows_since_look_ = 0;
  Candidate candidate;
  // Two statements, so that the order of the two looks is certain.
  candidate.highest_id =
      connection.run(doing, highest_sql_, Parameters(), Effect::reads).number(0, 0);
  if (candidate.highest_id < last_highest_) forget();  // The sequence went back.
  last_highest_ = candidate.highest_id;
  if (candidate.highest_id <= decided_) return;
  const Result living = connection.run(doing, living_sql, Parameters(), Effect::reads);
  for (int row = 0; row < living.rows(); ++row)
    candidate.living.push_back(living.text(row, 0));
  candidate_ = std::move(candidate);
}

bool SafeFloor::candidate_is_over(Connection& connection) const {
  const Result living = connection.run(doing, living_sql, Parameters(), Effect::reads);
  for (int row = 0; row < living.rows(); ++row) {
    const std::string id = living.text(row, 0);
    const auto& candidates = candidate_->living;
    if (std::find(candidates.begin(), candidates.end(), id) != candidates.end()) return false;
  }
  // Asked second: a transaction leaves pg_locks only after it shows here.
  return connection.run(doing, prepared_sql, Parameters(), Effect::reads).number(0, 0) == 0;
}

}  // namespace outbox::store::postgres
