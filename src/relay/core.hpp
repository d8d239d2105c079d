// SPDX-License-Identifier: Apache-2.0
//
// The relay's decisions, as a state machine without I/O, threads or clock: step(event, time) ->
// commands. The same code runs in production (relay.cpp executes the commands on the seams) and in
// the simulation. How it keeps the promises is told in docs/architecture.md; the protocol's points
// are cited below.
//
// Not thread-safe: one thread steps it.
#pragma once

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "relay/key_states.hpp"
#include "relay/messages.hpp"
#include "relay/options.hpp"
#include "relay/pauses.hpp"
#include "relay/rows_in_flight.hpp"
#include "relay/settle_desk.hpp"
#include "relay/slot_states.hpp"
#include "relay/topic_states.hpp"

namespace outbox::relay {

/// What status shows of one relay.
struct CoreView {
  int slots_held = 0;
  std::size_t rows_in_flight = 0;
  std::size_t bytes_in_flight = 0;
  std::size_t blocked_keys = 0;
  std::vector<std::string> held_topics;
};

class Core {
 public:
  explicit Core(const CoreOptions& options);

  /// Takes one event; appends the commands that follow from it. `now` never goes back.
  void step(const Event& event, Moment now, std::vector<Command>& commands);

  /// When to step with a Tick if nothing else happens before.
  [[nodiscard]] Moment wake_at() const { return wake_at_; }

  /// True after Leave: no more steps are needed.
  [[nodiscard]] bool finished() const { return finished_; }

  [[nodiscard]] CoreView view();

 private:
  struct Handle {
    HandleId id = 0;
    bool open = false;
    bool isolated = false;
    Moment open_at;  ///< Not before: handles that fail at once are made more and more slowly.
    int failures_in_row = 0;
  };

  // Events (core.cpp unless noted).
  void on(const Tick&) {}
  void on(const Joined&);
  void on(const HeartbeatDone& event);      // core_leases.cpp
  void on(const SlotsAcquired& event);      // core_leases.cpp
  void on(const SlotsReleased&);            // core_leases.cpp
  void on(const RowsRead& event);           // core_rows.cpp
  void on(const Delivered& event);          // core_deliveries.cpp
  void on(const NotHandedOver& event);      // core_deliveries.cpp
  void on(const SlotFenced& event);         // core_transactions.cpp
  void on(const TransactionDone& event);    // core_transactions.cpp
  void on(const SettleDone& event);         // core_rows.cpp
  void on(const TopicLookedUp& event);      // core_topics.cpp
  void on(const TopicLookupFailed& event);  // core_topics.cpp
  void on(const PartitionsAdopted& event);  // core_topics.cpp
  void on(const StopRequested&);
  void on(const StoreFailed& event);

  // Leases.
  void lease_timers();
  void balance(const store::Heartbeat& heartbeat);
  void lose_slot(int slot, const char* why);
  void finish_drains();

  // Rows.
  bool enter_row(const RowsRead& event, std::uint32_t batch, std::uint32_t index);
  /// The refused row that this one's key waits for is yet to come.
  [[nodiscard]] bool waits_for_head(const KeyTrouble& trouble, const PreparedBatch& batch,
                                    const PreparedRow& prepared);
  bool place_row(FlightRow row, const PreparedRow& prepared);
  void give_up_unread(const PreparedRow& prepared, FlightRow row);
  void hold_back(int topic, const PreparedRow& prepared);
  void dead_letter(FlightRow row, const PreparedRow& prepared, const std::string& reason);
  void dead_letter_in_hand(RowTag tag, const std::string& reason);
  void note_dead(const PreparedRow& prepared, int slot, const std::string& reason);
  /// Takes a row out of hand, to be read again: released where claimed, else forgotten.
  void give_up(RowTag tag);
  void forget(RowTag tag);
  void finish_published(RowTag tag);
  void finish_change(const PendingChange& change);
  void read_when_due();
  [[nodiscard]] bool may_read() const;
  [[nodiscard]] std::size_t rows_room() const;
  [[nodiscard]] std::size_t bytes_room() const;
  [[nodiscard]] bool room_to_read() const;
  [[nodiscard]] std::size_t rows_allowed();
  [[nodiscard]] ReadRows make_read();
  [[nodiscard]] std::optional<RowId> lowest_unsettled(std::optional<RowId> lowest);
  void settle_when_due();

