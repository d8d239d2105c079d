// SPDX-License-Identifier: Apache-2.0
//
// Every change locks the rows that are dead at that moment, by their ids in order, and touches no
// others. A replayed row stands in outboxd_replays until it is settled: no column of the table says
// it, because others have tables without such a column, and because the normal read is to cost no
// more than before (it asks once a statement whether outboxd_replays has any row).
#include <algorithm>
#include <map>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/clean_text.hpp"
#include "core/json_text.hpp"
#include "store/operators/database.hpp"

namespace outbox::store::operators {
namespace {

constexpr std::string_view doing = "changing dead rows";
constexpr std::size_t reason_max = 2000;
constexpr std::size_t who_max = 255;

class OperatorsDeadRows final : public DeadRows {
 public:
  explicit OperatorsDeadRows(std::unique_ptr<Database> database) : database_(std::move(database)) {}

  std::vector<EventView> page(const std::optional<RowId>& after, std::size_t rows_max,
                              std::size_t payload_bytes_max) override {
    if (rows_max == 0) return {};
    const TableShape& shape = database_->outbox().shape;
    const std::string id = database_->column(shape.columns.id);
    const bool by_time = shape.order == RowOrder::created_at && shape.columns.created_at;
    const std::string time = by_time ? database_->column(shape.columns.created_at) : "";
    std::string where = database_->dead();
    if (after && !by_time) where += fmt::format(" AND {} > {}", id, database_->id_literal(*after));
    if (after && by_time) {
      where += fmt::format(" AND ({0} > {1} OR ({0} = {1} AND {2} > {3}))", time, time_of(*after),
                           id, database_->id_literal(*after));
    }
    const std::vector<Row> rows = database_->rows(
        "listing dead rows",
        fmt::format(
            "SELECT {}{} FROM {} WHERE {} ORDER BY {}{} LIMIT {}", database_->shown(id),
            by_time ? ", " + database_->shown(database_->literal_of(shape.columns.created_at)) : "",
            database_->from(Way::dead), where, by_time ? time + ", " : "", id, rows_max));
    std::vector<RowId> ids;
    for (const Row& row : rows)
      ids.push_back(id_of(*database_, *row[0]));
    if (by_time && !rows.empty()) last_ = {ids.back(), rows.back()[1].value_or("NULL")};
    return read_views(*database_, ids, payload_bytes_max);
  }

  DeadRowsView count(std::int64_t count_max) override {
    try {
      const std::vector<Row> rows =
          database_->rows("counting dead rows",
                          fmt::format("SELECT {} FROM (SELECT 1 FROM {} WHERE {} LIMIT {}) d",
                                      database_->shown("count(*)"), database_->from(Way::dead),
                                      database_->dead(), count_max + 1));
      const std::int64_t counted = number_of(rows[0][0]);
      return {.rows = std::min(counted, count_max), .exact = counted <= count_max};
    } catch (const Error& error) {
      if (!database_->is_too_slow(error)) throw;
      return {.rows = 0, .exact = false};
    }
  }

  std::vector<RowId> replay(std::span<const RowId> rows) override {
    std::vector<RowId> dead;
    database_->transact([&] {
      dead = lock_dead(rows);
      if (dead.empty()) return;
      forget_settled_replays();
      set_pending(dead);
      mark(dead);
      forget_keys(dead);
    });
    return dead;
  }

  bool edit(const RowId& row, const RowEdit& edit) override {
    bool is_dead = false;
    database_->transact([&] {
      is_dead = !lock_dead({&row, 1}).empty();
      if (!is_dead) return;
      const std::string set = edited(row, edit);
      if (set.empty()) return;
      database_->change(doing,
                        fmt::format("UPDATE {} SET {}{} WHERE {}", database_->from(Way::by_id), set,
                                    database_->touch(), id_in(*database_, {row})));
    });
    return is_dead;
  }

