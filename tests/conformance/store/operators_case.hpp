// SPDX-License-Identifier: Apache-2.0
//
// Rows in every state, for the suites of the seams that operators use.
#pragma once

#include <string>
#include <vector>

#include "conformance/store/store_under_test.hpp"

namespace outbox::testing {

/// An EventQuery, all of it optional.
struct Search {
  std::optional<RowId> row = {};
  std::optional<Uuid> event_id = {};
  std::optional<std::string> aggregate_type = {};
  std::optional<std::string> aggregate_id = {};
  std::optional<std::string> key = {};
  std::optional<std::string> event_type = {};
  std::optional<std::string> topic = {};
  std::vector<store::EventState> states = {};
  std::optional<std::int64_t> since_us = {};
  std::optional<std::int64_t> until_us = {};
  std::optional<RowId> before = {};
  std::size_t rows_max = 100;
  std::size_t looks_max = 200'000;
  std::size_t payload_bytes_max = 4'096;
};

inline store::EventPage find(store::EventLookup& lookup, const Search& search) {
  return lookup.find({.row = search.row,
                      .event_id = search.event_id,
                      .aggregate_type = search.aggregate_type,
                      .aggregate_id = search.aggregate_id,
                      .key = search.key,
                      .event_type = search.event_type,
                      .topic = search.topic,
                      .states = search.states,
                      .since_us = search.since_us,
                      .until_us = search.until_us,
                      .before = search.before,
                      .rows_max = search.rows_max,
                      .looks_max = search.looks_max,
                      .payload_bytes_max = search.payload_bytes_max});
}

/// Reads what is there and lets it die, or be published; the ids in the order of the read.
inline std::vector<RowId> let_all_die(Member& member, const std::string& reason = "refused") {
  const RowBatch batch = member.read();
  std::vector<store::RowChange> changes;
  std::vector<RowId> ids;
  for (const OutboxRow& row : batch.rows) {
    changes.push_back({.id = row.id,
                       .slot = row.slot,
                       .outcome = store::RowOutcome::dead,
                       .reason = reason,
                       .retry_after = {}});
    ids.push_back(row.id);
  }
  member.settle({.changes = changes});
  return ids;
}

/// A RowEdit, all of it optional.
struct Edit {
  std::optional<std::string> payload = {};
  std::optional<std::string> topic = {};
  std::optional<std::string> headers_json = {};
};

inline bool edit(store::DeadRows& rows, const RowId& row, const Edit& change) {
  return rows.edit(
      row, {.payload = change.payload, .topic = change.topic, .headers_json = change.headers_json});
}

inline std::vector<std::string> keys_of(const std::vector<store::EventView>& events) {
  std::vector<std::string> keys;
  for (const store::EventView& event : events)
    keys.push_back(event.key.value_or("none"));
  return keys;
}

}  // namespace outbox::testing
