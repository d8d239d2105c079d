// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <limits>
#include <tuple>
#include <unordered_set>

#include "core/json_text.hpp"
#include "store/sqlite/seams.hpp"
#include "store/sqlite/text_arena.hpp"

namespace outbox::store::sqlite {

namespace {

using RouteView = std::tuple<std::string_view, std::string_view, std::string_view>;

std::string_view view_of(sqlite3_value* value) {
  const auto* data = static_cast<const char*>(sqlite3_value_blob(value));
  if (data == nullptr) return {};
  return {data, static_cast<std::size_t>(sqlite3_value_bytes(value))};
}

// What one read leaves out. The statement asks it row by row through the SQL function
// outboxd_wanted(), before SQLite has fetched a payload: no row that waits costs more than its key.
// Rows in flight are most of those that a read meets, and are asked for by outboxd_in_flight(),
// which needs the id alone: SQLite answers it from the index and never goes to the row.
class RowFilter {
 public:
  void prepare(const ReadRequest& request, const std::vector<std::string>& aggregate_types,
               int slots, const Table& table) {
    slots_ = slots;
    is_native_ = table.shape.native;
    number_ids_ = table.number_ids();
    wanted_slots_.assign(static_cast<std::size_t>(slots), false);
    for (const SlotLease& lease : request.leases) {
      if (lease.slot >= 0 && lease.slot < slots) {
        wanted_slots_[static_cast<std::size_t>(lease.slot)] = true;
      }
    }
    in_flight_.clear();
    in_flight_texts_.clear();
    for (const RowId& id : request.in_flight) {
      if (number_ids_)
        in_flight_.push_back(id.number);
      else
        in_flight_texts_.push_back(id.text);
    }
    std::sort(in_flight_.begin(), in_flight_.end());
    std::sort(in_flight_texts_.begin(), in_flight_texts_.end());
    next_in_flight_ = in_flight_.begin();
    blocked_keys_.clear();
    blocked_keys_.insert(request.blocked_keys.begin(), request.blocked_keys.end());
    only_keys_.clear();
    only_keys_.insert(request.only_keys.begin(), request.only_keys.end());
    held_routes_.clear();
    for (const RouteColumns& route : request.held_routes) {
      held_routes_.emplace_back(route.topic, route.aggregate_type, route.event_type);
    }
    std::sort(held_routes_.begin(), held_routes_.end());
    aggregate_types_.clear();
    aggregate_types_.insert(aggregate_types.begin(), aggregate_types.end());
  }

  [[nodiscard]] bool is_in_flight(sqlite3_value* value) {
    if (!number_ids_) {
      return std::binary_search(in_flight_texts_.begin(), in_flight_texts_.end(), view_of(value));
    }
    const std::int64_t id = sqlite3_value_int64(value);
    // A mapped table may be read by any index; our own in the order of ids.
    if (!is_native_) return std::binary_search(in_flight_.begin(), in_flight_.end(), id);
    while (next_in_flight_ != in_flight_.end() && *next_in_flight_ < id)
      ++next_in_flight_;
    return next_in_flight_ != in_flight_.end() && *next_in_flight_ == id;
  }

  /// A row without a key has an empty one here; it is never blocked and never asked for.
  [[nodiscard]] bool wants(std::string_view key, bool has_key, const RouteView& route) const {
    if (!wanted_slots_[static_cast<std::size_t>(slot_of_key(key, slots_))]) return false;
    const std::string_view aggregate_type = std::get<1>(route);
    if (!aggregate_types_.empty() && !aggregate_types_.contains(aggregate_type)) return false;
    if (!only_keys_.empty() && !(has_key && only_keys_.contains(key))) return false;
    if (!blocked_keys_.empty() && has_key && blocked_keys_.contains(key)) return false;
    return !std::binary_search(held_routes_.begin(), held_routes_.end(), route);
  }

 private:
  int slots_ = 1;
  bool is_native_ = true;
  bool number_ids_ = true;
  std::vector<bool> wanted_slots_;
  std::vector<std::int64_t> in_flight_;
  std::vector<std::int64_t>::const_iterator next_in_flight_;
  std::vector<std::string_view> in_flight_texts_;
  std::unordered_set<std::string_view> blocked_keys_;
  std::unordered_set<std::string_view> only_keys_;
  std::vector<RouteView> held_routes_;
  std::unordered_set<std::string_view> aggregate_types_;
};

void outboxd_wanted(sqlite3_context* context, int, sqlite3_value** values) {
  const auto& filter = *static_cast<const RowFilter*>(sqlite3_user_data(context));
  const RouteView route(view_of(values[1]), view_of(values[2]), view_of(values[3]));
  const bool has_key = sqlite3_value_type(values[0]) != SQLITE_NULL;
  sqlite3_result_int(context, filter.wants(view_of(values[0]), has_key, route) ? 1 : 0);
}

void outboxd_in_flight(sqlite3_context* context, int, sqlite3_value** values) {
  auto& filter = *static_cast<RowFilter*>(sqlite3_user_data(context));
  sqlite3_result_int(context, filter.is_in_flight(values[0]) ? 1 : 0);
}

class SqliteCapture final : public Capture {
 public:
  explicit SqliteCapture(SharedContext context) : context_(std::move(context)) {}

