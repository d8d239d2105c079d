// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "core/clock.hpp"
#include "store/mariadb/fence.hpp"
#include "store/mariadb/read_filter.hpp"
#include "store/mariadb/seams.hpp"
#include "store/mariadb/terms.hpp"
#include "store/relay_pauses.hpp"

namespace outbox::store::mariadb {
namespace {

using namespace std::chrono_literals;

// How often the highest id is written down, by which a restore or TRUNCATE is seen.
constexpr auto high_water_interval = 10s;

std::string host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return "?";
  return name.data();
}

std::string numbers(const std::vector<int>& slots) {
  std::string list;
  for (const int slot : slots)
    list += fmt::format("{}{}", list.empty() ? "" : ",", slot);
  return list;
}

class MariadbLeases final : public Leases {
 public:
  explicit MariadbLeases(std::shared_ptr<Shared> shared)
      : shared_(std::move(shared)), connection_(shared_->connection_options("relay leases")) {}

  void join() override {
    prepare();
    transact(connection_, [&] {
      check_terms(connection_, *table_, terms_of(shared_->options()));
      make_slots(connection_, *table_);
      connection_.run("joining", member_sql_);
      return true;
    });
  }

  Heartbeat heartbeat(std::span<const SlotLease> held) override {
    prepare();
    constexpr std::string_view doing = "sending a heartbeat";
    Heartbeat heartbeat = transact(connection_, [&] {
      Heartbeat beat;
      connection_.run(doing, member_sql_);
      beat.renewed_slots = change_mine(doing, held, "expires_at = " + expiry());
      connection_.run(doing, forget_sql_);
      return beat;
    });
    Result counts = connection_.run(doing, count_sql_, Effect::reads);
    if (counts.next()) {
      heartbeat.live_members = counts.integer(0);
      heartbeat.slots = counts.integer(1);
      heartbeat.free_slots = counts.integer(2);
    }
    note_high_water();
    read_pauses(heartbeat);
    return heartbeat;
  }

  std::vector<AcquiredSlot> acquire(int slots_max) override {
    prepare();
    if (slots_max <= 0) return {};
    return transact(connection_, [&] {
      std::vector<AcquiredSlot> acquired = free_slots(slots_max);
      for (AcquiredSlot& slot : acquired) {
        slot.lease.epoch += 1;
        slot.lease.token = random_uuid();
        connection_.run(
            "taking slots",
            fmt::format("UPDATE {} s SET s.owner = {}, s.epoch = {}, s.token = '{}', "
                        "s.expires_at = {} WHERE {} AND s.slot = {}",
                        table_->own("slots"), quote_text(member()), slot.lease.epoch,
                        to_string(slot.lease.token), expiry(), table_->mine("s"), slot.lease.slot));
      }
      // A statement of its own: it sees what the former owner settled until the slot was taken.
      read_keys(acquired);
      return acquired;
    });
  }

  void release(std::span<const SlotLease> held) override {
    prepare();
    transact(connection_,
             [&] { return change_mine("releasing slots", held, std::string(freed_)); });
  }

  void leave() override {
    prepare();
    constexpr std::string_view doing = "leaving";
    transact(connection_, [&] {
      give_back_rows();
      connection_.run(
          doing, fmt::format("UPDATE {} s SET {} WHERE {} AND s.owner = {}", table_->own("slots"),
                             freed_, table_->mine("s"), quote_text(member())));
      connection_.run(doing, fmt::format("DELETE FROM {} WHERE outbox_table = {} AND relay_name = "
                                         "{} AND member_name = {}",
                                         table_->own("members"), table_->outbox_literal(),
                                         table_->relay_literal(), quote_text(member())));
      return true;
    });
  }

  LeaseView view() override {
    prepare();
    LeaseView view;
    Result slots = connection_.run(
        "reading the slots",
        fmt::format("SELECT s.slot, IF(s.expires_at > {0}, s.owner, NULL), s.epoch, "
                    "greatest(coalesce({1}, 0), 0) FROM {2} s WHERE {3} ORDER BY s.slot",
                    now_sql, milliseconds_sql(now_sql, "s.expires_at"), table_->own("slots"),
                    table_->mine("s")),
        Effect::reads);
    while (slots.next()) {
      view.slots.push_back({.slot = slots.integer(0),
                            .owner = slots.text(1),
                            .epoch = slots.number(2),
                            .expires_in = std::chrono::milliseconds(slots.number(3))});
    }
    Result members = connection_.run(
        "reading the members",
        fmt::format("SELECT m.member_name, m.host, m.process_id, {}, m.expires_at > {} FROM {} m "
                    "WHERE {} ORDER BY m.member_name",
                    milliseconds_sql("m.heartbeat_at", now_sql), now_sql, table_->own("members"),
                    table_->mine("m")),
        Effect::reads);
    while (members.next()) {
      view.members.push_back({.name = members.text(0),
                              .host = members.text(1),
                              .process_id = members.number(2),
                              .heartbeat_age = std::chrono::milliseconds(members.number(3)),
                              .live = members.integer(4) != 0});
    }
    return view;
  }

