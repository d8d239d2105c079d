// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <array>

#include "core/clock.hpp"
#include "store/relay_pauses.hpp"
#include "store/sqlite/seams.hpp"
#include "store/sqlite/terms.hpp"

namespace outbox::store::sqlite {

namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

std::string host_name() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0) return {};
  return name.data();
}

milliseconds until(std::int64_t then_us, std::int64_t now_us) {
  return std::chrono::duration_cast<milliseconds>(microseconds(then_us - now_us));
}

class SqliteLeases final : public Leases {
 public:
  explicit SqliteLeases(SharedContext context) : context_(std::move(context)) {}

  void join() override {
    auto lock = context_->database->relay_lock();
    const Turn turn = context_->write();
    Transaction transaction(turn.connection());
    bury_other_processes(turn.connection());
    // Again: others may have agreed on other terms since this one did.
    enter_terms(turn.connection(), *context_, terms_of(context_->options));
    const std::int64_t now_us = wall_clock_us();
    write_member(turn.connection(), now_us);
    make_slots(turn.connection());
    transaction.commit();
    relay_lock_ = std::move(lock);
  }

  Heartbeat heartbeat(std::span<const SlotLease> held) override {
    const Turn turn = context_->write();
    Transaction transaction(turn.connection());
    const std::int64_t now_us = wall_clock_us();
    write_member(turn.connection(), now_us);
    Heartbeat beat;
    for (const SlotLease& lease : held) {
      turn.connection()
          .query(
              "UPDATE outboxd_slots SET expires_at = ?1 WHERE outbox_table = ?2 "
              "AND relay_name = ?3 AND slot = ?4 AND epoch = ?5 AND token = ?6 AND owner = ?7",
              expiry(now_us), context_->table_name, relay(), lease.slot, lease.epoch,
              to_string(lease.token), member())
          .run();
      if (turn.connection().changes() == 1) beat.renewed_slots.push_back(lease.slot);
    }
    count(turn.connection(), now_us, beat);
    transaction.commit();
    // When the leases are renewed: after a fault the pauses that were known stand.
    try {
      beat.pauses = read_pauses(turn.connection());
    } catch (const Error& error) {
      beat.pauses_fault = error.what();
    }
    return beat;
  }

  std::vector<AcquiredSlot> acquire(int slots_max) override {
    if (slots_max <= 0) return {};
    const Turn turn = context_->write();
    Transaction transaction(turn.connection());
    const std::int64_t now_us = wall_clock_us();
    std::vector<AcquiredSlot> acquired = free_slots(turn.connection(), now_us, slots_max);
    for (AcquiredSlot& slot : acquired) {
      slot.lease.epoch += 1;
      slot.lease.token = random_uuid();
      turn.connection()
          .query(
              "UPDATE outboxd_slots SET owner = ?1, epoch = ?2, token = ?3, expires_at = ?4 "
              "WHERE outbox_table = ?5 AND relay_name = ?6 AND slot = ?7",
              member(), slot.lease.epoch, to_string(slot.lease.token), expiry(now_us),
              context_->table_name, relay(), slot.lease.slot)
          .run();
      slot.keys = keys_of(turn.connection(), slot.lease.slot, now_us);
    }
    transaction.commit();
    return acquired;
  }

  void release(std::span<const SlotLease> held) override {
    const Turn turn = context_->write();
    Transaction transaction(turn.connection());
    for (const SlotLease& lease : held) {
      turn.connection()
          .query(
              "UPDATE outboxd_slots SET owner = NULL, token = NULL, expires_at = NULL "
              "WHERE outbox_table = ?1 AND relay_name = ?2 AND slot = ?3 AND epoch = ?4 "
              "AND token = ?5 AND owner = ?6",
              context_->table_name, relay(), lease.slot, lease.epoch, to_string(lease.token),
              member())
          .run();
    }
    transaction.commit();
  }

