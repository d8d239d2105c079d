// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <nlohmann/json.hpp>

#include "core/clock.hpp"
#include "store/sqlite/seams.hpp"

namespace outbox::store::sqlite {

namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

class SqliteBacklog final : public Backlog {
 public:
  explicit SqliteBacklog(SharedContext context) : context_(std::move(context)) {}

  BacklogView view(std::int64_t count_max) override {
    const auto reader = context_->database->reader(context_->options.statement_timeout);
    // One snapshot for all counts.
    reader->run_script("BEGIN");
    BacklogView view;
    count(*reader, count_max, view);
    list_types(*reader, count_max, {}, view);
    list_keys(*reader, view);
    reader->run_script("COMMIT");
    return view;
  }

  std::vector<TypeCount> pending_types(std::int64_t count_max,
                                       const std::vector<std::string>& known) override {
    const auto reader = context_->database->reader(context_->options.statement_timeout);
    BacklogView view;
    list_types(*reader, count_max, known, view);
    return std::move(view.pending_by_type);
  }

 private:
  void count(Connection& reader, std::int64_t count_max, BacklogView& view) const {
    Query pending = reader.query(context_->table(reader).sql.count_pending, count_max + 1);
    if (pending.step()) {
      view.exact = pending.integer(0) <= count_max;
      view.pending = std::min(pending.integer(0), count_max);
      view.retrying = std::min(pending.integer(1), count_max);
      if (!pending.is_null(2)) {
        view.oldest_pending_age = milliseconds(std::max<std::int64_t>(0, pending.integer(2)));
      }
    }
    Query dead = reader.query(context_->table(reader).sql.count_dead, count_max + 1);
    if (dead.step()) {
      view.exact = view.exact && dead.integer(0) <= count_max;
      view.dead = std::min(dead.integer(0), count_max);
    }
  }

  void list_types(Connection& reader, std::int64_t count_max, const std::vector<std::string>& known,
                  BacklogView& view) const {
    const TableSql& sql = context_->table(reader).sql;
    if (sql.count_types.empty()) return;
    // A text that is no UTF-8 stands in it changed: such a type is only found more than once.
    const std::string list =
        nlohmann::json(known).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    Query types = reader.query(sql.count_types, count_max, list);
    while (types.step()) {
      view.pending_by_type.push_back({std::string(types.text(0)), types.integer(1)});
    }
  }

  void list_keys(Connection& reader, BacklogView& view) const {
    const std::int64_t now_us = wall_clock_us();
    // A file before migration 0011 has no such column.
    const bool has_since =
        reader.query("SELECT 1 FROM pragma_table_info('outboxd_keys') WHERE name = 'since'").step();
    Query query = reader.query(
        "SELECT wire_key, topic, slot, attempts, blocked_until, head, reason, " +
            std::string(has_since ? "since" : "NULL") +
            " FROM outboxd_keys WHERE outbox_table = ?1 AND relay_name = ?2 ORDER BY blocked_until "
            "DESC, wire_key LIMIT 100",
        context_->table_name, context_->options.relay_name);
    while (query.step()) {
      KeyState& key = view.blocked_keys.emplace_back();
      key.key = query.text(0);
      key.topic = query.text(1);
      key.slot = static_cast<int>(query.integer(2));
      key.attempts = static_cast<int>(query.integer(3));
      key.blocked_for =
          std::chrono::duration_cast<milliseconds>(microseconds(query.integer(4) - now_us));
      key.head = context_->row_id_of(query.text(5));
      key.reason = query.text(6);
      if (!query.is_null(7)) {
        key.refused_for = std::max(milliseconds(0), std::chrono::duration_cast<milliseconds>(
                                                        microseconds(now_us - query.integer(7))));
      }
    }
  }

  const SharedContext context_;
};

}  // namespace

std::unique_ptr<Backlog> make_backlog(SharedContext context) {
  return std::make_unique<SqliteBacklog>(std::move(context));
}

}  // namespace outbox::store::sqlite
