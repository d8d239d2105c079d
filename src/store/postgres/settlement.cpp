// SPDX-License-Identifier: Apache-2.0
//
// Every statement is gated by the fence: it counts the leases that still stand, locked for share,
// and touches no row unless that is all of them. Where some are lost, nothing was written and the
// rest is settled in a second go, so that the usual case costs no join on slots.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "core/clean_text.hpp"
#include "store/postgres/fence.hpp"
#include "store/postgres/read_filter.hpp"
#include "store/postgres/seams.hpp"
#include "store/settle_work.hpp"

namespace outbox::store::postgres {
namespace {

constexpr std::string_view doing = "settling rows";
constexpr std::size_t reason_max = 2000;  // B4

class PostgresSettlement final : public Settlement {
 public:
  explicit PostgresSettlement(std::shared_ptr<Shared> shared)
      : shared_(std::move(shared)), connection_(shared_->connection_options("relay settle")) {}

  SettleResult settle(const SettleRequest& request) override {
    if (!table_) prepare();
    SettleWork work(request);
    SettleResult result;
    while (!work.leases.empty() && !work.nothing_to_write()) {
      const std::vector<int> asked = work.held();
      std::vector<int> standing = settle_once(work, result);
      if (standing.size() == asked.size()) break;
      std::sort(standing.begin(), standing.end());
      std::set_difference(asked.begin(), asked.end(), standing.begin(), standing.end(),
                          std::back_inserter(result.lost_slots));
      work.keep_slots(standing);
    }
    return result;
  }

 private:
  void prepare() {
    table_ = shared_->table(connection_);
    const TableColumns& columns = table_->shape().columns;
    still_ours_ = table_->unsettled();
    if (shared_->options().capture == CaptureMode::row) {
      still_ours_ = fmt::format("{} = {} AND {} = {}", Table::column(columns.status),
                                quote_literal(*table_->shape().status.processing),
                                Table::column(columns.locked_by),
                                quote_literal(shared_->options().member_name));
    }
    published_sql_ = published_sql();
  }

  // Returns the slots whose lease stood; when these are all of them the work is done.
  std::vector<int> settle_once(const SettleWork& work, SettleResult& result) {
    const std::vector<RowId> replayed = shared_->replays().among(work.published, work.changes);
    if (work.changes.empty() && work.keys.empty() && replayed.empty())
      return settle_published(work, result);
    std::vector<std::string> texts;
    std::vector<Parameters> values;
    const auto add = [&](const std::string& action, Parameters parameters) {
      texts.push_back(gated(work, action, parameters));
      values.push_back(std::move(parameters));
    };
    std::size_t rows_until = 0;
    if (!work.published.empty()) {
      add(published_sql_, published_parameters(work));
      ++rows_until;
    }
    rows_until += add_changes(work, add);
    add_keys(work, add);
    if (!replayed.empty()) add_replays(replayed, add);
    std::vector<Statement> statements;
    for (std::size_t i = 0; i < texts.size(); ++i) {
      statements.push_back({.sql = texts[i], .parameters = std::move(values[i])});
    }
    const std::vector<Result> results = connection_.run_unit(doing, statements);
    for (std::size_t i = 0; i < rows_until; ++i)
      result.rows_settled += results[i].number(0, 1);
    std::vector<int> standing = results.front().integers(0, 0);
    if (standing.size() == work.leases.size()) shared_->replays().remove(replayed);
    return standing;
  }

  // The usual case, as near to a plain UPDATE as the fence lets it be: the count of touched rows
  // alone tells that the gate was open.
  std::vector<int> settle_published(const SettleWork& work, SettleResult& result) {
    Parameters parameters = published_parameters(work);
    const std::string gate = gate_sql(work, parameters);
    const std::int64_t touched =
        connection_.run(doing, fmt::format("WITH {} {}", gate, published_sql_), parameters)
            .touched();
    result.rows_settled += touched;
    if (touched > 0) return work.held();
    // The gate was shut, or the rows are settled already. A lease that was lost never comes back,
    // so that asking afterwards finds the same ones missing.
    Parameters leases;
    const std::string lease = lease_sql(*table_, leases, work.leases, "");
    const Result standing = connection_.run(doing, lease, leases, Effect::reads);
    std::vector<int> slots;
    for (int row = 0; row < standing.rows(); ++row)
      slots.push_back(standing.integer(row, 0));
    return slots;
  }

  Parameters published_parameters(const SettleWork& work) const {
    Parameters parameters;
    bind_ids(parameters, *table_, work.published,
             [](const PublishedRow& row) -> const RowId& { return row.id; });
    return parameters;
  }