  void leave() override {
    {
      const Turn turn = context_->write();
      Transaction transaction(turn.connection());
      turn.connection()
          .query(
              "UPDATE outboxd_slots SET owner = NULL, token = NULL, expires_at = NULL "
              "WHERE outbox_table = ?1 AND relay_name = ?2 AND owner = ?3",
              context_->table_name, relay(), member())
          .run();
      turn.connection()
          .query(
              "DELETE FROM outboxd_members WHERE outbox_table = ?1 AND relay_name = ?2 "
              "AND member_name = ?3",
              context_->table_name, relay(), member())
          .run();
      transaction.commit();
    }
    relay_lock_.reset();
  }

  LeaseView view() override {
    const auto reader = context_->database->reader(context_->options.statement_timeout);
    const std::int64_t now_us = wall_clock_us();
    LeaseView view;
    Query slots = reader->query(
        "SELECT slot, coalesce(owner, ''), epoch, coalesce(expires_at, 0) FROM outboxd_slots "
        "WHERE outbox_table = ?1 AND relay_name = ?2 ORDER BY slot",
        context_->table_name, relay());
    while (slots.step()) {
      SlotView& slot = view.slots.emplace_back();
      slot.slot = static_cast<int>(slots.integer(0));
      slot.epoch = slots.integer(2);
      const std::int64_t expires_us = slots.integer(3);
      if (expires_us <= now_us) continue;  // Expired: free for whoever comes.
      slot.owner = slots.text(1);
      slot.expires_in = until(expires_us, now_us);
    }
    Query members = reader->query(
        "SELECT member_name, host, process_id, heartbeat_at, expires_at FROM outboxd_members "
        "WHERE outbox_table = ?1 AND relay_name = ?2 ORDER BY member_name",
        context_->table_name, relay());
    while (members.step()) {
      MemberView& member = view.members.emplace_back();
      member.name = members.text(0);
      member.host = members.text(1);
      member.process_id = members.integer(2);
      member.heartbeat_age = until(now_us, members.integer(3));
      member.live = members.integer(4) > now_us;
    }
    return view;
  }

 private:
  [[nodiscard]] const std::string& relay() const { return context_->options.relay_name; }
  [[nodiscard]] const std::string& member() const { return context_->options.member_name; }
  [[nodiscard]] std::int64_t expiry(std::int64_t now_us) const {
    return now_us + microseconds(context_->options.lease_ttl).count();
  }

  // A relay that is newer than the file's schema works without pauses.
  std::vector<Pause> read_pauses(Connection& connection) {
    const bool has_pauses =
        connection.query("SELECT 1 FROM sqlite_schema WHERE name = 'outboxd_pauses'").step();
    if (!has_pauses) return {};
    Query found = connection.query(
        "SELECT kind, name, who, reason, since FROM outboxd_pauses WHERE outbox_table = ?1 AND "
        "(kind IN ('topic', 'key') OR kind = 'relay' AND name = ?2) ORDER BY since LIMIT ?3",
        context_->table_name, relay(), relay_pauses_max);
    std::vector<Pause> pauses;
    while (found.step()) {
      pauses.push_back({.kind = relay_pause_kind(found.text(0)),
                        .name = std::string(found.text(1)),
                        .who = std::string(found.text(2)),
                        .reason = std::string(found.text(3)),
                        .since_us = found.integer(4)});
    }
    return pauses;
  }

  // Whoever holds the file's lock knows that no other process relays: what members of other
  // processes still seem to hold is free at once, without waiting for their leases to end.
  void bury_other_processes(Connection& connection) const {
    connection
        .query(
            "UPDATE outboxd_slots SET owner = NULL, token = NULL, expires_at = NULL "
            "WHERE outbox_table = ?1 AND EXISTS (SELECT 1 FROM outboxd_members m "
            "WHERE m.outbox_table = outboxd_slots.outbox_table "
            "AND m.relay_name = outboxd_slots.relay_name AND m.member_name = outboxd_slots.owner "
            "AND (m.process_id <> ?2 OR m.host <> ?3))",
            context_->table_name, getpid(), host_name())
        .run();
    connection
        .query(
            "DELETE FROM outboxd_members WHERE outbox_table = ?1 "
            "AND (process_id <> ?2 OR host <> ?3)",
            context_->table_name, getpid(), host_name())
        .run();
  }

