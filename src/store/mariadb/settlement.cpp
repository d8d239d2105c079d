// SPDX-License-Identifier: Apache-2.0
//
// The usual request, rows that were published, is one statement: its fence is a condition that
// counts the leases that still stand, locking them for share, so that it touches no row unless that
// is all of them. Anything else is a transaction that looks at the leases first. Where some are
// lost, nothing was written and the rest is settled in a second go.
#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "core/clean_text.hpp"
#include "store/mariadb/fence.hpp"
#include "store/mariadb/seams.hpp"
#include "store/settle_work.hpp"

namespace outbox::store::mariadb {
namespace {

constexpr std::string_view doing = "settling rows";
constexpr std::size_t reason_max = 2000;  // B4

// Of one statement: far below the number at which MariaDB gives up looking ids up one by one, and
// below the size that any server takes.
constexpr std::size_t ids_max = 4000;

template <class Items>
std::vector<std::vector<RowId>> portions(const Items& items) {
  std::vector<std::vector<RowId>> portions;
  for (const auto& item : items) {
    if (portions.empty() || portions.back().size() >= ids_max) portions.emplace_back();
    portions.back().push_back(item.id);
  }
  return portions;
}

class MariadbSettlement final : public Settlement {
 public:
  explicit MariadbSettlement(std::shared_ptr<Shared> shared)
      : shared_(std::move(shared)), connection_(settle_options()) {}

  SettleResult settle(const SettleRequest& request) override {
    if (!table_) prepare();
    SettleWork work(request);
    SettleResult result;
    while (!work.leases.empty() && !work.nothing_to_write()) {
      const std::vector<int> asked = work.held();
      const std::vector<int> standing = settle_once(work, result);
      if (standing.size() == asked.size()) break;
      std::set_difference(asked.begin(), asked.end(), standing.begin(), standing.end(),
                          std::back_inserter(result.lost_slots));
      work.keep_slots(standing);
    }
    return result;
  }

 private:
  [[nodiscard]] ConnectionOptions settle_options() const {
    ConnectionOptions options = shared_->connection_options("relay settle");
    // Of a document's table we do not know what its checks are for.
    options.checks_rows = !shared_->options().table.native;
    return options;
  }

  void prepare() {
    table_ = shared_->table(connection_);
    const TableColumns& columns = table_->shape().columns;
    still_ours_ = table_->unsettled_by_status();
    if (shared_->options().capture == CaptureMode::row) {
      still_ours_ =
          fmt::format("{} = {} AND {} = {}", Table::column(columns.status),
                      quote_text(*table_->shape().status.processing),
                      Table::column(columns.locked_by), quote_text(shared_->options().member_name));
    }
    publish_ = publish_sql();
  }

  // Returns the slots whose lease stood; when these are all of them the work is done.
  std::vector<int> settle_once(const SettleWork& work, SettleResult& result) {
    const auto published = portions(work.published);
    const std::vector<RowId> replayed = shared_->replays().among(work.published, work.changes);
    const bool only_published = work.changes.empty() && work.keys.empty() && replayed.empty();
    if (only_published && published.size() == 1) {
      return settle_published(work, published.front(), result);
    }
    std::int64_t settled = 0;
    std::vector<int> standing = transact(connection_, [&] {
      settled = 0;
      std::vector<int> slots = standing_slots(connection_, *table_, work.leases, Lock::share);
      if (slots.size() < work.leases.size()) return slots;
      for (const std::vector<RowId>& ids : published) {
        settled += connection_.run(doing, publish_ + of(ids)).touched();
      }
      settled += write_changes(work.changes);
      write_keys(work.keys);
      forget_replays(replayed);
      return slots;
    });
    if (standing.size() == work.leases.size()) shared_->replays().remove(replayed);
    result.rows_settled += settled;
    return standing;
  }

  void forget_replays(const std::vector<RowId>& replayed) {
    if (replayed.empty()) return;
    std::string ids;
    for (const RowId& id : replayed)
      ids += (ids.empty() ? "" : ", ") + quote_text(to_string(id));
    connection_.run(doing, fmt::format("DELETE FROM {} WHERE outbox_table = {} AND row_id IN ({})",
                                       table_->own("replays"), table_->outbox_literal(), ids));
  }

  std::vector<int> settle_published(const SettleWork& work, const std::vector<RowId>& ids,
                                    SettleResult& result) {
    const std::string gate = lease_sql(*table_, work.leases, Lock::share, "count(*)");
    const std::int64_t touched = connection_
                                     .run(doing, fmt::format("{}{} AND ({}) = {}", publish_,
                                                             of(ids), gate, work.leases.size()))
                                     .touched();
    result.rows_settled += touched;
    if (touched > 0) return work.held();
    // The gate was shut, or the rows are settled already. A lease that was lost never comes back,
    // so that asking afterwards finds the same ones missing.
    return standing_slots(connection_, *table_, work.leases, Lock::none);
  }

  [[nodiscard]] std::string of(const std::vector<RowId>& ids) const {
    return fmt::format(
        " WHERE {} AND {}",
        id_condition(Table::column(table_->shape().columns.id), ids, table_->number_ids()),
        still_ours_);
  }

