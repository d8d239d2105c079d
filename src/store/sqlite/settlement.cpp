// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>

#include "core/clock.hpp"
#include "core/json_text.hpp"
#include "store/sqlite/seams.hpp"

namespace outbox::store::sqlite {

namespace {

constexpr std::size_t reason_characters_max = 2000;

// What people read: at most 2,000 characters (B4), UTF-8, and without zero bytes, at which texts
// would end for SQLite's functions.
std::string clean_reason(std::string_view reason) {
  std::string clean(reason);
  std::replace(clean.begin(), clean.end(), '\0', '?');
  while (const auto fault = find_utf8_fault(clean))
    clean[fault->offset] = '?';
  std::size_t characters = 0;
  for (std::size_t i = 0; i < clean.size(); ++i) {
    const bool begins = (static_cast<unsigned char>(clean[i]) & 0xC0U) != 0x80U;
    if (begins && ++characters > reason_characters_max) {
      clean.resize(i);
      break;
    }
  }
  return clean;
}

std::int64_t after_us(std::int64_t now_us, std::chrono::milliseconds delay) {
  return now_us + std::chrono::microseconds(delay).count();
}

void bind_id(Query& query, int index, const RowId& id, const Table& table) {
  if (table.number_ids())
    query.bind(index, id.number);
  else
    query.bind(index, std::string_view(id.text));
}

class SqliteSettlement final : public Settlement {
 public:
  explicit SqliteSettlement(SharedContext context) : context_(std::move(context)) {}

  SettleResult settle(const SettleRequest& request) override {
    const Turn turn = context_->write();
    Transaction transaction(turn.connection());
    SettleResult result;
    // The transaction holds the only writers' lock there is: nobody takes a slot before its end.
    const std::set<int> standing = standing_slots(turn.connection(), request, result);
    const std::int64_t now_us = wall_clock_us();
    result.rows_settled += publish(turn.connection(), request.published, standing, now_us);
    result.rows_settled += change(turn.connection(), request.changes, standing, now_us);
    for (const KeyChange& key : request.keys) {
      if (standing.contains(key.slot)) write_key(turn.connection(), key, now_us);
    }
    const std::vector<RowId> replayed =
        context_->replays->among(request.published, request.changes);
    if (!replayed.empty() && result.lost_slots.empty()) forget(turn.connection(), replayed);
    transaction.commit();
    if (result.lost_slots.empty()) context_->replays->remove(replayed);
    return result;
  }

 private:
  void forget(Connection& connection, const std::vector<RowId>& replayed) const {
    for (const RowId& id : replayed) {
      connection
          .query("DELETE FROM outboxd_replays WHERE outbox_table = ?1 AND row_id = ?2",
                 context_->table_name, to_string(id))
          .run();
    }
  }

  [[nodiscard]] std::set<int> standing_slots(Connection& connection, const SettleRequest& request,
                                             SettleResult& result) const {
    std::set<int> standing;
    for (const SlotLease& lease : request.leases) {
      Query query = connection.query(
          "SELECT 1 FROM outboxd_slots WHERE outbox_table = ?1 AND relay_name = ?2 AND slot = ?3 "
          "AND epoch = ?4 AND token = ?5 AND owner = ?6",
          context_->table_name, context_->options.relay_name, lease.slot, lease.epoch,
          to_string(lease.token), context_->options.member_name);
      if (query.step()) {
        standing.insert(lease.slot);
      } else {
        result.lost_slots.push_back(lease.slot);
      }
    }
    return standing;
  }

  std::int64_t publish(Connection& connection, std::span<const PublishedRow> rows,
                       const std::set<int>& standing, std::int64_t now_us) const {
    const bool marks = context_->options.settle == SettleMode::mark;
    const TimestampText now = format_timestamp(now_us);
    const Table& table = context_->table(connection);
    Query query = connection.query(marks ? table.sql.publish_mark : table.sql.publish_remove);
    if (marks) query.bind(1, std::string_view(now.text));
    std::int64_t settled = 0;
    for (const PublishedRow& row : rows) {
      if (!standing.contains(row.slot)) continue;
      bind_id(query, marks ? 2 : 1, row.id, table);
      query.run();
      settled += connection.changes();
    }
    return settled;
  }

  std::int64_t change(Connection& connection, std::span<const RowChange> changes,
                      const std::set<int>& standing, std::int64_t now_us) const {
    std::int64_t settled = 0;
    const Table& table = context_->table(connection);
    for (const RowChange& change : changes) {
      if (!standing.contains(change.slot)) continue;
      const std::string reason = clean_reason(change.reason);
      if (change.outcome == RowOutcome::retry) {
        const TimestampText next = format_timestamp(after_us(now_us, change.retry_after));
        Query query = connection.query(table.sql.retry, std::string_view(next.text), reason);
        bind_id(query, 3, change.id, table);
        query.run();
      } else if (change.outcome == RowOutcome::dead) {
        Query query = connection.query(table.sql.die, reason);
        bind_id(query, 2, change.id, table);
        query.bind(3, static_cast<std::int64_t>(change.attempts_made));
        query.run();
      } else {
        continue;  // `released` undoes a row lock, which SQLite has not.
      }
      settled += connection.changes();
    }
    return settled;
  }

  void write_key(Connection& connection, const KeyChange& key, std::int64_t now_us) const {
    if (key.attempts == 0) {
      connection
          .query(
              "DELETE FROM outboxd_keys WHERE outbox_table = ?1 AND relay_name = ?2 "
              "AND wire_key = ?3",
              context_->table_name, context_->options.relay_name, key.key)
          .run();
      return;
    }
    connection
        .query(
            "INSERT INTO outboxd_keys (outbox_table, relay_name, wire_key, topic, slot, attempts, "
            "blocked_until, head, reason) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) "
            "ON CONFLICT (outbox_table, relay_name, wire_key) DO UPDATE SET topic = "
            "excluded.topic, "
            "slot = excluded.slot, attempts = excluded.attempts, "
            "blocked_until = excluded.blocked_until, head = excluded.head, "
            "reason = excluded.reason",
            context_->table_name, context_->options.relay_name, key.key, key.topic, key.slot,
            key.attempts, after_us(now_us, key.blocked_for), to_string(key.head),
            clean_reason(key.reason))
        .run();
  }

  const SharedContext context_;
};

}  // namespace

std::unique_ptr<Settlement> make_settlement(SharedContext context) {
  return std::make_unique<SqliteSettlement>(std::move(context));
}

}  // namespace outbox::store::sqlite