  std::vector<RowId> discard(std::span<const RowId> rows, const std::string& who,
                             const std::string& reason) override {
    std::vector<RowId> dead;
    database_->transact([&] {
      dead = lock_dead(rows);
      if (dead.empty()) return;
      const TableColumns& columns = database_->outbox().shape.columns;
      const std::string id = database_->column(columns.id);
      const std::string event_id =
          columns.event_id ? database_->shown(database_->as_text(columns.event_id)) : "NULL";
      const std::string chosen = id_in(*database_, dead);
      const auto beside = database_->beside_row_json();
      database_->change(
          doing, fmt::format(
                     "INSERT INTO {} (outbox_table, row_id, event_id, row_json, who, reason, "
                     "at{}) SELECT {}, {}, {}, {}, {}, {}, {}{} FROM {} WHERE {} ORDER BY {}",
                     database_->own("discarded"), beside ? ", " + beside->first : "", outbox(),
                     database_->shown(id), event_id, database_->row_json(),
                     database_->text(clean_text(who, who_max)),
                     database_->text(clean_text(reason, reason_max)), database_->now(),
                     beside ? ", " + beside->second : "", database_->from(Way::by_id), chosen, id));
      forget_replays(dead);
      database_->change(
          doing,
          fmt::format("{} WHERE {}", database_->delete_from(database_->outbox().name), chosen));
    });
    return dead;
  }

 private:
  [[nodiscard]] std::string outbox() const {
    return database_->text(database_->options().table.table);
  }

  // The row itself may be gone by now, discarded by whoever asks for the next page.
  std::string time_of(const RowId& id) {
    if (last_.first == id && !last_.second.empty()) return last_.second;
    const TableColumns& columns = database_->outbox().shape.columns;
    const std::vector<Row> rows = database_->rows(
        doing, fmt::format("SELECT {} FROM {} WHERE {}",
                           database_->shown(database_->literal_of(columns.created_at)),
                           database_->from(Way::by_id), id_in(*database_, {id})));
    if (!rows.empty() && rows.front().front()) return *rows.front().front();
    throw Error(ErrorKind::not_found, "the row at which the page before this one ended is gone",
                "begin with the first page again");
  }

  std::vector<RowId> lock_dead(std::span<const RowId> rows) {
    std::vector<RowId> asked;
    for (const RowId& row : rows) {
      if (is_possible(row)) asked.push_back(row);
    }
    std::ranges::sort(asked);
    const auto doubles = std::ranges::unique(asked);
    asked.erase(doubles.begin(), doubles.end());
    if (asked.empty()) return {};
    const std::string id = database_->column(database_->outbox().shape.columns.id);
    std::vector<RowId> dead;
    for (const Row& row :
         database_->rows(doing, fmt::format("SELECT {} FROM {} WHERE {} AND {} ORDER BY {}{}",
                                            database_->shown(id), database_->from(Way::by_id),
                                            id_in(*database_, asked), database_->dead(), id,
                                            database_->for_update()))) {
      dead.push_back(id_of(*database_, *row[0]));
    }
    return dead;
  }

  bool is_possible(const RowId& row) {
    const Outbox& outbox = database_->outbox();
    if (outbox.number_ids() != row.text.empty() || !is_sound(row.text)) return false;
    return outbox.shape.id_type != IdType::uuid || parse_uuid(row.text).has_value();
  }

  void set_pending(const std::vector<RowId>& rows) {
    const TableShape& shape = database_->outbox().shape;
    const TableColumns& columns = shape.columns;
    std::string set = fmt::format("{} = {}", database_->identifier(columns.status),
                                  database_->text(shape.status.pending));
    const auto put = [&](const Column& column, std::string_view value) {
      if (column) set += fmt::format(", {} = {}", database_->identifier(column), value);
    };
    put(columns.retry_count, "0");
    // A table whose dead rows wait for ever may have no place for "at once" but the present time.
    if (columns.next_attempt_at) {
      put(columns.next_attempt_at, shape.dead_is_failed_for_ever()
                                       ? database_->clock(columns.next_attempt_at)
                                       : std::string("NULL"));
    }
    put(columns.error_message, "NULL");
    put(columns.locked_by, "NULL");
    put(columns.locked_at, "NULL");
    database_->change(doing, fmt::format("UPDATE {} SET {}{} WHERE {}", database_->from(Way::by_id),
                                         set, database_->touch(), id_in(*database_, rows)));
  }

  void mark(const std::vector<RowId>& rows) {
    std::vector<std::string> values;
    for (const RowId& row : rows) {
      values.push_back(
          fmt::format("({}, {}, {})", outbox(), database_->text(to_string(row)), database_->now()));
    }
    database_->change(doing, fmt::format("INSERT INTO {} (outbox_table, row_id, at) VALUES {}{}",
                                         database_->own("replays"), fmt::join(values, ", "),
                                         database_->or_set("outbox_table, row_id", {"at"})));
  }

  void forget_replays(const std::vector<RowId>& rows) {
    database_->change(doing, fmt::format("{} WHERE outbox_table = {} AND row_id IN ({})",
                                         database_->delete_from(database_->own("replays")),
                                         outbox(), texts_of(rows)));
  }