  [[nodiscard]] std::string publish_sql() const {
    const TableShape& shape = table_->shape();
    if (shared_->options().settle == SettleMode::remove) {
      return fmt::format("DELETE t FROM {}", table_->by_id());
    }
    std::string set = fmt::format("{} = {}", Table::column(shape.columns.status),
                                  quote_text(shape.status.published));
    if (table_->has(shape.columns.published_at)) {
      set += fmt::format(", {} = {}", Table::column(shape.columns.published_at), now_sql);
    }
    return fmt::format("UPDATE {} SET {}{}", table_->by_id(), set, table_->touch());
  }

  // Rows with the same fate for the same reason go together.
  std::int64_t write_changes(const std::vector<RowChange>& changes) {
    using Fate = std::tuple<RowOutcome, std::string, std::chrono::milliseconds, int>;
    std::map<Fate, std::vector<RowChange>> by_fate;
    for (const RowChange& change : changes) {
      by_fate[{change.outcome, change.reason, change.retry_after, change.attempts_made}].push_back(
          change);
    }
    std::int64_t settled = 0;
    for (const auto& [fate, alike] : by_fate) {
      const std::string update = change_sql(alike.front());
      for (const std::vector<RowId>& ids : portions(alike)) {
        settled += connection_.run(doing, update + of(ids)).touched();
      }
    }
    return settled;
  }

  [[nodiscard]] std::string change_sql(const RowChange& change) const {
    const TableShape& shape = table_->shape();
    const TableColumns& columns = shape.columns;
    const bool counts = change.outcome == RowOutcome::retry;
    const bool dead = change.outcome == RowOutcome::dead;
    const std::string& word = dead     ? shape.status.dead
                              : counts ? table_->retried_word()
                                       : shape.status.pending;
    std::string set = fmt::format("{} = {}", Table::column(columns.status), quote_text(word));
    const auto put = [&](const TableColumns::Column& column, const std::string& value) {
      if (table_->has(column)) set += fmt::format(", {} = {}", Table::column(column), value);
    };
    if ((counts || dead) && table_->has(columns.retry_count)) {
      put(columns.retry_count,
          fmt::format("coalesce({}, 0) + {}", Table::column(columns.retry_count),
                      change.attempts_made));
    }
    if (counts) put(columns.next_attempt_at, after_sql(change.retry_after));
    if (dead && table_->has(columns.next_attempt_at)) {
      // In our own table the column, of no other use from now on, keeps the time of death.
      put(columns.next_attempt_at, shape.dead_is_failed_for_ever()
                                       ? table_->for_ever(columns.next_attempt_at)
                                       : std::string(shape.native ? now_sql : "NULL"));
    }
    if ((counts || dead) && table_->has(columns.error_message)) {
      put(columns.error_message, table_->fitting(columns.error_message, change.reason));
    }
    put(columns.locked_by, "NULL");
    put(columns.locked_at, "NULL");
    return fmt::format("UPDATE {} SET {}{}", table_->by_id(), set, table_->touch());
  }

  void write_keys(const std::vector<KeyChange>& keys) {
    std::string removed;
    std::string kept;
    // The last word on a key counts, and it is the last that is written.
    std::map<std::string_view, const KeyChange*> last;
    for (const KeyChange& key : keys)
      last[key.key] = &key;
    for (const auto& [name, key] : last) {
      if (key->attempts == 0)
        removed += (removed.empty() ? "" : ", ") + hash_of(key->key);
      else
        kept += (kept.empty() ? "" : ", ") + row_of(*key);
    }
    if (!removed.empty()) {
      connection_.run(doing, fmt::format("DELETE FROM {} WHERE outbox_table = {} AND relay_name = "
                                         "{} AND key_hash IN ({})",
                                         table_->own("keys"), table_->outbox_literal(),
                                         table_->relay_literal(), removed));
    }
    if (kept.empty()) return;
    connection_.run(
        doing,
        fmt::format("INSERT INTO {} (outbox_table, relay_name, key_hash, wire_key, topic, head, "
                    "reason, slot, attempts, blocked_until) VALUES {} ON DUPLICATE KEY UPDATE "
                    "topic = VALUES(topic), head = VALUES(head), reason = VALUES(reason), "
                    "slot = VALUES(slot), attempts = VALUES(attempts), "
                    "blocked_until = VALUES(blocked_until)",
                    table_->own("keys"), kept));
  }

  static std::string hash_of(const std::string& key) {
    return fmt::format("unhex(sha2({}, 256))", quote_bytes(key));
  }

  [[nodiscard]] std::string row_of(const KeyChange& key) const {
    return fmt::format("({}, {}, {}, {}, {}, {}, {}, {}, {}, {})", table_->outbox_literal(),
                       table_->relay_literal(), hash_of(key.key), quote_bytes(key.key),
                       quote_text(clean_text(key.topic, 255)), quote_text(to_string(key.head)),
                       quote_text(clean_text(key.reason, reason_max)), key.slot, key.attempts,
                       after_sql(key.blocked_for));
  }

  std::shared_ptr<Shared> shared_;
  Connection connection_;
  std::shared_ptr<const Table> table_;
  std::string still_ours_;
  std::string publish_;
};

}  // namespace

std::unique_ptr<Settlement> make_settlement(std::shared_ptr<Shared> shared) {
  return std::make_unique<MariadbSettlement>(std::move(shared));
}

}  // namespace outbox::store::mariadb