  void write_member(Connection& connection, std::int64_t now_us) const {
    connection
        .query(
            "INSERT INTO outboxd_members (outbox_table, relay_name, member_name, host, process_id, "
            "heartbeat_at, expires_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) "
            "ON CONFLICT (outbox_table, relay_name, member_name) DO UPDATE SET "
            "host = excluded.host, process_id = excluded.process_id, "
            "heartbeat_at = excluded.heartbeat_at, expires_at = excluded.expires_at",
            context_->table_name, relay(), member(), host_name(), getpid(), now_us, expiry(now_us))
        .run();
  }

  void make_slots(Connection& connection) const {
    const int slots = stored_slots(connection, *context_);
    for (int slot = 0; slot < slots; ++slot) {
      connection
          .query(
              "INSERT OR IGNORE INTO outboxd_slots (outbox_table, relay_name, slot) "
              "VALUES (?1, ?2, ?3)",
              context_->table_name, relay(), slot)
          .run();
    }
  }

  void count(Connection& connection, std::int64_t now_us, Heartbeat& beat) const {
    Query members = connection.query(
        "SELECT count(*) FROM outboxd_members WHERE outbox_table = ?1 AND relay_name = ?2 "
        "AND expires_at > ?3",
        context_->table_name, relay(), now_us);
    if (members.step()) beat.live_members = static_cast<int>(members.integer(0));
    Query slots = connection.query(
        "SELECT count(*), coalesce(sum(owner IS NULL OR expires_at <= ?3), 0) FROM outboxd_slots "
        "WHERE outbox_table = ?1 AND relay_name = ?2",
        context_->table_name, relay(), now_us);
    if (slots.step()) {
      beat.slots = static_cast<int>(slots.integer(0));
      beat.free_slots = static_cast<int>(slots.integer(1));
    }
  }

  [[nodiscard]] std::vector<AcquiredSlot> free_slots(Connection& connection, std::int64_t now_us,
                                                     int slots_max) const {
    Query query = connection.query(
        "SELECT slot, epoch FROM outboxd_slots WHERE outbox_table = ?1 AND relay_name = ?2 "
        "AND (owner IS NULL OR expires_at <= ?3) ORDER BY slot LIMIT ?4",
        context_->table_name, relay(), now_us, slots_max);
    std::vector<AcquiredSlot> slots;
    while (query.step()) {
      AcquiredSlot& slot = slots.emplace_back();
      slot.lease.slot = static_cast<int>(query.integer(0));
      slot.lease.epoch = query.integer(1);
    }
    return slots;
  }

  [[nodiscard]] std::vector<KeyState> keys_of(Connection& connection, int slot,
                                              std::int64_t now_us) const {
    Query query = connection.query(
        "SELECT wire_key, topic, attempts, blocked_until, head, reason FROM outboxd_keys "
        "WHERE outbox_table = ?1 AND relay_name = ?2 AND slot = ?3 ORDER BY wire_key",
        context_->table_name, relay(), slot);
    std::vector<KeyState> keys;
    while (query.step()) {
      KeyState& key = keys.emplace_back();
      key.key = query.text(0);
      key.topic = query.text(1);
      key.slot = slot;
      key.attempts = static_cast<int>(query.integer(2));
      key.blocked_for = until(query.integer(3), now_us);
      key.head = context_->row_id_of(query.text(4));
      key.reason = query.text(5);
    }
    return keys;
  }

  const SharedContext context_;
  std::shared_ptr<RelayLock> relay_lock_;
};

}  // namespace

std::unique_ptr<Leases> make_leases(SharedContext context) {
  return std::make_unique<SqliteLeases>(std::move(context));
}

}  // namespace outbox::store::sqlite
