// SPDX-License-Identifier: Apache-2.0
//
// The seam through which the relay reads unsettled rows (habits of all seams: store/leases.hpp).
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/row.hpp"
#include "store/leases.hpp"

namespace outbox::store {

/// The columns that decide a row's topic. A held topic is left out by these, in the statement
/// itself, so that its rows starve nobody. `topic` is empty where the row has none.
struct RouteColumns {
  std::string topic;
  std::string aggregate_type;
  std::string event_type;

  friend auto operator<=>(const RouteColumns&, const RouteColumns&) = default;
};

struct ReadRequest {
  std::span<const SlotLease> leases;  ///< Rows of these slots only.
  std::span<const RowId> in_flight;   ///< Left out, under capture `row` from stale locks too.
  std::span<const std::string> blocked_keys;  ///< Wire keys left out.
  std::span<const std::string> only_keys;     ///< Not empty: rows of these wire keys only.
  std::span<const RouteColumns> held_routes;  ///< Left out.
  std::optional<RowId> lowest_unsettled;      ///< No unsettled row below is known to the caller.
  bool rescan = false;                        ///< Start from the first row whatever is known.
  std::size_t rows_max = 1000;
  std::size_t bytes_max = 16U << 20U;  ///< Soft by one row: a single larger row comes alone.
};

class Capture {
 public:
  virtual ~Capture() = default;

  /// Unsettled rows in the order of the table (`id`, or `created_at` and id), from the lowest
  /// unsettled one. A home may skip ids only where no living transaction can have drawn them. Under
  /// capture `row` the rows returned are claimed for this member: PROCESSING, locked_by, locked_at;
  /// rows locked by others are skipped, stale locks (relay.lock-timeout, or a dead member of ours)
  /// are taken over.
  virtual RowBatch read(const ReadRequest& request) = 0;
};

}  // namespace outbox::store
