// SPDX-License-Identifier: Apache-2.0
//
// A search goes through the table in windows of rows, the newest first, by an index that brings
// them in that order, and looks at each. Only an index that leads to the very rows asked for is
// taken instead. So no search costs more than the rows it may look at, whatever the table holds.
#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "store/operators/database.hpp"

namespace outbox::store::operators {
namespace {

constexpr std::string_view doing = "looking for events";
constexpr std::size_t first_window = 500;
constexpr std::size_t window_max = 10'000;
constexpr int consumers_max = 1000;
constexpr int discarded_max = 20;

struct Seen {
  RowId id;
  bool matches = false;
  std::string time;  // created_at as a literal, where that orders.
};

bool only(const std::vector<EventState>& states, std::initializer_list<EventState> allowed) {
  return !states.empty() && std::ranges::all_of(states, [&](EventState state) {
    return std::ranges::find(allowed, state) != allowed.end();
  });
}

class Search {
 public:
  Search(Database& database, const EventQuery& query)
      : database_(database), query_(query), shape_(database.outbox().shape) {}

  EventPage run() {
    if (query_.rows_max == 0 || query_.looks_max == 0 || !add_conditions()) return {};
    choose_way();
    if (!database_.is_ordered(way_)) {
      if (auto page = all_at_once()) return std::move(*page);
      way_ = Way::by_id;
      narrow_.clear();
    }
    return walk();
  }

 private:
  // False: no row can match.
  bool add_conditions() {
    const TableColumns& columns = shape_.columns;
    if (!add_row() || !add_event_id()) return false;
    if (!add_text(columns.aggregate_type, query_.aggregate_type)) return false;
    if (!add_text(columns.aggregate_id, query_.aggregate_id)) return false;
    if (!add_text(columns.event_type, query_.event_type)) return false;
    if (!add_text(columns.topic, query_.topic)) return false;
    if (query_.key) {
      if (!is_sound(*query_.key)) return false;
      filters_.push_back(database_.key_equals(*query_.key));
    }
    if (!query_.states.empty()) {
      std::set<int> states;
      for (const EventState state : query_.states)
        states.insert(static_cast<int>(state));
      filters_.push_back(
          fmt::format("({}) IN ({})", state_sql(database_), fmt::join(states, ", ")));
    }
    return add_time(">=", query_.since_us) && add_time("<", query_.until_us);
  }

  bool add_row() {
    if (!query_.row) return true;
    if (database_.outbox().number_ids() != query_.row->text.empty()) return false;
    return add_id(*query_.row);
  }

  bool add_id(const RowId& id) {
    if (!is_sound(id.text)) return false;
    if (shape_.id_type == IdType::uuid && !parse_uuid(id.text)) return false;
    narrow_ = fmt::format("{} = {}", database_.column(shape_.columns.id), database_.id_literal(id));
    filters_.push_back(narrow_);
    return true;
  }

  // Where the table has no column for it, the id is the identity; a number has none that could be
  // looked up.
  bool add_event_id() {
    if (!query_.event_id) return true;
    const std::string text = to_string(*query_.event_id);
    if (!shape_.columns.event_id) {
      return !database_.outbox().number_ids() && add_id({.number = 0, .text = text});
    }
    filters_.push_back(database_.equals(shape_.columns.event_id, text));
    return true;
  }

  bool add_text(const Column& column, const std::optional<std::string>& value) {
    if (!value) return true;
    if (!column || !is_sound(*value)) return false;
    filters_.push_back(database_.equals(column, *value));
    return true;
  }

  bool add_time(std::string_view comparison, const std::optional<std::int64_t>& time_us) {
    if (!time_us) return true;
    if (!shape_.columns.created_at) return false;
    filters_.push_back(fmt::format("({}) {} {}", database_.time_us(shape_.columns.created_at),
                                   comparison, *time_us));
    return true;
  }

  void choose_way() {
    const auto narrowed = [this](Way way, std::string condition) {
      way_ = way;
      narrow_ = std::move(condition);
    };
    if (!narrow_.empty()) return;
    const TableColumns& columns = shape_.columns;
    if (query_.event_id && database_.has(Way::event_id)) {
      return narrowed(Way::event_id,
                      database_.equals(columns.event_id, to_string(*query_.event_id)));
    }
    if (query_.key && database_.has(Way::key))
      return narrowed(Way::key, database_.key_equals(*query_.key));
    if (query_.aggregate_id && database_.has(Way::aggregate_id)) {
      return narrowed(Way::aggregate_id,
                      database_.equals(columns.aggregate_id, *query_.aggregate_id));
    }
    if (only(query_.states, {EventState::dead}) && database_.has(Way::dead))
      return narrowed(Way::dead, database_.dead());
    if (only(query_.states, {EventState::pending, EventState::processing, EventState::retrying}) &&
        database_.has(Way::unsettled)) {
      return narrowed(Way::unsettled, database_.unsettled());
    }
    if (shape_.order == RowOrder::created_at && database_.has(Way::by_time)) way_ = Way::by_time;
  }

