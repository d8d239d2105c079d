// SPDX-License-Identifier: Apache-2.0
//
// The seam for people who look for an event (habits: store/leases.hpp). However large the table is,
// a call looks at a bounded number of rows: the table has no index over event ids and aggregates
// unless `outbox.lookup-indexes` made them, since each costs every insert.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <outbox/uuid.hpp>

#include "core/row.hpp"

namespace outbox::store {

/// What a row's status means, whatever word the table has for it.
enum class EventState : std::uint8_t { pending, processing, retrying, published, dead };

/// All that are given must hold. Texts are compared for equality.
struct EventQuery {
  std::optional<RowId> row;
  std::optional<Uuid> event_id;
  std::optional<std::string> aggregate_type;
  std::optional<std::string> aggregate_id;
  std::optional<std::string> key;  ///< What goes on the wire: event_key, or else aggregate_id.
  std::optional<std::string> event_type;
  std::optional<std::string> topic;      ///< The row's own column.
  std::vector<EventState> states;        ///< Empty: any.
  std::optional<std::int64_t> since_us;  ///< created_at, from this on.
  std::optional<std::int64_t> until_us;  ///< created_at, before this.
  std::optional<RowId> before;           ///< Goes on behind the row at which the last page ended.
  std::size_t rows_max = 100;
  /// Rows that one call looks at, matching or not; the newest first.
  std::size_t looks_max = 200'000;
  std::size_t payload_bytes_max = 4'096;  ///< Longer payloads are cut; 0: none is fetched.
};

struct EventView {
  RowId row;
  Uuid event_id;  ///< Nil where the table has none and the id is no UUID.
  std::string aggregate_type;
  std::string aggregate_id;
  std::optional<std::string> key;  ///< As it goes on the wire; none: the row has no key.
  std::string event_type;
  std::string topic;         ///< Empty: the relay's routes decide.
  std::string headers_json;  ///< Empty, or what stands in the column.
  std::string content_type;
  std::optional<std::string> payload;  ///< Cut to payload_bytes_max; none where it is NULL.
  PayloadKind payload_kind = PayloadKind::json;
  std::int64_t payload_bytes = 0;  ///< Of the whole.
  EventState state = EventState::pending;
  std::string status;  ///< The table's own word.
  int retry_count = 0;
  std::optional<std::int64_t> created_at_us;  ///< Microseconds since 1970 UTC, as all times here.
  std::optional<std::int64_t> next_attempt_at_us;
  std::optional<std::int64_t> published_at_us;
  /// When the relay gave it up: of our own table, else its `updated_at`; none where the table does
  /// not say, as for what died before migration 0011.
  std::optional<std::int64_t> died_at_us = {};
  std::string locked_by;
  std::string error;
};

struct EventPage {
  std::vector<EventView> events;  ///< The newest first: by id, or created_at where that orders.
  std::optional<RowId> next;      ///< For EventQuery::before; none: there is nothing more.
  bool looked_at_all = true;      ///< False: looks_max ended the search, `next` goes on with it.
};

struct InboxEntry {
  std::string consumer;
  std::int64_t processed_at_us = 0;
};

/// A row that an operator took out of the outbox.
struct DiscardedEvent {
  EventView event;  ///< As it stood, dead; without its times.
  std::int64_t at_us = 0;
  std::string who;
  std::string reason;
};

class EventLookup {
 public:
  virtual ~EventLookup() = default;

  virtual EventPage find(const EventQuery& query) = 0;

  /// Which consumers took the event, the first first; at most 1,000. Empty without an inbox.
  virtual std::vector<InboxEntry> inbox(const Uuid& event_id) = 0;

  /// What was discarded under this row id or event id, the latest first; at most 20. Empty where
  /// the schema is older than discarding.
  virtual std::vector<DiscardedEvent> discarded(const std::string& /*row_or_event_id*/,
                                                std::size_t /*payload_bytes_max*/) {
    return {};
  }
};

}  // namespace outbox::store
