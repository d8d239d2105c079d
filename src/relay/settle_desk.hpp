// SPDX-License-Identifier: Apache-2.0
//
// What is to be written down: acknowledged rows and changed ones, gathered into batches while
// earlier ones are under way. A settle that failed is given again unchanged: settling twice does no
// harm.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "relay/messages.hpp"
#include "relay/rows_in_flight.hpp"
#include "relay/slot_states.hpp"

namespace outbox::relay {

/// A row that is settled otherwise than as published.
struct PendingChange {
  RowTag tag = 0;
  store::RowOutcome outcome = store::RowOutcome::retry;
  std::string reason;
  std::chrono::milliseconds retry_after{};
  int attempts_made = 0;
};

/// The rows of one settle, to be finished when it is answered.
struct SettleUnderWay {
  Settle command;
  std::vector<RowTag> published;
  std::vector<PendingChange> changes;
  bool failed = false;  ///< To be given again at `retry_at`.
  int refusals = 0;     ///< Failures that were not the store's being away.
  Moment retry_at;
};

class SettleDesk {
 public:
  void published(RowTag tag) { published_.push_back(tag); }
  void change(PendingChange change) { changes_.push_back(std::move(change)); }
  void key(store::KeyChange change) { keys_.push_back(std::move(change)); }

  [[nodiscard]] bool idle() const { return empty() && under_way_.empty(); }
  [[nodiscard]] bool empty() const {
    return published_.empty() && changes_.empty() && keys_.empty();
  }
  [[nodiscard]] std::size_t waiting() const { return published_.size() + changes_.size(); }
  /// One settle is under way at a time; a full one of published rows alone may queue behind another
  /// such, so that the store has its next work at once.
  [[nodiscard]] bool may_give_next(std::size_t rows_max) const;
  /// Rows are being released: a claim made now would pass them over.
  [[nodiscard]] bool releasing() const;

  /// The next settle of at most `rows_max` published rows; rows of slots that are not ours (any
  /// more) are left out and listed in `lost`. Null where nothing is left of it.
  const Settle* next(RowsInFlight& rows, SlotStates& slots, std::size_t rows_max,
                     std::vector<RowTag>& lost);

  /// Takes the answered settle out; empty tags where the number is not known.
  SettleUnderWay done(std::uint64_t settle_id);
  /// To be given again after a while; `passing`: the store was away. A settle that is refused again
  /// and again is taken apart, so that one bad row keeps no other from being settled.
  void failed(std::uint64_t settle_id, Moment now, bool passing);

  /// Settles that failed and are due again.
  [[nodiscard]] std::vector<const Settle*> due(Moment now);

 private:
  [[nodiscard]] bool only_published() const { return changes_.empty() && keys_.empty(); }
  void take_apart(std::uint64_t settle_id);
  void add_part(SettleUnderWay part);

  std::vector<RowTag> published_;
  std::vector<PendingChange> changes_;
  std::vector<store::KeyChange> keys_;
  std::map<std::uint64_t, SettleUnderWay> under_way_;
  std::uint64_t last_id_ = 0;
};

}  // namespace outbox::relay
