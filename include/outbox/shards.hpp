// SPDX-License-Identifier: Apache-2.0
//
// Several databases with an outbox each (C2): which of them an aggregate belongs to, and what is
// still to be sent in all of them.
//
//     outbox::Shards shards({.shards = {{.name = "eu", .database = {.url =
//     "postgresql://eu/shop"}},
//                                       {.name = "us", .database = {.url =
//                                       "postgresql://us/shop"}}}});
//     shards.of(event).transaction([&](outbox::Transaction& transaction) {
//       transaction.execute("UPDATE orders SET status = 'PAID' WHERE id = $1", event.aggregate_id);
//       transaction.publish(event);
//     });
//
// Order is promised per key within one outbox, so all events of an aggregate have to be written to
// one shard. A router that sends an aggregate elsewhere from now on may change its order, until the
// old shard has sent what it has of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <outbox/database.hpp>
#include <outbox/error.hpp>

namespace outbox {

/// One database of several.
struct Shard {
  std::string name = {};  ///< 1 to 40 of a-z, 0-9 and '-', as in outboxd's own configuration.
  DatabaseOptions database = {};  ///< Its own connections and limits.
  bool active = true;             ///< False: known, and not connected to.
};

/// The shard's name for an event. It must give the same name for an aggregate every time. Called
/// from any thread; what it throws comes out of Shards::of().
using ShardRouter = std::function<std::string(const Event& event)>;

/// By a hash of aggregate_id: each shard gets an equal share, and one that is added takes its share
/// evenly from the others and moves nothing else (rendezvous hashing: Thaler, Ravishankar 1998).
/// The order of the names does not matter; a shard's name decides its share, so do not rename one.
/// Throws Error(configuration) for no names.
[[nodiscard]] ShardRouter route_by_hash(std::vector<std::string> shards);

/// Aggregates from `first` on, to the next range's.
struct ShardRange {
  std::int64_t first = 0;  ///< The least aggregate_id.
  std::string shard;       ///< The shard's name.
};

/// By aggregate_id as a whole number. The router throws Error(usage), naming the id, for one that
/// is no number or lies below the first range. Throws Error(configuration) for no ranges, or two
/// that begin at one number; their order does not matter.
[[nodiscard]] ShardRouter route_by_range(std::vector<ShardRange> ranges);

/// An event that is not settled yet: not sent, or sent and not written down as such.
struct PendingEvent {
  std::string shard;                   ///< The shard's name.
  std::int64_t row_id = 0;             ///< Its place in the order of that shard.
  Uuid event_id;                       ///< Its identity.
  std::string aggregate_type;          ///< To what kind of thing.
  std::string aggregate_id;            ///< To which one.
  std::string event_type;              ///< What happened.
  std::optional<std::string> payload;  ///< JSON; none for NULL and for payloads of bytes.
  std::string status;                  ///< PENDING, PROCESSING or FAILED (to be tried again).
  int retry_count = 0;                 ///< Failed attempts so far.
};

/// Why a shard could not be asked.
struct ShardFailure {
  std::string shard;  ///< The shard's name.
  Error error;        ///< With its remedy.
};

/// What is pending in all shards.
struct PendingEvents {
  std::vector<PendingEvent> events;    ///< By shard, each in its order.
  std::vector<ShardFailure> failures;  ///< Shards that could not be asked.
};

enum class EventStatus : std::uint8_t {
  pending,  ///< To be sent, again if it was: its attempts begin anew. Without the header `replay`.
  published,  ///< Not to be sent.
  dead,       ///< Given up, with the reason.
};

/// Which databases there are and how one is chosen.
struct ShardsOptions {
  /// Each name once.
  std::vector<Shard> shards = {};
  /// The database beside the shards, named `global`.
  std::optional<DatabaseOptions> global = {};
  /// Empty: route_by_hash over all shards, those that are not active included: their aggregates are
  /// refused rather than sent elsewhere, where they would lose their order.
  ShardRouter router = {};
};

/// Thread-safety: any number of threads at once. Connects on first use, to each shard by itself.
class Shards {
 public:
  /// Throws Error(configuration) for two shards of one name, a name that is none, and no active
  /// shard where there is no global one either.
  explicit Shards(ShardsOptions options);
  ~Shards();
  Shards(const Shards&) = delete;
  Shards& operator=(const Shards&) = delete;

  /// Where the router sends it. Throws Error(usage) where that is no active shard.
  [[nodiscard]] Database& of(const Event& event);
  /// By name; `global` too. Throws Error(usage), with the names there are, for another.
  [[nodiscard]] Database& at(std::string_view shard);

  /// The active ones' names, sorted; `global` is not among them.
  [[nodiscard]] std::vector<std::string> names() const;

  /// Writes the event in a transaction of its own to where it belongs, or to the shard that is
  /// named. Returns its id. Errors as Database::transaction().
  Uuid save(const Event& event);
  /// The same, to the shard that is named.
  Uuid save_to(std::string_view shard, const Event& event);

  /// The first `limit` events of one shard that are not settled, in its order.
  [[nodiscard]] std::vector<PendingEvent> pending(std::string_view shard, std::size_t limit = 100);
  /// Of every active shard and the global one, `limit` each. One that cannot be asked is told and
  /// keeps the others from nothing.
  [[nodiscard]] PendingEvents pending_everywhere(std::size_t limit = 100);

  /// What an operator decides of a row (PendingEvent::row_id, `outboxd publish` prints it). False
  /// where the shard has no such row; it may be sent and deleted.
  /// A relay that has the row in hand just then may still send it. `reason` is kept of a dead one.
  bool set_status(std::string_view shard, std::int64_t row_id, EventStatus status,
                  std::string_view reason = {});

 private:
  struct Place;

  const Place& place(std::string_view shard) const;

  std::map<std::string, std::unique_ptr<Place>, std::less<>> places_;
  ShardRouter router_;
};

}  // namespace outbox