  std::string gate_sql(const SettleWork& work, Parameters& parameters) const {
    return fmt::format(
        "lease AS MATERIALIZED ({}), gate AS MATERIALIZED (SELECT array_agg(slot) AS slots, "
        "count(*) = {} AS open FROM lease)",
        lease_sql(*table_, parameters, work.leases), work.leases.size());
  }

  std::string gated(const SettleWork& work, const std::string& action,
                    Parameters& parameters) const {
    const std::string gate = gate_sql(work, parameters);
    return fmt::format(
        "WITH {}, done AS ({} RETURNING 1) "
        "SELECT (SELECT slots FROM gate), (SELECT count(*) FROM done)",
        gate, action);
  }

  static constexpr std::string_view gate_ = "(SELECT open FROM gate)";

  [[nodiscard]] std::string published_sql() const {
    const TableShape& shape = table_->shape();
    const std::string where =
        fmt::format("WHERE {} AND {} = ANY ({}) AND {}", gate_, Table::column(shape.columns.id),
                    table_->id_array("$1"), still_ours_);
    if (shared_->options().settle == SettleMode::remove) {
      return fmt::format("DELETE FROM {} t {}", table_->name(), where);
    }
    std::string set = fmt::format("{} = {}", quote_identifier(*shape.columns.status),
                                  table_->word(shape.status.published));
    if (table_->has(shape.columns.published_at)) {
      set += fmt::format(", {} = {}", quote_identifier(*shape.columns.published_at),
                         table_->clock(shape.columns.published_at, "now()"));
    }
    return fmt::format("UPDATE {} t SET {}{} {}", table_->name(), set, table_->touch(), where);
  }

  template <class Add>
  std::size_t add_changes(const SettleWork& work, Add& add) {
    std::size_t statements = 0;
    for (const RowOutcome outcome : {RowOutcome::retry, RowOutcome::dead, RowOutcome::released}) {
      std::vector<RowChange> changes;
      for (const RowChange& change : work.changes) {
        if (change.outcome == outcome) changes.push_back(change);
      }
      if (changes.empty()) continue;
      Parameters parameters;
      bind_ids(parameters, *table_, changes,
               [](const RowChange& change) -> const RowId& { return change.id; });
      std::vector<std::string> reasons;
      std::vector<std::int64_t> waits_ms;
      std::vector<std::int64_t> attempts;
      for (const RowChange& change : changes) {
        reasons.push_back(clean_text(change.reason, reason_max));
        waits_ms.push_back(change.retry_after.count());
        attempts.push_back(change.attempts_made);
      }
      parameters.texts(reasons).numbers(waits_ms).numbers(attempts);
      add(change_sql(outcome), std::move(parameters));
      ++statements;
    }
    return statements;
  }

  [[nodiscard]] std::string change_sql(RowOutcome outcome) const {
    const TableShape& shape = table_->shape();
    const TableColumns& columns = shape.columns;
    const bool counts = outcome == RowOutcome::retry;
    const bool dead = outcome == RowOutcome::dead;
    const std::string& word = dead     ? shape.status.dead
                              : counts ? table_->retried_word()
                                       : shape.status.pending;
    std::string set = fmt::format("{} = {}", quote_identifier(*columns.status), table_->word(word));
    const auto put = [&](const TableColumns::Column& column, const std::string& value) {
      if (table_->has(column)) set += fmt::format(", {} = {}", quote_identifier(*column), value);
    };
    if (counts || dead) {
      put(columns.retry_count,
          fmt::format("coalesce({}, 0) + c.attempts",
                      table_->has(columns.retry_count) ? Table::column(columns.retry_count) : "0"));
    }
    if (counts && table_->has(columns.next_attempt_at)) {
      put(columns.next_attempt_at,
          table_->clock(columns.next_attempt_at,
                        "clock_timestamp() + c.wait_ms * interval '1 millisecond'"));
    }
    if (dead && table_->has(columns.next_attempt_at)) {
      // In our own table the column, of no other use from now on, keeps the time of death.
      put(columns.next_attempt_at, shape.dead_is_failed_for_ever() ? "'infinity'"
                                   : shape.native ? table_->clock(columns.next_attempt_at)
                                                  : "NULL");
    }
    // An explicit cast cuts to the column's length, where an assignment would fail for ever.
    if ((counts || dead) && table_->has(columns.error_message)) {
      put(columns.error_message,
          fmt::format("c.reason::{}", table_->type(columns.error_message).full_name));
    }
    put(columns.locked_by, "NULL");
    put(columns.locked_at, "NULL");
    return fmt::format(
        "UPDATE {} t SET {}{} FROM unnest({}, $2::text[], $3::bigint[], $4::bigint[]) "
        "AS c(id, reason, wait_ms, attempts) "
        "WHERE {} AND {} = c.id AND {}",
        table_->name(), set, table_->touch(), table_->id_array("$1"), gate_,
        Table::column(columns.id), still_ours_);
  }

