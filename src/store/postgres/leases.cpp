// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "core/clock.hpp"
#include "store/postgres/fence.hpp"
#include "store/postgres/read_filter.hpp"
#include "store/postgres/seams.hpp"
#include "store/postgres/terms.hpp"
#include "store/relay_pauses.hpp"

namespace outbox::store::postgres {
namespace {

using namespace std::chrono_literals;

// How often the highest id is written down, by which a restore or a restarted sequence is seen.
constexpr auto high_water_interval = 10s;
// How often it is looked whether the pauses can be read, where they cannot.
constexpr auto pauses_look_interval = 30s;

std::string host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return "?";
  return name.data();
}

RowId row_id(const Table& table, const std::string& text) {
  RowId id;
  if (table.number_ids())
    id.number = std::strtoll(text.c_str(), nullptr, 10);
  else
    id.text = text;
  return id;
}

class PostgresLeases final : public Leases {
 public:
  explicit PostgresLeases(std::shared_ptr<Shared> shared)
      : shared_(std::move(shared)), connection_(shared_->connection_options("relay leases")) {}

  void join() override {
    prepare();
    const Terms terms = terms_of(shared_->options());
    Transaction transaction(connection_);
    check_terms(connection_, *table_, terms);
    make_slots(connection_, *table_);
    connection_.run("joining", member_sql_, member_parameters());
    transaction.commit();
  }

  Heartbeat heartbeat(std::span<const SlotLease> held) override {
    prepare();
    Statement alive{.sql = member_sql_, .parameters = member_parameters()};
    Statement renew{.sql = {}, .parameters = {}};
    const std::string renew_text = renew_sql(renew.parameters, held);
    renew.sql = renew_text;
    Statement forget{.sql = forget_sql_, .parameters = {}};
    Statement count{.sql = count_sql_, .parameters = {}};
    const std::array statements = {std::move(alive), std::move(renew), std::move(forget),
                                   std::move(count)};
    const std::vector<Result> results = connection_.run_unit("sending a heartbeat", statements);
    Heartbeat heartbeat;
    for (int row = 0; row < results[1].rows(); ++row) {
      heartbeat.renewed_slots.push_back(results[1].integer(row, 0));
    }
    std::sort(heartbeat.renewed_slots.begin(), heartbeat.renewed_slots.end());
    heartbeat.live_members = results[3].integer(0, 0);
    heartbeat.slots = results[3].integer(0, 1);
    heartbeat.free_slots = results[3].integer(0, 2);
    note_high_water();
    read_pauses(heartbeat);
    return heartbeat;
  }

  std::vector<AcquiredSlot> acquire(int slots_max) override {
    prepare();
    if (slots_max <= 0) return {};
    Transaction transaction(connection_);
    const Result taken = connection_.run(
        "taking slots", acquire_sql_,
        Parameters().integer(slots_max).text(shared_->options().member_name).number(ttl_ms()));
    std::vector<AcquiredSlot> acquired;
    for (int row = 0; row < taken.rows(); ++row) {
      acquired.push_back({.lease = {.slot = taken.integer(row, 0),
                                    .epoch = taken.number(row, 1),
                                    .token = taken.uuid(row, 2)},
                          .keys = {}});
    }
    std::sort(acquired.begin(), acquired.end(),
              [](const auto& a, const auto& b) { return a.lease.slot < b.lease.slot; });
    // A statement of its own: it sees what the former owner settled until the slot was taken.
    read_keys(acquired);
    transaction.commit();
    return acquired;
  }

  void release(std::span<const SlotLease> held) override {
    prepare();
    if (held.empty()) return;
    Parameters parameters;
    const std::string lease = lease_sql(*table_, parameters, held, "FOR NO KEY UPDATE OF s");
    connection_.run("releasing slots",
                    fmt::format("WITH mine AS MATERIALIZED ({}) UPDATE {} s SET owner = NULL, "
                                "token = NULL, expires_at = NULL FROM mine "
                                "WHERE s.slot = mine.slot AND {}",
                                lease, table_->own("slots"), table_->mine("s")),
                    parameters);
  }