  RowBatch read(const ReadRequest& request) override {
    Connection& reader = open_reader();
    // Changed only by a command that drains first, so that a running relay may remember it.
    if (slots_ == 0) slots_ = stored_slots(reader, *context_);
    const Table& table = context_->table(reader);
    filter_.prepare(request, context_->options.aggregate_types, slots_, table);
    Query query = ask(reader, table, request);
    RowBatch batch;
    batch.aggregate_id_is_number = table.facts.aggregate_id_is_number;
    auto arena = std::make_shared<TextArena>();
    while (query.step()) {
      if (batch.rows.size() >= request.rows_max || batch.bytes >= request.bytes_max) {
        batch.more = true;
        break;
      }
      batch.rows.push_back(row_of(query, *arena));
      if (!table.shape.native) complete(batch.rows.back(), query, table);
      batch.bytes += bytes_of(query);
    }
    batch.memory = std::move(arena);
    context_->replays->add(batch);
    return batch;
  }

 private:
  // The columns of TableSql::read, in order.
  enum Column {
    id,
    event_id,
    aggregate_type,
    aggregate_id,
    event_key,
    event_type,
    payload,
    payload_bytes,
    content_type,
    topic,
    headers,
    retry_count,
    created_at_us,
    replay,
    max_retries,  // From here on of a mapped table alone.
    version
  };

  static Query ask(Connection& reader, const Table& table, const ReadRequest& request) {
    const bool from_first = request.rescan || !request.lowest_unsettled;
    const std::int64_t least =
        from_first ? std::numeric_limits<std::int64_t>::min() : request.lowest_unsettled->number;
    if (table.shape.native) return reader.query(table.sql.read, least);
    const std::size_t rows_max = request.rows_max + 1;  // The one more tells that there are more.
    if (table.sql.read_on.empty() || least <= 0) return reader.query(table.sql.read, rows_max);
    return reader.query(table.sql.read_on, rows_max, least);
  }

  Connection& open_reader() {
    if (reader_ == nullptr) {
      reader_ = context_->database->reader(context_->options.statement_timeout);
      sqlite3_create_function_v2(reader_->handle(), "outboxd_wanted", 4,
                                 SQLITE_UTF8 | SQLITE_DIRECTONLY, &filter_, &outboxd_wanted,
                                 nullptr, nullptr, nullptr);
      sqlite3_create_function_v2(reader_->handle(), "outboxd_in_flight", 1,
                                 SQLITE_UTF8 | SQLITE_DIRECTONLY, &filter_, &outboxd_in_flight,
                                 nullptr, nullptr, nullptr);
    }
    return *reader_;
  }

  [[nodiscard]] static std::size_t bytes_of(const Query& query) {
    return query.text(payload_bytes).size() + query.text(payload).size() +
           query.text(event_key).size() + query.text(aggregate_id).size() +
           query.text(headers).size();
  }

  [[nodiscard]] OutboxRow row_of(const Query& query, TextArena& arena) const {
    OutboxRow row;
    row.id.number = query.integer(id);
    row.event_id = parse_uuid(query.text(event_id)).value_or(Uuid{});
    row.aggregate_type = arena.keep(query.text(aggregate_type));
    row.aggregate_id = arena.keep(query.text(aggregate_id));
    row.key = query.is_null(event_key) ? row.aggregate_id : arena.keep(query.text(event_key));
    row.event_type = arena.keep(query.text(event_type));
    row.topic = arena.keep(query.text(topic));
    row.headers_json = arena.keep(query.text(headers));
    row.content_type = arena.keep(query.text(content_type));
    row.occurred_at_us = query.integer(created_at_us);
    row.slot = slot_of_key(row.key, slots_);
    row.retry_count = static_cast<int>(query.integer(retry_count));
    row.replay = query.integer(replay) != 0;
    if (!query.is_null(payload_bytes)) {
      row.payload = arena.keep(query.text(payload_bytes));
      row.payload_kind = PayloadKind::bytes;
    } else {
      row.payload = arena.keep(query.text(payload));
      row.payload_is_null = query.is_null(payload);
      // SQLite takes any bytes for text; what is no UTF-8 must not pass for JSON.
      row.payload_kind = find_utf8_fault(row.payload) ? PayloadKind::bytes : PayloadKind::json;
    }
    return row;
  }

  // What a mapped table may have otherwise. Its payload is a text of which nothing is promised.
  static void complete(OutboxRow& row, const Query& query, const Table& table) {
    if (!table.number_ids()) {
      row.id = {.number = 0, .text = std::string(query.text(id))};
      // Where the id is no UUID, the identity is derived by the relay.
      if (!table.shape.columns.event_id) row.event_id = parse_uuid(row.id.text).value_or(Uuid{});
    }
    row.key_is_null = query.is_null(event_key) && query.is_null(aggregate_id);
    if (!query.is_null(max_retries)) row.max_retries = static_cast<int>(query.integer(max_retries));
    if (!query.is_null(version)) row.version = static_cast<int>(query.integer(version));
    const bool is_bytes = row.payload_kind == PayloadKind::bytes || query.is_blob(payload);
    row.payload_kind = is_bytes ? PayloadKind::bytes : PayloadKind::text;
  }

  const SharedContext context_;
  RowFilter filter_;  // Before the connection, whose function points to it.
  std::unique_ptr<Connection> reader_;
  int slots_ = 0;
};

}  // namespace

std::unique_ptr<Capture> make_capture(SharedContext context) {
  return std::make_unique<SqliteCapture>(std::move(context));
}

}  // namespace outbox::store::sqlite
