// SPDX-License-Identifier: Apache-2.0
//
// How it goes: one document of stores, relays, consumers, brokers and pauses. What does not answer
// is `down` in it, with the error; the others stand in it all the same.
//
// Thread-safety: free functions, from any thread; each waits at most the site's quick time-out for
// the stores and as long for the brokers, all at once.
#pragma once

#include <optional>
#include <string>

#include "admin/json.hpp"
#include "admin/office.hpp"

namespace outbox::admin {

/// What only the process itself can tell; null on the command line.
struct OwnFigures {
  Json instance = nullptr;  ///< {id,host,pid,started_at,uptime_seconds}
  Json rates = nullptr;     ///< {written_per_second,published_per_second,handled_per_second}
};

/// {version, instance, verdict:{state,text}, stores, consumers, broker, pauses, rates}; `store`
/// leaves out the others. Throws Error(not_found) for a store that is none.
[[nodiscard]] Json status_document(Office& office, const OwnFigures& own = {},
                                   const std::optional<std::string>& store = {});

/// Parts of it: {items:[...]}.
[[nodiscard]] Json list_stores(Office& office, const std::optional<std::string>& store = {});
[[nodiscard]] Json list_relays(Office& office, const std::optional<std::string>& store = {});
[[nodiscard]] Json list_consumers(Office& office);

/// {items:[{name,rows,oldest_pending_age_ms?}], exact, errors:[{store,error}]} of unsettled events,
/// the most first, at most 100. `by`: type, topic, key, age. Throws Error(usage) for another.
[[nodiscard]] Json backlog_by(Office& office, const std::string& by,
                              const std::optional<std::string>& store = {});

/// {items:[{store,relay,key,topic,attempts,blocked_for_ms,row,reason}], errors}, the longest
/// blocked first.
[[nodiscard]] Json blocked_keys(Office& office, const std::optional<std::string>& store = {});

/// The verdict of a status document's other parts: {state: ok|degraded|down, text}, one sentence.
[[nodiscard]] Json verdict_of(const Json& status);

}  // namespace outbox::admin
