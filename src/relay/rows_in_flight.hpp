// SPDX-License-Identifier: Apache-2.0
//
// Every row the relay has in hand, from being read to being settled or given up, in a slab: a tag
// finds its row without hashing, and a tag whose row is gone finds nothing. Memory is counted by
// whole batches, for one row keeps all of its batch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "relay/messages.hpp"

namespace outbox::relay {

enum class RowStage : std::uint8_t {
  none,          ///< The entry is free.
  waiting,       ///< In a lane, not handed over.
  sent,          ///< Handed to a handle; no delivery yet.
  acknowledged,  ///< To be settled as published.
  changing,      ///< To be settled as retried, dead or released.
};

struct FlightRow {
  RowStage stage = RowStage::none;
  bool isolated = false;
  std::uint32_t reuse = 0;  ///< Grows with each use of the entry, so that old tags find nothing.
  std::uint32_t index = 0;  ///< In the batch.
  std::uint32_t batch = 0;  ///< Number of the live batch.
  int topic = -1;           ///< Number in TopicStates; -1: none.
  int partition = 0;
  int slot = 0;
};

class RowsInFlight {
 public:
  /// Enters a batch of which rows may then be added; forgotten by close_batch() if none were.
  std::uint32_t open_batch(std::shared_ptr<const PreparedBatch> batch);
  void close_batch(std::uint32_t batch);

  /// `row.batch` and `row.index` say which; `reuse` is set here.
  RowTag add(const FlightRow& row);

  /// Null where the row is no longer in hand.
  [[nodiscard]] FlightRow* find(RowTag tag);

  void erase(RowTag tag);

  [[nodiscard]] const PreparedBatch& batch(const FlightRow& row) const {
    return *batches_[row.batch].batch;
  }
  /// The same, to be kept by who sends it on another thread.
  [[nodiscard]] const std::shared_ptr<const PreparedBatch>& shared_batch(
      const FlightRow& row) const {
    return batches_[row.batch].batch;
  }
  [[nodiscard]] const PreparedRow& prepared(const FlightRow& row) const {
    return batch(row).rows[row.index];
  }
  [[nodiscard]] const RowId& id(const FlightRow& row) const { return prepared(row).row->id; }

  [[nodiscard]] std::size_t count() const { return count_; }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  /// Of all rows in hand, with the lowest of them, which is asked for whenever these are.
  struct Ids {
    std::vector<RowId> all;
    std::optional<RowId> lowest;
  };
  [[nodiscard]] Ids ids() const;

  /// Calls visit(tag, row) for each row in hand; `visit` may erase the row it was called for.
  template <class Visit>
  void for_each(Visit visit) {
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      if (entries_[i].stage != RowStage::none) visit(tag_of(i), entries_[i]);
    }
  }

 private:
  struct LiveBatch {
    std::shared_ptr<const PreparedBatch> batch;
    std::size_t rows = 0;
  };

  [[nodiscard]] RowTag tag_of(std::size_t entry) const {
    return static_cast<RowTag>(entries_[entry].reuse) << 32U | entry;
  }
  void forget_batch(std::uint32_t batch);

  std::vector<FlightRow> entries_;
  std::vector<std::uint32_t> free_entries_;
  std::vector<LiveBatch> batches_;
  std::vector<std::uint32_t> free_batches_;
  std::size_t count_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace outbox::relay