  template <class Add>
  void add_keys(const SettleWork& work, Add& add) {
    std::vector<KeyChange> kept;
    std::vector<std::string> removed;
    for (const KeyChange& key : work.keys) {
      if (key.attempts > 0)
        kept.push_back(key);
      else
        removed.push_back(key.key);
    }
    if (!removed.empty()) {
      Parameters parameters;
      parameters.texts(removed);
      add(fmt::format("DELETE FROM {} k WHERE {} AND {} AND k.key_hash IN (SELECT "
                      "sha256(convert_to(u, getdatabaseencoding())) FROM unnest($1::text[]) u)",
                      table_->own("keys"), gate_, table_->mine("k")),
          std::move(parameters));
    }
    if (kept.empty()) return;
    // The last word on a key counts; one statement may name a row once only.
    std::stable_sort(kept.begin(), kept.end(),
                     [](const KeyChange& a, const KeyChange& b) { return a.key < b.key; });
    std::reverse(kept.begin(), kept.end());
    kept.erase(std::unique(kept.begin(), kept.end(),
                           [](const KeyChange& a, const KeyChange& b) { return a.key == b.key; }),
               kept.end());
    add(keep_keys_sql(), key_parameters(kept));
  }

  template <class Add>
  void add_replays(const std::vector<RowId>& replayed, Add& add) const {
    std::vector<std::string> ids;
    for (const RowId& id : replayed)
      ids.push_back(to_string(id));
    Parameters parameters;
    parameters.texts(ids);
    add(fmt::format("DELETE FROM {} r WHERE {} AND r.outbox_table = {} AND r.row_id = ANY "
                    "($1::text[])",
                    table_->own("replays"), gate_, table_->outbox_literal()),
        std::move(parameters));
  }

  static Parameters key_parameters(const std::vector<KeyChange>& keys) {
    std::vector<std::string> names;
    std::vector<std::string> topics;
    std::vector<std::string> heads;
    std::vector<std::string> reasons;
    std::vector<std::int32_t> slots;
    std::vector<std::int32_t> attempts;
    std::vector<std::int64_t> waits_ms;
    for (const KeyChange& key : keys) {
      names.push_back(key.key);
      topics.push_back(key.topic);
      heads.push_back(to_string(key.head));
      reasons.push_back(clean_text(key.reason, reason_max));
      slots.push_back(key.slot);
      attempts.push_back(key.attempts);
      waits_ms.push_back(key.blocked_for.count());
    }
    Parameters parameters;
    parameters.texts(names).texts(topics).texts(heads).texts(reasons);
    parameters.integers(slots).integers(attempts).numbers(waits_ms);
    return parameters;
  }

  [[nodiscard]] std::string keep_keys_sql() const {
    return fmt::format(
        "INSERT INTO {keys} AS k (outbox_table, relay_name, key_hash, wire_key, topic, head, "
        "reason, slot, attempts, blocked_until) SELECT {outbox}, {relay}, "
        "sha256(convert_to(u.key, getdatabaseencoding())), u.key, u.topic, u.head, u.reason, "
        "u.slot, u.attempts, "
        "clock_timestamp() + u.wait_ms * interval '1 millisecond' FROM unnest($1::text[], "
        "$2::text[], $3::text[], $4::text[], $5::int[], $6::int[], $7::bigint[]) "
        "AS u(key, topic, head, reason, slot, attempts, wait_ms) WHERE {gate} "
        "ON CONFLICT (outbox_table, relay_name, key_hash) DO UPDATE SET topic = excluded.topic, "
        "head = excluded.head, reason = excluded.reason, slot = excluded.slot, "
        "attempts = excluded.attempts, blocked_until = excluded.blocked_until",
        fmt::arg("keys", table_->own("keys")), fmt::arg("outbox", table_->outbox_literal()),
        fmt::arg("relay", table_->relay_literal()), fmt::arg("gate", gate_));
  }

  std::shared_ptr<Shared> shared_;
  Connection connection_;
  std::shared_ptr<const Table> table_;
  std::string still_ours_;
  std::string published_sql_;
};

}  // namespace

std::unique_ptr<Settlement> make_settlement(std::shared_ptr<Shared> shared) {
  return std::make_unique<PostgresSettlement>(std::move(shared));
}

}  // namespace outbox::store::postgres
