// SPDX-License-Identifier: Apache-2.0
//
// How far a read may skip. Dead entries of settled rows stand at the front of the index until
// vacuum comes; starting behind them keeps a read cheap, but an id that was drawn early may commit
// late, so skipping by "the last id seen" loses rows.
//
// What is safe: note H, the highest id drawn, and then who lives. Once none of those transactions
// lives any more, every id up to H has committed or never will. A read that starts after that, from
// the present floor, shows the caller each unsettled row up to H (or up to its own last row). Only
// then may the floor rise, and never above a row that the caller still has.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/clock.hpp"
#include "store/capture.hpp"
#include "store/postgres/connection.hpp"
#include "store/postgres/table.hpp"

namespace outbox::store::postgres {

class SafeFloor {
 public:
  /// `usable` is false where ids do not come one by one from a sequence: then the floor stays down.
  explicit SafeFloor(const Table& table);

  /// The lowest id that this read has to look at. Looks around in the database now and then.
  std::optional<std::int64_t> before_read(Connection& connection, const ReadRequest& request);
  /// Tells what the read showed.
  void after_read(const RowBatch& batch, bool ordered_by_id);

  /// As if nothing were known; for a new session and after an error.
  void forget();

 private:
  void follow_leases(const ReadRequest& request);
  void follow_exclusions(const ReadRequest& request);
  void look_around(Connection& connection);
  void note_candidate(Connection& connection);
  [[nodiscard]] bool candidate_is_over(Connection& connection) const;
  void fall_to(std::int64_t floor);

  struct Candidate {
    std::int64_t highest_id = 0;
    std::vector<std::string> living;  // Virtual transaction ids.
  };

  bool usable_;
  bool covers_ = true;  // The read under way shows every row, not those of some keys.
  std::string highest_sql_;
  std::int64_t floor_ = 0;    // Rows below are settled, or known to the caller as excluded.
  std::int64_t covered_ = 0;  // The caller was shown every unsettled row up to here.
  std::int64_t decided_ = 0;  // No id up to here can still appear.
  std::int64_t last_highest_ = 0;
  std::optional<Candidate> candidate_;
  std::int64_t rows_since_look_ = 0;
  Moment next_look_{};
  Moment next_look_when_idle_{};
  std::vector<SlotLease> leases_;
  // What the caller leaves out, with the floor at the time: rows left out are not known to it.
  std::map<std::string, std::int64_t> excluded_keys_;
  std::map<RouteColumns, std::int64_t> excluded_routes_;
};

}  // namespace outbox::store::postgres