  // The settlement takes a row off the list. Only those that others settled or deleted stay, a few
  // of which are looked for each time.
  void forget_settled_replays() {
    const std::vector<Row> marks = database_->rows(
        doing, fmt::format("SELECT {} FROM {} WHERE outbox_table = {} AND at < {} LIMIT 1000",
                           database_->shown("row_id"), database_->own("replays"), outbox(),
                           database_->ago(std::chrono::minutes(1))));
    if (marks.empty()) return;
    std::vector<RowId> ids;
    for (const Row& row : marks)
      ids.push_back(id_of(*database_, *row[0]));
    const std::string id = database_->column(database_->outbox().shape.columns.id);
    for (const Row& row :
         database_->rows(doing, fmt::format("SELECT {} FROM {} WHERE {} AND {}",
                                            database_->shown(id), database_->from(Way::by_id),
                                            id_in(*database_, ids), database_->unsettled()))) {
      std::erase(ids, id_of(*database_, *row[0]));
    }
    if (!ids.empty()) forget_replays(ids);
  }

  // A relay that takes the slot over is not to wait for a row that begins anew.
  void forget_keys(const std::vector<RowId>& rows) {
    database_->change(doing, fmt::format("{} WHERE outbox_table = {} AND head IN ({})",
                                         database_->delete_from(database_->own("keys")), outbox(),
                                         texts_of(rows)));
  }

  std::string texts_of(const std::vector<RowId>& rows) {
    std::vector<std::string> texts;
    for (const RowId& row : rows)
      texts.push_back(database_->text(to_string(row)));
    return fmt::format("{}", fmt::join(texts, ", "));
  }

  std::string edited(const RowId& row, const RowEdit& edit) {
    const TableColumns& columns = database_->outbox().shape.columns;
    std::string set;
    const auto put = [&](const Column& column, const std::string& value) {
      set +=
          fmt::format("{}{} = {}", set.empty() ? "" : ", ", database_->identifier(column), value);
    };
    const auto need = [this](const Column& column, std::string_view name) {
      if (column) return;
      throw Error(ErrorKind::configuration,
                  fmt::format("outbox.columns.{}: the table {} has no such column", name,
                              database_->outbox().name),
                  "leave it out of the edit");
    };
    if (edit.payload) {
      const Column& place = holds_bytes(row) ? columns.payload_bytes : columns.payload;
      if (database_->is_binary(place)) {
        put(place, database_->bytes(*edit.payload));
      } else {
        check(*edit.payload, "payload", database_->outbox().payload_kind == PayloadKind::json);
        put(place, database_->text(*edit.payload));
      }
    }
    if (edit.topic) {
      need(columns.topic, "topic");
      check(*edit.topic, "topic", false);
      put(columns.topic, edit.topic->empty() ? "NULL" : database_->text(*edit.topic));
    }
    if (edit.headers_json) {
      need(columns.headers, "headers");
      if (!edit.headers_json->empty()) check(*edit.headers_json, "headers", true);
      put(columns.headers,
          edit.headers_json->empty() ? "NULL" : database_->text(*edit.headers_json));
    }
    return set;
  }

  bool holds_bytes(const RowId& row) {
    const Column& bytes = database_->outbox().shape.columns.payload_bytes;
    if (!bytes) return false;
    const std::vector<Row> rows = database_->rows(
        doing, fmt::format("SELECT {} FROM {} WHERE {}", database_->shown(database_->octets(bytes)),
                           database_->from(Way::by_id), id_in(*database_, {row})));
    return !rows.empty() && rows.front().front().has_value();
  }

  static void check(const std::string& text, std::string_view name, bool is_json) {
    if (!is_sound(text)) {
      throw Error(ErrorKind::usage, fmt::format("the {} is no text in UTF-8 without zeros", name));
    }
    if (!is_json) return;
    if (const auto fault = find_json_fault(text)) {
      throw Error(ErrorKind::usage, fmt::format("the {} is no JSON: {}", name, fault->what));
    }
  }

  std::unique_ptr<Database> database_;
  std::pair<RowId, std::string> last_;  // At which page() ended, and its time as a literal.
};

}  // namespace

std::unique_ptr<DeadRows> make_dead_rows(std::unique_ptr<Database> database) {
  return std::make_unique<OperatorsDeadRows>(std::move(database));
}

}  // namespace outbox::store::operators
