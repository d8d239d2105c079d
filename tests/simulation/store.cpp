// SPDX-License-Identifier: Apache-2.0
#include "simulation/store.hpp"

#include <algorithm>

#include "core/murmur2.hpp"

namespace outbox::simulation {

int Store::slot_of(std::string_view key) {
  return static_cast<int>((murmur2(key) >> 8U) % buckets) % slots;
}

bool Store::stands(const store::SlotLease& lease) const {
  const StoredSlot& slot = slots_[static_cast<std::size_t>(lease.slot)];
  return slot.epoch == lease.epoch && slot.token == lease.token;
}

store::Heartbeat Store::heartbeat(const std::string& member,
                                  std::span<const store::SlotLease> held) {
  const Moment now = world_.now();
  members_[member] = now + lease_ttl_;
  store::Heartbeat answer;
  for (const store::SlotLease& lease : held) {
    StoredSlot& slot = slots_[static_cast<std::size_t>(lease.slot)];
    if (!stands(lease) || slot.owner != member) continue;
    slot.expires = now + lease_ttl_;
    answer.renewed_slots.push_back(lease.slot);
  }
  std::erase_if(members_, [&](const auto& entry) { return entry.second < now; });
  answer.live_members = static_cast<int>(members_.size());
  answer.slots = slots;
  // A lock on the table of pauses, say.
  if (!world_.chance(world_.faults.pauses_unknown)) answer.pauses = pauses;
  for (const StoredSlot& slot : slots_) {
    if (slot.owner.empty() || slot.expires < now) ++answer.free_slots;
  }
  return answer;
}

std::vector<store::AcquiredSlot> Store::acquire(const std::string& member, int slots_max) {
  const Moment now = world_.now();
  std::vector<store::AcquiredSlot> acquired;
  for (int number = 0; number < slots; ++number) {
    StoredSlot& slot = slots_[static_cast<std::size_t>(number)];
    const bool free = slot.owner.empty() || slot.expires < now;
    if (!free || static_cast<int>(acquired.size()) == slots_max) continue;
    slot.owner = member;
    ++slot.epoch;
    slot.token = named_uuid(Uuid{}, std::to_string(++tokens_));
    slot.expires = now + lease_ttl_;
    store::AcquiredSlot answer{{number, slot.epoch, slot.token}, {}};
    for (const auto& [key, entry] : keys_) {
      if (entry.first.slot != number) continue;
      store::KeyState state = entry.first;
      state.blocked_for = std::chrono::duration_cast<std::chrono::milliseconds>(entry.second - now);
      answer.keys.push_back(state);
    }
    acquired.push_back(std::move(answer));
  }
  return acquired;
}

void Store::release(std::span<const store::SlotLease> held) {
  for (const store::SlotLease& lease : held) {
    if (stands(lease)) slots_[static_cast<std::size_t>(lease.slot)].owner.clear();
  }
}

void Store::leave(const std::string& member) {
  members_.erase(member);
  for (StoredSlot& slot : slots_) {
    if (slot.owner == member) slot.owner.clear();
  }
}

void Store::commit(std::int64_t id) {
  rows_.at(id).status = RowStatus::pending;
  // Only ids that no living transaction can have drawn may be skipped.
  for (auto& [member, covered] : covered_)
    covered = std::min(covered, id - 1);
}

RowBatch Store::read(const std::string& member, const store::ReadRequest& request) {
  struct Memory {
    std::vector<StoredRow> rows;
  };
  auto memory = std::make_shared<Memory>();
  RowBatch batch;
  const std::set<RowId> in_flight(request.in_flight.begin(), request.in_flight.end());
  const std::set<std::string> blocked(request.blocked_keys.begin(), request.blocked_keys.end());
  const std::set<std::string> only(request.only_keys.begin(), request.only_keys.end());
  std::set<int> readable;
  for (const store::SlotLease& lease : request.leases)
    readable.insert(lease.slot);
  const auto held = [&](const StoredRow& row) {
    return std::any_of(request.held_routes.begin(), request.held_routes.end(),
                       [&](const store::RouteColumns& route) { return route.topic == row.topic; });
  };
  std::int64_t& covered = covered_[member];
  std::int64_t first = request.rescan || !only.empty() ? 0 : covered + 1;
  if (request.lowest_unsettled) first = std::min(first, request.lowest_unsettled->number);
  std::int64_t last = std::max(last_id_, covered);
  for (auto& [id, row] : rows_) {
    if (id < first) continue;
    const bool open = row.status == RowStatus::pending || row.status == RowStatus::processing;
    if (!open || in_flight.contains(RowId{id, {}})) continue;
    if (claims && row.due > world_.now()) continue;
    if (!only.empty() && !only.contains(row.key)) continue;
    if (!readable.contains(slot_of(row.key)) || blocked.contains(row.key) || held(row)) continue;
    if (memory->rows.size() == request.rows_max) {
      batch.more = true;
      last = memory->rows.back().id;
      break;
    }
    if (claims) {
      row.status = RowStatus::processing;
      row.locked_by = member;
    }
    memory->rows.push_back(row);
  }
  if (only.empty()) covered = std::max(covered, last);
  for (const StoredRow& row : memory->rows) {
    OutboxRow out;
    out.id.number = row.id;
    out.key = row.key;
    out.aggregate_id = row.key;
    out.event_type = "EVENT";
    out.aggregate_type = "thing";
    out.topic = row.topic;
    out.payload = row.key;
    out.slot = slot_of(row.key);
    out.retry_count = row.retry_count;
    batch.bytes += 100;
    batch.rows.push_back(out);
  }
  batch.memory = memory;
  return batch;
}

bool Store::may_settle(const std::string& member, const StoredRow& row) const {
  if (!claims) return row.status == RowStatus::pending;
  return row.status == RowStatus::processing && row.locked_by == member;
}

void Store::settle_change(const std::string& member, const store::RowChange& change) {
  StoredRow& row = rows_.at(change.id.number);
  if (!may_settle(member, row)) return;
  row.status = RowStatus::pending;
  if (change.outcome == store::RowOutcome::retry) {
    ++row.retry_count;
    row.due = world_.now() + change.retry_after;
  } else if (change.outcome == store::RowOutcome::dead) {
    row.status = RowStatus::dead;
    const bool deserved = row.defect || row.refusable;
    if (!deserved) world_.broken("row " + std::to_string(row.id) + " dead-lettered without need");
    // Its own attempts, and not those of another row of its key.
    if (change.attempts_made > 0 && row.retry_count + change.attempts_made < max_attempts) {
      world_.broken("row " + std::to_string(row.id) + " dead-lettered after " +
                    std::to_string(row.retry_count + change.attempts_made) + " attempts");
    }
  }
}

store::SettleResult Store::settle(const std::string& member, const store::SettleRequest& request) {
  store::SettleResult result;
  std::set<int> standing;
  for (const store::SlotLease& lease : request.leases) {
    if (stands(lease)) {
      standing.insert(lease.slot);
    } else {
      result.lost_slots.push_back(lease.slot);
      if (!fenced) {
        world_.broken("slot " + std::to_string(lease.slot) + " settled under stale epoch " +
                      std::to_string(lease.epoch));
      }
    }
  }
  const auto allowed = [&](int slot) { return standing.contains(slot) || !fenced; };
  for (const store::PublishedRow& published : request.published) {
    StoredRow& row = rows_.at(published.id.number);
    if (!allowed(published.slot) || !may_settle(member, row)) continue;
    row.status = RowStatus::published;
    ++result.rows_settled;
    if (on_published) on_published(row);
  }
  for (const store::RowChange& change : request.changes) {
    if (allowed(change.slot)) settle_change(member, change);
  }
  for (const store::KeyChange& key : request.keys) {
    if (!allowed(key.slot)) continue;
    if (key.attempts == 0) {
      keys_.erase(key.key);
    } else {
      keys_[key.key] = {key, world_.now() + key.blocked_for};
    }
  }
  return result;
}

int Store::adopt(const std::string& topic, int expected, int count) {
  int& stored = partitions_[topic];
  if (stored == expected) stored = count;
  return stored;
}

std::optional<int> Store::agreed_partitions(const std::string& topic) const {
  const auto found = partitions_.find(topic);
  if (found == partitions_.end() || found->second == 0) return std::nullopt;
  return found->second;
}

}  // namespace outbox::simulation