 private:
  static constexpr std::string_view freed_ = "owner = NULL, token = NULL, expires_at = NULL";

  [[nodiscard]] const std::string& member() const { return shared_->options().member_name; }
  [[nodiscard]] std::string expiry() const { return after_sql(shared_->options().lease_ttl); }

  void prepare() {
    if (table_) return;
    table_ = shared_->table(connection_);
    member_sql_ = fmt::format(
        "INSERT INTO {} (outbox_table, relay_name, member_name, host, process_id, heartbeat_at, "
        "expires_at) VALUES ({}, {}, {}, {}, {}, {}, {}) ON DUPLICATE KEY UPDATE "
        "heartbeat_at = VALUES(heartbeat_at), expires_at = VALUES(expires_at)",
        table_->own("members"), table_->outbox_literal(), table_->relay_literal(),
        quote_text(member()), quote_text(host_name()), ::getpid(), now_sql, expiry());
    // A dead member's name says that its row locks are stale, as long as such locks may be there.
    const auto patience = shared_->options().lock_timeout * 2 + 60s;
    forget_sql_ = fmt::format(
        "DELETE FROM {} WHERE outbox_table = {} AND relay_name = {} AND expires_at < {} - "
        "INTERVAL {} MICROSECOND",
        table_->own("members"), table_->outbox_literal(), table_->relay_literal(), now_sql,
        std::chrono::microseconds(patience).count());
    // The table is a row or none, as a rule; as many as may be paused are read at most.
    pauses_sql_ = fmt::format(
        "p.kind, p.name, p.who, p.reason, timestampdiff(MICROSECOND, '1970-01-01', p.since) "
        "FROM {} p WHERE p.outbox_table = {} AND (p.kind IN ('topic', 'key') OR "
        "p.kind = 'relay' AND p.name = {}) ORDER BY p.since LIMIT {}",
        table_->own("pauses"), table_->outbox_literal(), table_->relay_literal(), relay_pauses_max);
    count_sql_ = fmt::format(
        "SELECT (SELECT count(*) FROM {} m WHERE {} AND m.expires_at > {now}), count(*), "
        "coalesce(sum(s.owner IS NULL OR s.expires_at <= {now}), 0) FROM {} s WHERE {}",
        table_->own("members"), table_->mine("m"), table_->own("slots"), table_->mine("s"),
        fmt::arg("now", now_sql));
  }

  // When the leases are renewed. A relay that is newer than the schema, or whose user may not read
  // them, works without pauses; after any other fault those that were known stand.
  void read_pauses(Heartbeat& heartbeat) {
    try {
      heartbeat.pauses = standing_pauses();
    } catch (const SqlError& error) {
      constexpr unsigned no_such_table = 1146;
      constexpr unsigned no_right = 1142;
      if (error.number() == no_such_table || error.number() == no_right)
        heartbeat.pauses.emplace();
      else
        heartbeat.pauses_fault = error.what();
    } catch (const Error& error) {
      heartbeat.pauses_fault = error.what();
    }
  }

  // MariaDB's waits for locks on a table are in whole seconds, and zero does not wait at all.
  std::vector<Pause> standing_pauses() {
    const auto limit_ms = pauses_read_timeout.count();
    const std::string sql =
        connection_.is_mariadb()
            ? fmt::format(
                  "SET STATEMENT lock_wait_timeout = 0, max_statement_time = {}.{:03} FOR "
                  "SELECT {}",
                  limit_ms / 1000, limit_ms % 1000, pauses_sql_)
            : fmt::format("SELECT /*+ MAX_EXECUTION_TIME({}) */ {}", limit_ms, pauses_sql_);
    Result found = connection_.run_once("reading the pauses", sql, Effect::reads);
    std::vector<Pause> pauses;
    while (found.next()) {
      pauses.push_back({.kind = relay_pause_kind(found.bytes(0)),
                        .name = found.text(1),
                        .who = found.text(2),
                        .reason = found.text(3),
                        .since_us = found.number(4)});
    }
    return pauses;
  }