  void leave() override {
    prepare();
    std::vector<Statement> statements;
    const auto add = [&](std::string_view sql) {
      statements.push_back(
          {.sql = sql, .parameters = Parameters().text(shared_->options().member_name)});
    };
    const std::string rows = give_back_rows_sql();
    if (!rows.empty()) add(rows);
    const std::string slots = fmt::format(
        "UPDATE {} s SET owner = NULL, token = NULL, expires_at = NULL "
        "WHERE {} AND s.owner = $1",
        table_->own("slots"), table_->mine("s"));
    const std::string member = fmt::format("DELETE FROM {} m WHERE {} AND m.member_name = $1",
                                           table_->own("members"), table_->mine("m"));
    add(slots);
    add(member);
    connection_.run_unit("leaving", statements);
  }

  LeaseView view() override {
    prepare();
    LeaseView view;
    const Result slots =
        connection_.run("reading the slots", view_slots_sql(), Parameters(), Effect::reads);
    for (int row = 0; row < slots.rows(); ++row) {
      view.slots.push_back({.slot = slots.integer(row, 0),
                            .owner = slots.text(row, 1),
                            .epoch = slots.number(row, 2),
                            .expires_in = std::chrono::milliseconds(slots.number(row, 3))});
    }
    const Result members =
        connection_.run("reading the members", view_members_sql(), Parameters(), Effect::reads);
    for (int row = 0; row < members.rows(); ++row) {
      view.members.push_back({.name = members.text(row, 0),
                              .host = members.text(row, 1),
                              .process_id = members.number(row, 2),
                              .heartbeat_age = std::chrono::milliseconds(members.number(row, 3)),
                              .live = members.boolean(row, 4)});
    }
    return view;
  }

 private:
  [[nodiscard]] std::int64_t ttl_ms() const { return shared_->options().lease_ttl.count(); }

  [[nodiscard]] Parameters member_parameters() const {
    Parameters parameters;
    parameters.text(shared_->options().member_name).text(host_name());
    parameters.number(::getpid()).number(ttl_ms());
    return parameters;
  }