  // The index leads to the rows, but not in their order: so they are all taken and put in order
  // here. Nothing where they are too many for that, and so frequent that a walk meets them soon.
  std::optional<EventPage> all_at_once() {
    std::vector<Seen> seen = look({}, query_.looks_max + 1);
    if (seen.size() > query_.looks_max) return std::nullopt;
    std::ranges::sort(seen, [](const Seen& a, const Seen& b) { return b.id < a.id; });
    std::vector<RowId> found;
    EventPage page;
    for (const Seen& row : seen) {
      if (!row.matches) continue;
      if (found.size() == query_.rows_max) {
        page.next = found.back();
        break;
      }
      found.push_back(row.id);
    }
    page.events = read_views(database_, found, query_.payload_bytes_max);
    return page;
  }

  EventPage walk() {
    std::optional<Seen> last;
    if (query_.before) {
      last = Seen{.id = *query_.before, .matches = false, .time = {}};
      if (way_ == Way::by_time) last->time = time_of(*query_.before);
    }
    EventPage page;
    std::vector<RowId> found;
    std::size_t looked = 0;
    std::size_t window = first_window;
    bool ended = false;
    while (!ended && found.size() < query_.rows_max && looked < query_.looks_max) {
      const std::size_t size = std::min(window, query_.looks_max - looked);
      std::vector<Seen> seen = look(last, size);
      ended = seen.size() < size;
      for (Seen& row : seen) {
        ++looked;
        if (row.matches) found.push_back(row.id);
        const bool is_full = found.size() == query_.rows_max;
        ended = ended && (!is_full || &row == &seen.back());
        last = std::move(row);
        if (is_full) break;
      }
      window = std::min(window * 4, window_max);
    }
    if (!ended && last) page.next = last->id;
    page.looked_at_all = ended || found.size() == query_.rows_max;
    page.events = read_views(database_, found, query_.payload_bytes_max);
    return page;
  }

  std::string time_of(const RowId& id) {
    const std::vector<Row> rows = database_.rows(
        doing, fmt::format("SELECT {} FROM {} WHERE {} = {}",
                           database_.shown(database_.literal_of(shape_.columns.created_at)),
                           database_.from(Way::by_id), database_.column(shape_.columns.id),
                           database_.id_literal(id)));
    if (!rows.empty() && rows.front().front()) return *rows.front().front();
    throw Error(ErrorKind::not_found, "the row at which the page before this one ended is gone",
                "begin with the first page again");
  }

  std::vector<Seen> look(const std::optional<Seen>& after, std::size_t rows_max) {
    const std::string id = database_.column(shape_.columns.id);
    const bool by_time = way_ == Way::by_time;
    const std::string time = by_time ? database_.column(shape_.columns.created_at) : "";
    std::vector<std::string> where;
    if (!narrow_.empty()) where.push_back(narrow_);
    const auto before = [&](const RowId& row) {
      return fmt::format("{} < {}", id, database_.id_literal(row));
    };
    if (after && !by_time) where.push_back(before(after->id));
    if (after && by_time) {
      where.push_back(
          fmt::format("{0} <= {1} AND ({0} < {1} OR {2})", time, after->time, before(after->id)));
    }
    if (!after && query_.before && !database_.is_ordered(way_)) {
      where.push_back(before(*query_.before));
    }
    std::string sql = fmt::format(
        "SELECT {}, {}{} FROM {}", database_.shown(id),
        database_.shown(fmt::format(
            "CASE WHEN {} THEN 1 ELSE 0 END",
            filters_.empty() ? "1 = 1" : fmt::format("{}", fmt::join(filters_, " AND ")))),
        by_time ? ", " + database_.shown(database_.literal_of(shape_.columns.created_at)) : "",
        database_.from(way_));
    if (!where.empty()) sql += fmt::format(" WHERE {}", fmt::join(where, " AND "));
    if (database_.is_ordered(way_)) {
      sql += fmt::format(" ORDER BY {}{} DESC", by_time ? time + " DESC, " : "", id);
    }
    std::vector<Seen> seen;
    for (Row& row : database_.rows(doing, fmt::format("{} LIMIT {}", sql, rows_max))) {
      seen.push_back({.id = id_of(database_, *row[0]),
                      .matches = row[1] == "1",
                      .time = by_time ? row[2].value_or("NULL") : std::string()});
    }
    return seen;
  }

  Database& database_;
  const EventQuery& query_;
  const TableShape& shape_;
  Way way_ = Way::by_id;
  std::string narrow_;  // Stands in the statement's condition: the index serves it.
  std::vector<std::string> filters_;
};

class Lookup final : public EventLookup {
 public:
  explicit Lookup(std::unique_ptr<Database> database) : database_(std::move(database)) {}

  EventPage find(const EventQuery& query) override { return Search(*database_, query).run(); }

