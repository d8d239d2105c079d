// SPDX-License-Identifier: Apache-2.0
#include "relay/rows_in_flight.hpp"

#include <utility>

namespace outbox::relay {

std::uint32_t RowsInFlight::open_batch(std::shared_ptr<const PreparedBatch> batch) {
  bytes_ += batch->source.bytes;
  if (free_batches_.empty()) {
    batches_.push_back({std::move(batch), 0});
    return static_cast<std::uint32_t>(batches_.size() - 1);
  }
  const std::uint32_t number = free_batches_.back();
  free_batches_.pop_back();
  batches_[number] = {std::move(batch), 0};
  return number;
}

void RowsInFlight::close_batch(std::uint32_t batch) {
  if (batches_[batch].rows == 0) forget_batch(batch);
}

void RowsInFlight::forget_batch(std::uint32_t batch) {
  bytes_ -= batches_[batch].batch->source.bytes;
  batches_[batch].batch.reset();
  free_batches_.push_back(batch);
}

RowTag RowsInFlight::add(const FlightRow& row) {
  std::size_t entry = entries_.size();
  if (free_entries_.empty()) {
    entries_.emplace_back();
  } else {
    entry = free_entries_.back();
    free_entries_.pop_back();
  }
  const std::uint32_t reuse = entries_[entry].reuse + 1;
  entries_[entry] = row;
  entries_[entry].reuse = reuse;
  ++batches_[row.batch].rows;
  ++count_;
  return tag_of(entry);
}

FlightRow* RowsInFlight::find(RowTag tag) {
  const auto entry = static_cast<std::uint32_t>(tag);
  if (entry >= entries_.size()) return nullptr;
  FlightRow& row = entries_[entry];
  if (row.stage == RowStage::none || row.reuse != tag >> 32U) return nullptr;
  return &row;
}

void RowsInFlight::erase(RowTag tag) {
  FlightRow* row = find(tag);
  if (row == nullptr) return;
  row->stage = RowStage::none;
  free_entries_.push_back(static_cast<std::uint32_t>(tag));
  --count_;
  if (--batches_[row->batch].rows == 0) forget_batch(row->batch);
}

RowsInFlight::Ids RowsInFlight::ids() const {
  Ids ids;
  ids.all.reserve(count_);
  const RowId* lowest = nullptr;
  for (const FlightRow& row : entries_) {
    if (row.stage == RowStage::none) continue;
    const RowId& one = id(row);
    ids.all.push_back(one);
    if (lowest == nullptr || one < *lowest) lowest = &one;
  }
  if (lowest != nullptr) ids.lowest = *lowest;
  return ids;
}

}  // namespace outbox::relay
