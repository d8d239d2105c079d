// SPDX-License-Identifier: Apache-2.0
//
// The seam through which instances share the slots out. Time is the database's clock alone; what
// the relay keeps besides is a deadline of its own that only bounds duplicates (design, protocol
// 2).
//
// Every seam of src/store has these habits. An object owns one connection, opened on first use; it
// is used by one thread at a time. Where the database is away a call throws Error(unreachable) and
// the next call connects anew. Each call is one transaction: it happened whole, or not at all, or,
// where Error::in_doubt() says so, one of the two.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <outbox/uuid.hpp>

#include "core/row.hpp"
#include "store/controls.hpp"

namespace outbox::store {

/// Proof of having acquired a slot; settling is fenced by all three.
struct SlotLease {
  int slot = 0;
  std::int64_t epoch = 0;
  Uuid token;

  friend bool operator==(const SlotLease&, const SlotLease&) = default;
};

/// What is known of a key whose event was refused; kept so that a successor goes on where we were.
struct KeyState {
  std::string key;
  std::string topic;  ///< Where its head goes; empty if not known.
  int slot = 0;
  int attempts = 0;  ///< Of the head, made so far.
  std::chrono::milliseconds
      blocked_for{};  ///< From the database's now; zero or less: may be tried.
  RowId head;         ///< The row that was refused.
  std::string reason;
  /// Since its first refusal, by the database's clock; of a view alone, and where that is known.
  std::optional<std::chrono::milliseconds> refused_for = {};
};

struct AcquiredSlot {
  SlotLease lease;
  std::vector<KeyState> keys;
};

struct Heartbeat {
  std::vector<int> renewed_slots;  ///< Of those asked for; the missing ones are lost.
  int live_members = 0;            ///< Of this relay name, this one included.
  int slots = 0;                   ///< In all, as stored.
  int free_slots = 0;              ///< Without owner, or expired.
  /// Of this relay, of topics and of keys, all that stand; none: they could not be read this time,
  /// so that what was known last goes on.
  std::optional<std::vector<Pause>> pauses;
  std::string pauses_fault;  ///< Why they could not.
};

struct SlotView {
  int slot = 0;
  std::string owner;  ///< Member name; empty: free.
  std::int64_t epoch = 0;
  std::chrono::milliseconds expires_in{};
};

struct MemberView {
  std::string name;
  std::string host;
  std::int64_t process_id = 0;
  std::chrono::milliseconds heartbeat_age{};
  bool live = false;
};

struct LeaseView {
  std::vector<SlotView> slots;
  std::vector<MemberView> members;
};

class Leases {
 public:
  virtual ~Leases() = default;

  /// Enters this member (its name came with the options that made this object). Slots are made as
  /// the migrations or Agreement stored them.
  virtual void join() = 0;

  /// Says "alive", renews the held slots whose epoch and token still stand, counts members and
  /// slots.
  virtual Heartbeat heartbeat(std::span<const SlotLease> held) = 0;

  /// Takes up to `slots_max` slots that are free or expired, each with epoch + 1 and a new token,
  /// and reads the key states that former owners left. Never waits for a slot that another is
  /// taking.
  virtual std::vector<AcquiredSlot> acquire(int slots_max) = 0;

  /// Frees slots whose lease still stands; others are left alone.
  virtual void release(std::span<const SlotLease> held) = 0;

  /// Frees what is still held by this member and takes its name out.
  virtual void leave() = 0;

  /// For status: all slots and members of this relay name.
  virtual LeaseView view() = 0;
};

}  // namespace outbox::store