  void prepare() {
    if (table_) return;
    table_ = shared_->table(connection_);
    const std::string members = table_->own("members");
    member_sql_ = fmt::format(
        "INSERT INTO {} AS m (outbox_table, relay_name, member_name, host, process_id, "
        "heartbeat_at, expires_at) VALUES ({}, {}, $1, $2, $3, clock_timestamp(), "
        "clock_timestamp() + $4 * interval '1 millisecond') "
        "ON CONFLICT (outbox_table, relay_name, member_name) DO UPDATE SET "
        "heartbeat_at = excluded.heartbeat_at, expires_at = excluded.expires_at",
        members, table_->outbox_literal(), table_->relay_literal());
    // A dead member's name says that its row locks are stale, as long as such locks may be there.
    forget_sql_ = fmt::format(
        "DELETE FROM {} m WHERE {} AND m.expires_at < clock_timestamp() - interval '{} "
        "milliseconds'",
        members, table_->mine("m"), shared_->options().lock_timeout.count() * 2 + 60'000);
    count_sql_ = fmt::format(
        "SELECT (SELECT count(*) FROM {} m WHERE {} AND m.expires_at > clock_timestamp()), "
        "count(*), count(*) FILTER (WHERE s.owner IS NULL OR s.expires_at <= clock_timestamp()) "
        "FROM {} s WHERE {}",
        members, table_->mine("m"), table_->own("slots"), table_->mine("s"));
    // The table is a row or none, as a rule; as many as may be paused are read at most.
    pauses_sql_ = fmt::format(
        "SELECT p.kind, p.name, p.who, p.reason, (extract(epoch FROM p.since) * 1000000)::bigint "
        "FROM {} p WHERE p.outbox_table = {} AND (p.kind IN ('topic', 'key') OR "
        "p.kind = 'relay' AND p.name = {}) ORDER BY p.since LIMIT {}",
        table_->own("pauses"), table_->outbox_literal(), table_->relay_literal(), relay_pauses_max);
    const auto limit = [](std::string_view name, std::chrono::milliseconds time) {
      return fmt::format("SELECT pg_catalog.set_config('{}', '{}', true)", name, time.count());
    };
    pauses_lock_sql_ = limit("lock_timeout", pauses_lock_timeout);
    pauses_time_sql_ = limit("statement_timeout", pauses_read_timeout);
    acquire_sql_ = fmt::format(
        "WITH free AS MATERIALIZED (SELECT s.slot FROM {slots} s WHERE {mine} AND (s.owner IS NULL "
        "OR s.expires_at <= clock_timestamp()) ORDER BY s.slot LIMIT $1 "
        "FOR NO KEY UPDATE OF s SKIP LOCKED) "
        "UPDATE {slots} s SET owner = $2, epoch = s.epoch + 1, token = gen_random_uuid(), "
        "expires_at = clock_timestamp() + $3 * interval '1 millisecond' FROM free "
        "WHERE s.slot = free.slot AND {mine} RETURNING s.slot, s.epoch, s.token",
        fmt::arg("slots", table_->own("slots")), fmt::arg("mine", table_->mine("s")));
  }

  // In a transaction of its own, when the leases are renewed: while it waits for somebody's lock,
  // nobody who settles waits for the slots. A relay that is newer than the schema, or whose user
  // may not read them, works without pauses; after any other fault those that were known stand.
  void read_pauses(Heartbeat& heartbeat) {
    try {
      look_for_pauses();
      heartbeat.pauses = reads_pauses_ ? standing_pauses() : std::vector<Pause>();
    } catch (const SqlError& error) {
      constexpr std::string_view no_such_table = "42P01";
      constexpr std::string_view no_right = "42501";
      if (error.sqlstate() == no_such_table || error.sqlstate() == no_right) {
        reads_pauses_ = false;
        heartbeat.pauses.emplace();
      } else {
        heartbeat.pauses_fault = error.what();
      }
    } catch (const Error& error) {
      heartbeat.pauses_fault = error.what();
    }
  }

  void look_for_pauses() {
    const Moment now = BootClock::now();
    if (reads_pauses_ || now < next_pauses_look_) return;
    const Result found = connection_.run(
        "looking for pauses",
        "SELECT coalesce(pg_catalog.has_table_privilege(pg_catalog.to_regclass($1), 'SELECT'), "
        "false)",
        Parameters().text(table_->own("pauses")), Effect::reads);
    reads_pauses_ = found.boolean(0, 0);
    next_pauses_look_ = now + pauses_look_interval;
  }

  std::vector<Pause> standing_pauses() {
    const Statement lock_limit{.sql = pauses_lock_sql_, .parameters = {}};
    const Statement time_limit{.sql = pauses_time_sql_, .parameters = {}};
    const Statement read{.sql = pauses_sql_, .parameters = {}};
    const Result found =
        connection_.run_unit("reading the pauses", std::array{lock_limit, time_limit, read}).back();
    std::vector<Pause> pauses;
    for (int row = 0; row < found.rows(); ++row) {
      pauses.push_back({.kind = relay_pause_kind(found.bytes(row, 0)),
                        .name = found.text(row, 1),
                        .who = found.text(row, 2),
                        .reason = found.text(row, 3),
                        .since_us = found.number(row, 4)});
    }
    return pauses;
  }

  std::string renew_sql(Parameters& parameters, std::span<const SlotLease> held) const {
    const std::string lease = lease_sql(*table_, parameters, held, "FOR NO KEY UPDATE OF s");
    const std::string ttl = fmt::format("${}", parameters.count() + 1);
    parameters.number(ttl_ms());
    return fmt::format(
        "WITH mine AS MATERIALIZED ({}) UPDATE {} s SET expires_at = clock_timestamp() + {} * "
        "interval '1 millisecond' FROM mine WHERE s.slot = mine.slot AND {} RETURNING s.slot",
        lease, table_->own("slots"), ttl, table_->mine("s"));
  }

  void read_keys(std::vector<AcquiredSlot>& acquired) {
    std::vector<std::int32_t> slots;
    for (const AcquiredSlot& slot : acquired)
      slots.push_back(slot.lease.slot);
    if (slots.empty()) return;
    const Result keys = connection_.run("reading the keys of slots", keys_sql(),
                                        Parameters().integers(slots), Effect::reads);
    for (int row = 0; row < keys.rows(); ++row) {
      KeyState state{.key = keys.text(row, 0),
                     .topic = keys.text(row, 1),
                     .slot = keys.integer(row, 2),
                     .attempts = keys.integer(row, 3),
                     .blocked_for = std::chrono::milliseconds(keys.number(row, 4)),
                     .head = row_id(*table_, keys.text(row, 5)),
                     .reason = keys.text(row, 6)};
      for (AcquiredSlot& slot : acquired) {
        if (slot.lease.slot == state.slot) slot.keys.push_back(state);
      }
    }
  }

  [[nodiscard]] std::string keys_sql() const {
    return fmt::format(
        "SELECT k.wire_key, k.topic, k.slot, k.attempts, "
        "(extract(epoch FROM k.blocked_until - clock_timestamp()) * 1000)::bigint, k.head, "
        "k.reason FROM {} k WHERE {} AND k.slot = ANY ($1) ORDER BY k.slot, k.wire_key",
        table_->own("keys"), table_->mine("k"));
  }

  // Under capture `row`: what this member still has marked goes back, so that nobody has to wait
  // for the lock's time-out.
  [[nodiscard]] std::string give_back_rows_sql() const {
    if (shared_->options().capture != CaptureMode::row) return {};
    const TableColumns& columns = table_->shape().columns;
    return fmt::format(
        "UPDATE {} t SET {} = {}, {} = NULL, {} = NULL{} WHERE {} = {} AND {} = $1", table_->name(),
        quote_identifier(*columns.status), table_->word(table_->shape().status.pending),
        quote_identifier(*columns.locked_by), quote_identifier(*columns.locked_at), table_->touch(),
        Table::column(columns.status), quote_literal(*table_->shape().status.processing),
        Table::column(columns.locked_by));
  }

  [[nodiscard]] std::string view_slots_sql() const {
    return fmt::format(
        "SELECT s.slot, CASE WHEN s.expires_at > clock_timestamp() THEN s.owner END, s.epoch, "
        "greatest((extract(epoch FROM s.expires_at - clock_timestamp()) * 1000)::bigint, 0) "
        "FROM {} s WHERE {} ORDER BY s.slot",
        table_->own("slots"), table_->mine("s"));
  }

  [[nodiscard]] std::string view_members_sql() const {
    return fmt::format(
        "SELECT m.member_name, m.host, m.process_id, "
        "(extract(epoch FROM clock_timestamp() - m.heartbeat_at) * 1000)::bigint, "
        "m.expires_at > clock_timestamp() FROM {} m WHERE {} ORDER BY m.member_name",
        table_->own("members"), table_->mine("m"));
  }

  void note_high_water() {
    const Moment now = BootClock::now();
    if (!table_->sequence() || now < next_high_water_) return;
    next_high_water_ = now + high_water_interval;
    store_high_water(connection_, *table_);
  }

  std::shared_ptr<Shared> shared_;
  Connection connection_;
  std::shared_ptr<const Table> table_;
  std::string member_sql_;
  std::string forget_sql_;
  std::string count_sql_;
  std::string acquire_sql_;
  std::string pauses_lock_sql_;
  std::string pauses_time_sql_;
  std::string pauses_sql_;
  bool reads_pauses_ = false;
  Moment next_pauses_look_{};
  Moment next_high_water_{};
};

}  // namespace

std::unique_ptr<Leases> make_leases(std::shared_ptr<Shared> shared) {
  return std::make_unique<PostgresLeases>(std::move(shared));
}

}  // namespace outbox::store::postgres
