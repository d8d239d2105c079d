// SPDX-License-Identifier: Apache-2.0
//
// A store in memory and its rows, behind the seams that the services use. Thread-safe, so that two
// operators can be at it at once.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <outbox/error.hpp>

#include "store/home.hpp"

namespace outbox::testing {

/// What stands in the store; kept as long as anybody uses it.
struct FakeStore {
  std::mutex mutex;
  std::map<std::int64_t, store::EventView> rows;
  std::vector<store::Pause> pauses;
  std::vector<store::AuditEntry> audit;
  std::map<std::pair<int, std::int64_t>, store::LetterMark> marks;
  std::vector<std::int64_t> replayed;  ///< Row ids, in the order in which they were.
  std::vector<std::int64_t> discarded;
  std::map<Uuid, std::vector<store::InboxEntry>> inboxes;
  bool is_down = false;
  bool log_is_gone = false;    ///< Its audit log takes nothing.
  bool loses_answers = false;  ///< The next replay is done, and nobody hears of it.
  int pages = 0;               ///< Of dead rows that were read.
  std::mutex gate;             ///< Who holds it holds up every question.

  store::EventView& add(std::int64_t id, store::EventState state) {
    store::EventView& row = rows[id];
    row.row = {id, {}};
    row.event_id = named_uuid({}, std::to_string(id));
    row.aggregate_type = "order";
    row.aggregate_id = "a" + std::to_string(id);
    row.key = "k" + std::to_string(id % 10);
    row.event_type = "placed";
    row.payload = "{\"n\": 1.10}";
    row.payload_bytes = static_cast<std::int64_t>(row.payload->size());
    row.state = state;
    row.status = "DEAD";
    row.created_at_us = 1'700'000'000'000'000 + id;
    return row;
  }

  std::unique_lock<std::mutex> enter() {
    { const std::lock_guard wait(gate); }
    std::unique_lock lock(mutex);
    if (is_down) throw Error(ErrorKind::unreachable, "the database is away");
    return lock;
  }
};

using FakeStorePointer = std::shared_ptr<FakeStore>;

inline store::EventView cut(store::EventView row, std::size_t payload_bytes_max) {
  if (payload_bytes_max == 0) row.payload.reset();
  if (row.payload && row.payload->size() > payload_bytes_max)
    row.payload->resize(payload_bytes_max);
  return row;
}

class FakeLookup : public store::EventLookup {
 public:
  explicit FakeLookup(FakeStorePointer store) : store_(std::move(store)) {}

  store::EventPage find(const store::EventQuery& query) override {
    const auto lock = store_->enter();
    store::EventPage page;
    for (auto row = store_->rows.rbegin(); row != store_->rows.rend(); ++row) {
      const store::EventView& event = row->second;
      if (query.before && event.row.number >= query.before->number) continue;
      if (!fits(query, event)) continue;
      if (page.events.size() == query.rows_max) {
        page.next = page.events.back().row;
        break;
      }
      page.events.push_back(cut(event, query.payload_bytes_max));
    }
    return page;
  }

  std::vector<store::InboxEntry> inbox(const Uuid& event_id) override {
    const auto lock = store_->enter();
    return store_->inboxes[event_id];
  }

 private:
  static bool fits(const store::EventQuery& query, const store::EventView& event) {
    const auto& states = query.states;
    return (!query.row || *query.row == event.row) &&
           (!query.event_id || *query.event_id == event.event_id) &&
           (!query.aggregate_id || *query.aggregate_id == event.aggregate_id) &&
           (!query.key || query.key == event.key) &&
           (states.empty() || std::ranges::find(states, event.state) != states.end());
  }

  const FakeStorePointer store_;
};

class FakeDeadRows : public store::DeadRows {
 public:
  explicit FakeDeadRows(FakeStorePointer store) : store_(std::move(store)) {}

  std::vector<store::EventView> page(const std::optional<RowId>& after, std::size_t rows_max,
                                     std::size_t payload_bytes_max) override {
    const auto lock = store_->enter();
    ++store_->pages;
    std::vector<store::EventView> page;
    for (auto row = store_->rows.upper_bound(after ? after->number : 0);
         row != store_->rows.end() && page.size() < rows_max; ++row) {
      if (row->second.state == store::EventState::dead)
        page.push_back(cut(row->second, payload_bytes_max));
    }
    return page;
  }

  store::DeadRowsView count(std::int64_t /*count_max*/) override { return {}; }

  std::vector<RowId> replay(std::span<const RowId> rows) override {
    const auto lock = store_->enter();
    std::vector<RowId> done;
    for (const RowId& id : rows) {
      const auto row = store_->rows.find(id.number);
      if (row == store_->rows.end() || row->second.state != store::EventState::dead) continue;
      row->second.state = store::EventState::pending;
      store_->replayed.push_back(id.number);
      done.push_back(id);
    }
    if (std::exchange(store_->loses_answers, false)) {
      throw Error(ErrorKind::unreachable, "the connection was lost").doubted();
    }
    return done;
  }

  bool edit(const RowId& row, const store::RowEdit& edit) override {
    const auto lock = store_->enter();
    const auto found = store_->rows.find(row.number);
    if (found == store_->rows.end() || found->second.state != store::EventState::dead) return false;
    if (edit.payload) {
      found->second.payload = edit.payload;
      found->second.payload_bytes = static_cast<std::int64_t>(edit.payload->size());
    }
    if (edit.topic) found->second.topic = *edit.topic;
    if (edit.headers_json) found->second.headers_json = *edit.headers_json;
    return true;
  }

  std::vector<RowId> discard(std::span<const RowId> rows, const std::string& /*who*/,
                             const std::string& /*reason*/) override {
    const auto lock = store_->enter();
    std::vector<RowId> done;
    for (const RowId& id : rows) {
      const auto row = store_->rows.find(id.number);
      if (row == store_->rows.end() || row->second.state != store::EventState::dead) continue;
      store_->rows.erase(row);
      store_->discarded.push_back(id.number);
      done.push_back(id);
    }
    return done;
  }

 private:
  const FakeStorePointer store_;
};

}  // namespace outbox::testing