  // The inbox is kept by consumer: so each of them is asked for the event, and nobody's claims are
  // gone through.
  std::vector<InboxEntry> inbox(const Uuid& event_id) override {
    std::vector<InboxEntry> entries;
    const std::string table = database_->inbox();
    if (table.empty()) return entries;
    std::optional<std::string> consumer = next_consumer(table, std::nullopt);
    for (int asked = 0; consumer && asked < consumers_max; ++asked) {
      const std::vector<Row> rows = database_->rows(
          doing, fmt::format("SELECT {} FROM {} i WHERE i.consumer_name = {} AND i.event_id = {}",
                             database_->shown(database_->inbox_time_us()), table,
                             database_->text(*consumer), database_->text(to_string(event_id))));
      if (!rows.empty()) {
        entries.push_back({.consumer = *consumer, .processed_at_us = number_of(rows[0][0])});
      }
      consumer = next_consumer(table, consumer);
    }
    std::ranges::stable_sort(entries, {}, &InboxEntry::processed_at_us);
    return entries;
  }

  std::vector<DiscardedEvent> discarded(const std::string& row_or_event_id,
                                        std::size_t payload_bytes_max) override {
    if (!is_sound(row_or_event_id)) return {};
    try {
      return read_discarded(database_->text(row_or_event_id), payload_bytes_max);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::not_found) throw;
      return {};
    }
  }

 private:
  std::vector<DiscardedEvent> read_discarded(const std::string& id, std::size_t payload_bytes_max) {
    std::vector<DiscardedEvent> events;
    for (Row& row : database_->rows(
             doing, fmt::format("SELECT {} FROM {} t WHERE t.outbox_table = {} AND (t.row_id = {} "
                                "OR t.event_id = {}) ORDER BY t.number DESC LIMIT {}",
                                select_list(*database_, discarded_columns(payload_bytes_max)),
                                database_->own("discarded"),
                                database_->text(database_->options().table.table), id, id,
                                discarded_max))) {
      events.push_back(discarded_of(row));
    }
    return events;
  }

  // In the order in which discarded_of() takes them. The payload's length is one of characters,
  // since not every SQLite counts a text's bytes.
  std::vector<std::string> discarded_columns(std::size_t payload_bytes_max) {
    const TableColumns& columns = database_->outbox().shape.columns;
    const auto member = [this](const Column& column) {
      return column ? database_->json_member(*column) : std::string("NULL");
    };
    return {"t.row_id",
            database_->own_time_us("t.at"),
            "t.who",
            "t.reason",
            "t.event_id",
            member(columns.aggregate_type),
            member(columns.aggregate_id),
            fmt::format("coalesce({}, {})", member(columns.key), member(columns.aggregate_id)),
            member(columns.event_type),
            member(columns.topic),
            member(columns.headers),
            member(columns.content_type),
            fmt::format("substr({}, 1, {})", member(columns.payload), payload_bytes_max),
            fmt::format("length({})", member(columns.payload)),
            member(columns.status),
            member(columns.retry_count),
            member(columns.error_message)};
  }

  DiscardedEvent discarded_of(Row& row) {
    std::size_t at = 0;
    const auto text = [&] { return std::move(row[at++]).value_or(std::string()); };
    DiscardedEvent discarded;
    EventView& event = discarded.event;
    event.row = id_of(*database_, text());
    discarded.at_us = number_of(row[at++]);
    discarded.who = text();
    discarded.reason = text();
    const std::string event_id = text();
    event.event_id = parse_uuid(event_id.empty() ? event.row.text : event_id).value_or(Uuid{});
    event.aggregate_type = text();
    event.aggregate_id = text();
    event.key = std::move(row[at++]);
    event.event_type = text();
    event.topic = text();
    event.headers_json = text();
    event.content_type = text();
    event.payload = std::move(row[at++]);
    event.payload_kind = database_->outbox().payload_kind;
    const std::int64_t whole = number_of(row[at++]);
    const auto fetched = static_cast<std::int64_t>(event.payload.value_or("").size());
    event.payload_bytes = std::max(whole, fetched);
    event.state = EventState::dead;
    event.status = text();
    event.retry_count = static_cast<int>(number_of(row[at++]));
    event.error = text();
    return discarded;
  }

  std::optional<std::string> next_consumer(const std::string& table,
                                           const std::optional<std::string>& after) {
    const std::vector<Row> rows = database_->rows(
        doing,
        fmt::format(
            "SELECT {} FROM {} i{} ORDER BY i.consumer_name LIMIT 1",
            database_->shown("i.consumer_name"), table,
            after ? fmt::format(" WHERE i.consumer_name > {}", database_->text(*after)) : ""));
    if (rows.empty()) return std::nullopt;
    return rows.front().front();
  }

  std::unique_ptr<Database> database_;
};

}  // namespace

std::unique_ptr<EventLookup> make_lookup(std::unique_ptr<Database> database) {
  return std::make_unique<Lookup>(std::move(database));
}

}  // namespace outbox::store::operators
