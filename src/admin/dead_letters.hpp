// SPDX-License-Identifier: Apache-2.0
//
// Dead letters of both sources in one list: rows that the relay gave up (`relay`), and messages in
// the consumers' dead-letter topics (`consumer`). Their ids are `row.STORE.ROWID` and
// `topic.TOPIC.PARTITION.OFFSET`.
//
// Letters come in the order in which they would be replayed: store by store in the order of
// delivery, then topic by topic, partition by partition. Nothing here reads all of them before it
// answers, nor keeps more than a page.
//
// Thread-safety: from any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "admin/actor.hpp"
#include "admin/json.hpp"
#include "admin/office.hpp"
#include "admin/pace.hpp"
#include "admin/running.hpp"

namespace outbox::admin {

enum class LetterSource : std::uint8_t { relay, consumer };

/// All that are given must hold; texts are compared for equality.
struct LetterFilter {
  std::optional<LetterSource> source = {};
  std::optional<std::string> store = {};     ///< Of relays' letters; of consumers' by their inbox.
  std::optional<std::string> consumer = {};  ///< Name or group id.
  std::optional<std::string> topic = {};     ///< Where it should have gone.
  std::optional<std::string> dead_letter_topic = {};  ///< Consumers' letters of this topic alone,
                                                      ///< which need be none of the configuration.
  std::vector<std::string> event_types = {};          ///< Any of them; empty: all.
  std::set<std::string> event_ids = {};               ///< The same.
  std::optional<std::string> key = {};
  std::optional<std::string> group = {};      ///< GET /dead-letters/groups' `group`.
  std::optional<std::int64_t> since_us = {};  ///< `at`, from this on.
  std::optional<std::int64_t> until_us = {};  ///< Before this.
  /// Of consumers' letters those too that were replayed or discarded; topics keep them.
  bool settled_too = false;
};

struct LettersPage {
  LetterFilter filter = {};
  std::size_t limit = 100;
  std::string cursor = {};  ///< Empty: the first page.
  /// Payloads above it are cut; none are read at 0.
  std::size_t payload_bytes_max = 4'096;
};

/// What is changed before a letter is sent. At most one of `merge_patch` and `payload`. JSON is
/// kept as text, so that no number loses digits.
struct LetterEdit {
  std::optional<std::string> merge_patch = {};  ///< RFC 7396, on a payload that is JSON.
  std::optional<std::string> payload = {};      ///< The whole, in place of what stood there.
  std::optional<std::string> topic = {};        ///< Where it goes.
  std::optional<std::string> headers_json =
      {};  ///< An object; in place of the event's own headers.
  /// Of edit() alone: the Letter's `version` that was changed; another one by now is a conflict.
  std::optional<std::string> expected_version = {};

  [[nodiscard]] bool empty() const noexcept {
    return !merge_patch && !payload && !topic && !headers_json;
  }
};

/// Either ids, or all that a filter finds.
struct LetterChoice {
  std::vector<std::string> ids = {};  ///< At most 10,000.
  std::optional<LetterFilter> filter = {};
  std::optional<std::int64_t> letters_max = {};  ///< Stops after so many.
};

struct ReplayRequest {
  LetterChoice choice = {};
  LetterEdit edit = {};
  std::optional<double> letters_per_second =
      {};  ///< At most the site's, which is taken where none is.
  std::string reason = {};
};

struct DiscardRequest {
  LetterChoice choice = {};
  std::string reason = {};  ///< Required.
};

class DeadLetters {
 public:
  explicit DeadLetters(Office& office);
  ~DeadLetters();
  DeadLetters(const DeadLetters&) = delete;
  DeadLetters& operator=(const DeadLetters&) = delete;

  /// {items:[Letter], next_cursor|null, complete, errors:[{store|topic,error}]}. Reads for 5 s at
  /// most: where that ended it, `complete` is false and the cursor goes on. Throws Error(usage) for
  /// a cursor that is none, Error(not_found) for a store that is none.
  [[nodiscard]] Json list(const LettersPage& page);

  /// {items:[{group,source,store,consumer,topic,cause,letters,first_at,last_at,example}], letters,
  /// exact, errors}, the largest first. Counts for 5 s at most: where more is left it is not exact,
  /// and the next call goes on there. At most 10,000 groups, what is beyond is in `other`.
  [[nodiscard]] Json groups(const LetterFilter& filter);

  /// Letter with its payload up to 1 MiB; of a relay's with `version`, for an edit. Throws
  /// Error(usage) for an id that is none, Error(not_found), for a row too that is not dead.
  [[nodiscard]] Json show(const std::string& id);

  /// Changes a dead row, which stays dead; Letter as it then is. Throws as show(), Error(usage) for
  /// an edit that cannot be made or a consumer's letter (its edits go with the replay),
  /// Error(conflict) where it is no longer dead, or was changed by another meanwhile: who and when.
  [[nodiscard]] Json edit(const std::string& id, const LetterEdit& edit, const Actor& actor,
                          const std::string& reason);

  /// {dry_run: true, would_replay, would_fail, would_skip, exact, by_topic, by_event_type,
  /// by_consumer, first: [Letter's id …], edit, letters_per_second, takes_seconds, failures}:
  /// whether the edit can be made is tried on each. Counts for 5 s at most.
  [[nodiscard]] Json plan_replay(const ReplayRequest& request);

  /// {dry_run: true, would_discard, would_fail, would_skip, exact, by_topic, …, first}
  [[nodiscard]] Json plan_discard(const DiscardRequest& request);

  /// Replays until the end or the order to stop, in order per key: a letter of a key whose earlier
  /// one failed is skipped. What is done stays done; begun anew it goes on with the rest. Two who
  /// replay the same send each letter once. All that run in a process keep to the site's rate
  /// together. {total,done,failed,skipped,skip_reasons:{reason: letters},unconfirmed,stopped,
  /// failures:[{id,reason}]}, the first 100 of them; unconfirmed: the database's answer was lost.
  /// Throws Error(usage) for a request that makes no sense before anything is done,
  /// Error(unreachable) where a store or the brokers stay away.
  Json replay(const ReplayRequest& request, const Actor& actor, const Running& running);

  /// Rows go to `outboxd_discarded`; messages in topics are marked. As replay().
  Json discard(const DiscardRequest& request, const Actor& actor, const Running& running);

 private:
  class Counts;

  Office& office_;
  SharedPerSecond pace_;
  const std::unique_ptr<Counts> counts_;
};

/// `2h` before now, or a time in UTC such as `2026-11-21T15:00`, as microseconds since 1970. Throws
/// Error(usage) naming `what`.
[[nodiscard]] std::int64_t parse_time(const std::string& what, const std::string& text);

}  // namespace outbox::admin