  // Of the slots whose lease stands; returns these. Locked first, because MariaDB's UPDATE does not
  // tell which rows it changed.
  std::vector<int> change_mine(std::string_view doing, std::span<const SlotLease> held,
                               const std::string& set) {
    if (held.empty()) return {};
    std::vector<int> slots = standing_slots(connection_, *table_, held, Lock::update);
    if (slots.empty()) return slots;
    connection_.run(
        doing, fmt::format("UPDATE {} s SET {} WHERE {} AND s.slot IN ({})", table_->own("slots"),
                           set, table_->mine("s"), numbers(slots)));
    return slots;
  }

  std::vector<AcquiredSlot> free_slots(int slots_max) {
    Result found = connection_.run(
        "taking slots",
        fmt::format("SELECT s.slot, s.epoch FROM {} s WHERE {} AND (s.owner IS NULL OR "
                    "s.expires_at <= {}) ORDER BY s.slot LIMIT {} FOR UPDATE SKIP LOCKED",
                    table_->own("slots"), table_->mine("s"), now_sql, slots_max));
    std::vector<AcquiredSlot> slots;
    while (found.next()) {
      slots.push_back(
          {.lease = {.slot = found.integer(0), .epoch = found.number(1), .token = {}}, .keys = {}});
    }
    return slots;
  }

  void read_keys(std::vector<AcquiredSlot>& acquired) {
    std::vector<int> slots;
    for (const AcquiredSlot& slot : acquired)
      slots.push_back(slot.lease.slot);
    if (slots.empty()) return;
    Result keys = connection_.run(
        "reading the keys of slots",
        fmt::format("SELECT k.wire_key, k.topic, k.slot, k.attempts, {}, k.head, k.reason FROM {} "
                    "k WHERE {} AND k.slot IN ({}) ORDER BY k.slot, k.wire_key",
                    milliseconds_sql(now_sql, "k.blocked_until"), table_->own("keys"),
                    table_->mine("k"), numbers(slots)),
        Effect::reads);
    while (keys.next()) {
      const KeyState state = key_state(*table_, keys);
      for (AcquiredSlot& slot : acquired) {
        if (slot.lease.slot == state.slot) slot.keys.push_back(state);
      }
    }
  }

  // Under capture `row`: what this member still has marked goes back, so that nobody has to wait
  // for the lock's time-out.
  void give_back_rows() {
    if (shared_->options().capture != CaptureMode::row) return;
    const TableColumns& columns = table_->shape().columns;
    connection_.run(
        "leaving",
        fmt::format("UPDATE {} SET {} = {}, {} = NULL, {} = NULL{} WHERE {} AND {} = {} AND {} = "
                    "{}",
                    table_->in_order(), Table::column(columns.status),
                    quote_text(table_->shape().status.pending), Table::column(columns.locked_by),
                    Table::column(columns.locked_at), table_->touch(), table_->unsettled(),
                    Table::column(columns.status), quote_text(*table_->shape().status.processing),
                    Table::column(columns.locked_by), quote_text(member())));
  }

  void note_high_water() {
    const Moment now = BootClock::now();
    if (!table_->counts_ids() || now < next_high_water_) return;
    next_high_water_ = now + high_water_interval;
    store_high_water(connection_, *table_);
  }

  std::shared_ptr<Shared> shared_;
  Connection connection_;
  std::shared_ptr<const Table> table_;
  std::string member_sql_;
  std::string forget_sql_;
  std::string count_sql_;
  std::string pauses_sql_;
  Moment next_high_water_{};
};

}  // namespace

KeyState key_state(const Table& table, const Result& row) {
  KeyState state{.key = row.text(0),
                 .topic = row.text(1),
                 .slot = row.integer(2),
                 .attempts = row.integer(3),
                 .blocked_for = std::chrono::milliseconds(row.number(4)),
                 .head = {},
                 .reason = row.text(6)};
  if (table.number_ids())
    state.head.number = row.number(5);
  else
    state.head.text = row.text(5);
  return state;
}

std::unique_ptr<Leases> make_leases(std::shared_ptr<Shared> shared) {
  return std::make_unique<MariadbLeases>(std::move(shared));
}

}  // namespace outbox::store::mariadb
