// SPDX-License-Identifier: Apache-2.0
//
// A store in memory, with the database's clock, late commits and fenced settling.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "simulation/world.hpp"
#include "store/capture.hpp"
#include "store/leases.hpp"
#include "store/settlement.hpp"

namespace outbox::simulation {

enum class RowStatus : std::uint8_t { uncommitted, pending, processing, published, dead };

struct StoredRow {
  std::int64_t id = 0;
  std::string key;
  std::string topic;
  RowStatus status = RowStatus::uncommitted;
  std::string locked_by;  ///< Under capture `row`, while processing.
  int retry_count = 0;
  int refusals_left = 0;   ///< The broker refuses it so often; very large: for ever.
  bool refusable = false;  ///< refusals_left was above zero once.
  bool defect = false;
  Moment due;  ///< Under capture `row`: not claimed before, by the database's clock.
};

struct StoredSlot {
  std::string owner;
  std::int64_t epoch = 0;
  Uuid token;
  Moment expires;
};

class Store {
 public:
  static constexpr int slots = 8;
  static constexpr int buckets = 256;
  static constexpr int max_attempts = 4;

  Store(World& world, Duration lease_ttl) : world_(world), lease_ttl_(lease_ttl), slots_(slots) {}

  // The writer's side.
  std::int64_t draw_id() { return ++last_id_; }
  void insert(StoredRow row) { rows_.emplace(row.id, std::move(row)); }
  void commit(std::int64_t id);

  // The seams' side, by member name.
  store::Heartbeat heartbeat(const std::string& member, std::span<const store::SlotLease> held);
  std::vector<store::AcquiredSlot> acquire(const std::string& member, int slots_max);
  void release(std::span<const store::SlotLease> held);
  void leave(const std::string& member);
  RowBatch read(const std::string& member, const store::ReadRequest& request);
  store::SettleResult settle(const std::string& member, const store::SettleRequest& request);
  int adopt(const std::string& topic, int expected, int count);
  std::optional<int> agreed_partitions(const std::string& topic) const;

  [[nodiscard]] std::map<std::int64_t, StoredRow>& rows() { return rows_; }
  [[nodiscard]] std::vector<StoredSlot>& slot_table() { return slots_; }
  static int slot_of(std::string_view key);

  std::vector<store::Pause> pauses;  ///< That operators have made.
  bool claims = false;               ///< Capture `row`.
  bool fenced = true;                ///< A test takes the fence out to show that it is noticed.
  /// Called for each row that is settled as published.
  std::function<void(const StoredRow&)> on_published;

 private:
  [[nodiscard]] bool stands(const store::SlotLease& lease) const;
  void settle_change(const std::string& member, const store::RowChange& change);
  /// Unsettled, and under capture `row` locked by the member.
  [[nodiscard]] bool may_settle(const std::string& member, const StoredRow& row) const;

  World& world_;
  const Duration lease_ttl_;
  std::int64_t last_id_ = 0;
  std::uint64_t tokens_ = 0;
  std::map<std::int64_t, StoredRow> rows_;
  std::vector<StoredSlot> slots_;
  std::map<std::string, Moment> members_;
  std::map<std::string, std::pair<store::KeyState, Moment>> keys_;
  std::map<std::string, int> partitions_;
  /// How far each member has read: as a home may, the store begins there, unless told otherwise.
  std::map<std::string, std::int64_t> covered_;
};

}  // namespace outbox::simulation
