// SPDX-License-Identifier: Apache-2.0
//
// What the core hears (events) and says (commands). The core does no I/O and reads no clock:
// whoever runs it executes the commands, in their order, and feeds back what came of them with the
// time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "broker/admin.hpp"
#include "broker/producer.hpp"
#include "core/clock.hpp"
#include "relay/prepared.hpp"
#include "relay/sent_row.hpp"
#include "store/capture.hpp"
#include "store/leases.hpp"
#include "store/settlement.hpp"

namespace outbox::relay {

/// Names a row in flight; comes back with its delivery. Reused only after the row is done with.
using RowTag = std::uint64_t;

/// A producer handle's number; never reused.
using HandleId = std::uint64_t;

/// What was known when a command was given, so that a late answer to it can be told.
using Generation = std::uint64_t;

// ---- events

struct Tick {};
struct Joined {};
struct HeartbeatDone {
  Moment sent_at;  ///< Before the renewal was sent: the local deadline counts from here.
  store::Heartbeat heartbeat;
};
struct SlotsAcquired {
  Moment sent_at;
  std::vector<store::AcquiredSlot> slots;
};
struct SlotsReleased {};
struct RowsRead {
  Generation generation = 0;
  std::shared_ptr<const PreparedBatch> batch;
};
struct Delivered {
  HandleId handle = 0;
  std::vector<broker::Delivery> deliveries;
  std::optional<Failure> fatal;
};
/// Publishing stopped before these rows: the lease's deadline passed, or the handle took no more.
struct NotHandedOver {
  HandleId handle = 0;
  std::vector<RowTag> rows;
};
/// The slot's former owner is fenced off; `sent` is what its last committed transaction recorded.
struct SlotFenced {
  HandleId handle = 0;
  int slot = 0;
  std::vector<SentRow> sent;
};
/// The transaction is committed, or nothing is known of it and the handle is finished.
struct TransactionDone {
  HandleId handle = 0;
  int slot = 0;
  std::vector<broker::Delivery> deliveries;
  std::optional<Failure> failure;  ///< None: committed.
};
struct SettleDone {
  std::uint64_t settle_id = 0;
  store::SettleResult result;
};
struct TopicLookedUp {
  broker::TopicView topic;
  std::optional<int> agreed_partitions;
};
struct TopicLookupFailed {
  std::string topic;
};
struct PartitionsAdopted {
  std::string topic;
  int partitions = 0;
};
struct StopRequested {};

/// A store's call failed and may be given again; the command says which.
enum class StoreCall : std::uint8_t { join, heartbeat, acquire, release, read, settle, adopt };
struct StoreFailed {
  StoreCall call = StoreCall::read;
  std::uint64_t id = 0;  ///< The settle's.
  /// The store was away: the same call will do later. Else something in it was refused.
  bool passing = true;
};

using Event =
    std::variant<Tick, Joined, HeartbeatDone, SlotsAcquired, SlotsReleased, RowsRead, Delivered,
                 NotHandedOver, SlotFenced, TransactionDone, SettleDone, TopicLookedUp,
                 TopicLookupFailed, PartitionsAdopted, StopRequested, StoreFailed>;

// ---- commands

struct Join {};
struct SendHeartbeat {
  std::vector<store::SlotLease> held;
};
struct AcquireSlots {
  int slots_max = 0;
};
struct ReleaseSlots {
  std::vector<store::SlotLease> leases;
};
struct ReadRows {
  Generation generation = 0;
  std::vector<store::SlotLease> leases;
  std::vector<RowId> in_flight;
  std::vector<std::string> blocked_keys;
  std::vector<std::string> only_keys;
  std::vector<store::RouteColumns> held_routes;
  std::optional<RowId> lowest_unsettled;
  bool rescan = false;
  std::size_t rows_max = 0;
  std::size_t bytes_max = 0;
};
struct OpenHandle {
  HandleId handle = 0;
  bool isolated = false;  ///< For keys with a refused event: one message in flight in all.
};
/// Destroy at once; nothing more is heard of it.
struct DropHandle {
  HandleId handle = 0;
};
struct OutgoingRow {
  RowTag tag = 0;
  const PreparedRow* row = nullptr;  ///< Valid until the next step.
  const PreparedBatch* batch = nullptr;
  int partition = 0;
  std::int64_t lease_epoch = 0;
};
struct Publish {
  HandleId handle = 0;
  Moment deadline;  ///< Of the leases: no hand-over starts after it.
  std::vector<OutgoingRow> rows;
};
/// Transactional: open a handle under the slot's name, which fences the former owner, and read back
/// what it recorded. Answered by SlotFenced, or by TransactionDone with the failure.
struct FenceSlot {
  HandleId handle = 0;
  int slot = 0;
};
/// One transaction of these rows and of the record. One at a time for a handle.
struct PublishTransaction {
  HandleId handle = 0;
  int slot = 0;
  Moment deadline;  ///< Of the lease: neither hand-over nor commit begins after it.
  std::vector<OutgoingRow> rows;
  /// Keeps what `rows` point to, for it is sent by another thread.
  std::vector<std::shared_ptr<const PreparedBatch>> batches;
  std::vector<SentRow> record;
  std::int64_t lease_epoch = 0;
};
struct Settle {
  std::uint64_t settle_id = 0;
  std::vector<store::SlotLease> leases;
  std::vector<store::PublishedRow> published;
  std::vector<store::RowChange> changes;
  std::vector<store::KeyChange> keys;
};
struct LookUpTopic {
  std::string topic;
};
struct AdoptPartitions {
  std::string topic;
  int expected = 0;
  int count = 0;
};
/// The dead letter is settled; a copy may go to the dead-letter topic, best effort.
struct CopyDeadLetter {
  std::string topic;  ///< Where it should have gone; empty where that was the defect.
  std::string key;
  std::optional<std::string> value;  ///< The payload as it stands in the row.
  std::vector<std::pair<std::string, std::optional<std::string>>> headers;
};
/// Everything is drained and released, or the time to do so is over.
struct Leave {};

enum class NoticeKind : std::uint8_t {
  slots_acquired,
  slot_lost,
  slot_released,
  topic_held,
  topic_open,
  partitions_changed,
  handle_restarted,
  row_retried,
  row_dead,
  key_free,
  drain_cut_short,
  paused,
  resumed,
  sent_before,  ///< Rows found in the former owner's record: settled, not sent again.
  pauses_unknown,
};
/// For people: logged and counted, of no other effect.
struct Notice {
  NoticeKind kind = NoticeKind::slots_acquired;
  std::string subject;  ///< Row, topic or slots.
  std::string detail;
  std::string topic = {};  ///< Of a row: where it should go; empty where that is not known.
};

using Command = std::variant<Join, SendHeartbeat, AcquireSlots, ReleaseSlots, ReadRows, OpenHandle,
                             DropHandle, Publish, FenceSlot, PublishTransaction, Settle,
                             LookUpTopic, AdoptPartitions, CopyDeadLetter, Leave, Notice>;

}  // namespace outbox::relay
