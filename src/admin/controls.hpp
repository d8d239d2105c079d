// SPDX-License-Identifier: Apache-2.0
//
// Pausing and resuming, cleaning up, and the log of who did what.
//
// Thread-safety: free functions, from any thread.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include <outbox/error.hpp>

#include "admin/actor.hpp"
#include "admin/json.hpp"
#include "admin/office.hpp"
#include "admin/running.hpp"

namespace outbox::admin {

/// `relay`, `topic`, `key`, `consumer`.
[[nodiscard]] const char* word_of(store::PauseKind kind) noexcept;
/// Throws Error(usage) for a word that is none of them.
[[nodiscard]] store::PauseKind pause_kind_of(const std::string& word);

/// {items:[{store,kind,name,who,reason,since_at}], errors}, the oldest first.
[[nodiscard]] Json list_pauses(Office& office, const std::optional<std::string>& store = {});

struct PauseRequest {
  store::PauseKind kind = store::PauseKind::relay;
  std::string name;                  ///< Of a consumer: its name or group id.
  std::optional<std::string> store;  ///< None: all it concerns; of a consumer its inbox's.
  std::string reason;
};

struct PauseOutcome {
  bool changed = false;  ///< False: it was so already.
  Json document;         ///< {items:[Pause]} as they now stand, one a store.
};

/// Throws Error(not_found) for a relay, consumer or store that the configuration does not name,
/// Error(usage) for a name that no topic can have, what a store threw where one fails.
PauseOutcome pause(Office& office, const PauseRequest& request, const Actor& actor);

/// {items:[]} and `changed`; false: nothing of that name was paused. Throws as pause(), but goes
/// on with what is no longer in the configuration.
PauseOutcome resume(Office& office, const PauseRequest& request, const Actor& actor);

struct CleanupRequest {
  std::optional<std::string> store;
  bool dry_run = false;
  std::string reason;
};

/// Without shards the document of `outboxd cleanup`, with shards {shards:[{shard, …|error}]}; each
/// by itself, what is wrong with one is told and the others are done all the same. Throws
/// Error(not_found), and without shards what the clean-up threw.
Json clean_up(Office& office, const CleanupRequest& request, const Actor& actor,
              const Running& running);

struct AuditRequest {
  std::optional<std::string> store;
  std::size_t limit = 100;
  std::string cursor;
};

/// {items:[{store,number,at,who,action,target,reason,details}], next_cursor|null, errors}, the
/// newest first, of all stores together.
[[nodiscard]] Json list_audit(Office& office, const AuditRequest& request);

/// Writes a line into a store's log; `details` gets `via`.
void note(store::Controls& controls, const Actor& actor, store::AuditEntry entry, Json details);

/// Does `change` with its line in the log before it: what the log cannot take does not happen. A
/// second line, `ACTION-failed`, tells where it failed. Throws what `change` throws.
template <class Change>
auto noted(store::Controls& controls, const Actor& actor, const store::AuditEntry& entry,
           const Change& change) {
  note(controls, actor, entry, Json::object());
  try {
    return change();
  } catch (const Error& error) {
    store::AuditEntry failed = entry;
    failed.action += "-failed";
    try {
      note(controls, actor, std::move(failed), {{"error", text_json(error.what())}});
    } catch (const Error&) {
      // The store is what failed; the first line stands.
    }
    throw;
  }
}

}  // namespace outbox::admin
