// SPDX-License-Identifier: Apache-2.0
//
// Events in the outboxes: finding them, one of them, and what can be done about a dead one.
//
// Thread-safety: free functions, from any thread.
#pragma once

#include <optional>
#include <string>

#include "admin/actor.hpp"
#include "admin/json.hpp"
#include "admin/office.hpp"

namespace outbox::admin {

struct EventsRequest {
  std::optional<std::string> store;  ///< None: all.
  std::optional<std::string> row;    ///< A row's id as text, in place of `query.row`.
  store::EventQuery query;           ///< `before` is the cursor's matter; rows_max the limit.
  std::string cursor;                ///< Of the page before; empty: the first.
};

/// {items:[Event], next_cursor|null, complete, errors:[{store,error}]}: the newest first, of all
/// stores together. Where `complete` is false the search ended at its limit before the page was
/// full: the cursor goes on with it. Throws Error(usage) for a cursor that is none,
/// Error(not_found) for a store, Error(unreachable) where no store answered.
[[nodiscard]] Json find_events(Office& office, const EventsRequest& request);

/// Event, with its payload up to 1 MiB. `id`: the event's UUID or its row's id. Throws
/// Error(not_found), and Error(usage) where several stores have a row of that id.
[[nodiscard]] Json show_event(Office& office, const std::string& id,
                              const std::optional<std::string>& store = {});

/// What is wanted of one event, by whom and why.
struct EventAction {
  std::string id;  ///< As show_event().
  std::optional<std::string> store;
  std::string reason;
};

/// The dead event is pending again; Event as it then is. Throws as show_event(), and
/// Error(conflict) where it is not dead.
[[nodiscard]] Json retry_event(Office& office, const EventAction& action, const Actor& actor);

/// The dead event leaves the table for `outboxd_discarded`; Event as it was. Throws as
/// retry_event(), and Error(usage) without a reason.
[[nodiscard]] Json discard_event(Office& office, const EventAction& action, const Actor& actor);

/// Event, as the contract of the API has it.
[[nodiscard]] Json event_json(const std::string& store, const store::EventView& event);

/// `pending`, `processing`, `retrying`, `published`, `dead`.
[[nodiscard]] const char* word_of(store::EventState state) noexcept;
/// Throws Error(usage) for a word that is none of them.
[[nodiscard]] store::EventState event_state_of(const std::string& word);

}  // namespace outbox::admin