  // Deliveries.
  void acknowledged(RowTag tag, FlightRow& row);
  void refused_on_main(const FlightRow& row, const Failure& failure);
  void refused_in_isolation(RowTag tag, const Failure& failure);
  void retry_later(RowTag tag, KeyTrouble& trouble, const std::string& reason);
  void suspect(const FlightRow& row, const std::string& reason);
  void restart(Handle& handle, const std::string& reason);
  void open_handles();
  void pump();
  void pump_lanes(Publish& publish);
  bool hand_over_lane(LaneName name, Publish& publish);
  void pump_isolated();
  void add_outgoing(Publish& publish, RowTag tag, FlightRow& row);
  void check_stalls();
  void free_keys();
  void free_key_if_clean(const std::string& key);

  // Topics.
  void topic_timers();
  void look_up(int topic);
  void hold(int topic, const std::string& reason);
  void reopen(int topic);
  void give_up_waiting(int topic);
  void adopt_if_drained(int topic);

  // Pauses (core_pauses.cpp).
  void heed(const std::vector<store::Pause>& standing);
  void turn_away_paused();

  // Transactions (core_transactions.cpp).
  void fence_slots();
  void pump_transactions();
  void pump_slot(int slot, SlotState& state);
  [[nodiscard]] bool take_into(PublishTransaction& transaction, RowTag tag);
  void record_unsettled(PublishTransaction& transaction);
  void restart_slot(int slot, const std::string& reason);
  void drop_slot_handle(int slot);
  [[nodiscard]] bool was_sent_before(const PreparedRow& prepared);
  void settle_unsent(FlightRow row);
  void forget_sent_before();

  // Stopping.
  void stop_when_drained();

  void say(Command command) { out_->push_back(std::move(command)); }
  void notice(NoticeKind kind, std::string subject, std::string detail = {}) {
    out_->push_back(Notice{kind, std::move(subject), std::move(detail)});
  }
  void wake_by(Moment moment) { wake_at_ = std::min(wake_at_, moment); }
  /// Rows left our hand other than by being settled: a read under way may hold their siblings.
  void rows_dropped(const RowId& id);
  void lower_dropped(const RowId& id);
  [[nodiscard]] double random();
  int look_ups_ = 0;  ///< Under way.

  const CoreOptions options_;
  const Duration lease_ttl_;
  const Duration lease_margin_;
  Moment now_;
  Moment wake_at_;
  std::vector<Command>* out_ = nullptr;

  RowsInFlight rows_;
  SlotStates slots_;
  TopicStates topics_;
  KeyStates keys_;
  Pauses pauses_;
  bool pauses_known_ = false;    ///< Since the start, once at least.
  bool pauses_answered_ = true;  ///< With the last heartbeat.
  SettleDesk desk_;
  Handle main_;
  Handle isolated_;
  HandleId last_handle_ = 0;
  std::vector<RowTag> isolated_waiting_;
  RowTag isolated_sent_ = 0;  ///< 0: none.
  Moment isolated_sent_at_;

  bool joined_ = false;
  bool joining_ = false;
  bool heartbeat_under_way_ = false;
  std::vector<store::SlotLease> heartbeat_held_;
  Moment heartbeat_at_;
  Moment heartbeat_sent_at_;
  Moment verified_after_;  ///< Reads wait for a heartbeat sent no earlier than this.
  Moment last_verified_;
  Moment heard_of_store_;  ///< The last heartbeat that got through.
  bool acquire_under_way_ = false;
  bool release_under_way_ = false;
  int members_ = 1;

  bool read_under_way_ = false;
  bool last_read_rescanned_ = false;
  bool last_read_for_keys_ = false;
  std::vector<int> read_slots_;        ///< Transactional: of the read under way.
  bool read_leaves_rows_out_ = false;  ///< Of blocked keys or held topics, unseen.
  Generation generation_ = 1;
  Moment read_at_;
  Moment read_began_;
  double allowance_ = 0;  ///< Rows that the cap lets be read at allowed_at_.
  Moment allowed_at_;
  Moment rescan_at_;
  bool rescan_next_ = true;
  std::optional<RowId> lowest_dropped_;
  std::optional<RowId> asked_lowest_;  ///< What lowest_dropped_ was for the read under way.
  Moment check_at_;
  Moment last_settled_;
  Moment brokers_heard_;  ///< Last acknowledgement or answer to a look-up.

  bool stopping_ = false;
  bool finished_ = false;
  Moment stop_deadline_;
  std::mt19937_64 random_;
};

}  // namespace outbox::relay
