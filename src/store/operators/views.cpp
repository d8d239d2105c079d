// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>
#include <map>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/clean_text.hpp"
#include "core/json_text.hpp"
#include "store/operators/database.hpp"

namespace outbox::store::operators {
namespace {

constexpr std::string_view null = "NULL";

// The columns of one view, in the order in which they are selected.
enum Output : std::uint8_t {
  id,
  event_id,
  aggregate_type,
  aggregate_id,
  key,
  event_type,
  topic,
  headers,
  content_type,
  payload,
  payload_bytes,
  payload_octets,
  payload_bytes_octets,
  state,
  status,
  retry_count,
  created_at,
  next_attempt_at,
  published_at,
  died_at,
  locked_by,
  error,
};

std::string text_or_null(Database& database, const Column& column) {
  return column ? database.as_text(column) : std::string(null);
}

std::string time_or_null(Database& database, const Column& column) {
  return column ? database.time_us(column) : std::string(null);
}

// See the settlements: our own table's next attempt is the time of death, once the row is dead.
std::string died_at_sql(Database& database) {
  const TableShape& shape = database.outbox().shape;
  const Column& column = shape.native ? shape.columns.next_attempt_at : shape.columns.updated_at;
  if (!column) return std::string(null);
  return fmt::format("CASE WHEN {} THEN {} END", database.dead(), database.time_us(column));
}

std::string view_sql(Database& database, const std::vector<RowId>& ids, std::size_t size) {
  const TableColumns& columns = database.outbox().shape.columns;
  std::vector<std::string> shown = {
      database.column(columns.id),
      text_or_null(database, columns.event_id),
      text_or_null(database, columns.aggregate_type),
      text_or_null(database, columns.aggregate_id),
      database.wire_key(),
      text_or_null(database, columns.event_type),
      text_or_null(database, columns.topic),
      text_or_null(database, columns.headers),
      text_or_null(database, columns.content_type),
  };
  std::string list = select_list(database, shown);
  for (const auto* column : {&columns.payload, &columns.payload_bytes}) {
    const bool wanted = *column && size > 0;
    list += ", " + (wanted ? database.beginning(*column, size) : std::string(null));
  }
  shown.clear();
  for (const auto* column : {&columns.payload, &columns.payload_bytes}) {
    shown.push_back(*column ? database.octets(*column) : std::string(null));
  }
  shown.push_back(state_sql(database));
  shown.push_back(database.as_text(columns.status));
  shown.push_back(columns.retry_count ? database.column(columns.retry_count) : std::string(null));
  for (const auto* column :
       {&columns.created_at, &columns.next_attempt_at, &columns.published_at}) {
    shown.push_back(time_or_null(database, *column));
  }
  shown.push_back(died_at_sql(database));
  shown.push_back(text_or_null(database, columns.locked_by));
  shown.push_back(text_or_null(database, columns.error_message));
  return fmt::format("SELECT {}, {} FROM {} WHERE {}", list, select_list(database, shown),
                     database.from(Way::by_id), id_in(database, ids));
}

std::string cut(std::string bytes, std::size_t size) {
  if (bytes.size() <= size) return bytes;
  const bool is_text = !find_utf8_fault(bytes);
  while (is_text && size > 0 && (static_cast<unsigned char>(bytes[size]) & 0xC0U) == 0x80U)
    --size;
  bytes.resize(size);
  return bytes;
}

void take_payload(const Database&, const Outbox& outbox, Row& row, std::size_t size,
                  EventView& view) {
  const bool has_bytes = row[payload_bytes_octets].has_value();
  view.payload_kind = has_bytes ? PayloadKind::bytes : outbox.payload_kind;
  view.payload_bytes = number_of(row[has_bytes ? payload_bytes_octets : payload_octets]);
  auto& value = row[has_bytes ? payload_bytes : payload];
  if (!value) return;
  // SQLite takes any bytes for text.
  if (find_utf8_fault(*value) && view.payload_kind != PayloadKind::bytes) {
    const bool whole = value->size() >= static_cast<std::size_t>(view.payload_bytes);
    if (whole || find_utf8_fault(cut(*value, value->size() - 3))) {
      view.payload_kind = PayloadKind::bytes;
    }
  }
  view.payload = cut(std::move(*value), size);
}

EventView view_of(Database& database, Row& row, std::size_t size) {
  const auto text = [&row](Output at) { return std::move(row[at]).value_or(std::string()); };
  const auto time = [&row](Output at) -> std::optional<std::int64_t> {
    if (!row[at]) return std::nullopt;
    return number_of(row[at]);
  };
  EventView view;
  view.row = id_of(database, row[id].value_or(""));
  const bool has_identity = database.outbox().shape.columns.event_id.has_value();
  const std::string identity = has_identity ? text(event_id) : view.row.text;
  view.event_id = parse_uuid(identity).value_or(Uuid{});
  view.aggregate_type = text(aggregate_type);
  view.aggregate_id = text(aggregate_id);
  view.key = std::move(row[key]);
  view.event_type = text(event_type);
  view.topic = text(topic);
  view.headers_json = text(headers);
  view.content_type = text(content_type);
  take_payload(database, database.outbox(), row, size, view);
  view.state = static_cast<EventState>(number_of(row[state]));
  view.status = text(status);
  view.retry_count = static_cast<int>(number_of(row[retry_count]));
  view.created_at_us = time(created_at);
  if (view.state != EventState::dead) view.next_attempt_at_us = time(next_attempt_at);
  view.published_at_us = time(published_at);
  view.died_at_us = time(died_at);
  view.locked_by = text(locked_by);
  view.error = text(error);
  return view;
}

}  // namespace

bool is_sound(std::string_view text) {
  return text.find('\0') == std::string_view::npos && !find_utf8_fault(text);
}

std::string select_list(const Database& database, const std::vector<std::string>& expressions) {
  std::string list;
  for (const std::string& expression : expressions) {
    list += (list.empty() ? "" : ", ") + database.shown(expression);
  }
  return list;
}

std::int64_t number_of(const std::optional<std::string>& text) {
  std::int64_t number = 0;
  if (text) std::from_chars(text->data(), text->data() + text->size(), number);
  return number;
}

RowId id_of(Database& database, const std::string& text) {
  if (database.outbox().number_ids()) return {.number = number_of(text), .text = {}};
  return {.number = 0, .text = text};
}

std::string id_in(Database& database, const std::vector<RowId>& ids) {
  std::vector<std::string> literals;
  literals.reserve(ids.size());
  for (const RowId& id : ids)
    literals.push_back(database.id_literal(id));
  return fmt::format("{} IN ({})", database.column(database.outbox().shape.columns.id),
                     fmt::join(literals, ", "));
}

std::vector<EventView> read_views(Database& database, const std::vector<RowId>& ids,
                                  std::size_t payload_bytes_max) {
  std::vector<EventView> views;
  if (ids.empty()) return views;
  std::map<RowId, EventView> found;
  for (Row& row : database.rows("reading events", view_sql(database, ids, payload_bytes_max))) {
    EventView view = view_of(database, row, payload_bytes_max);
    RowId row_id = view.row;
    found.emplace(std::move(row_id), std::move(view));
  }
  for (const RowId& id : ids) {
    const auto view = found.find(id);
    if (view != found.end()) views.push_back(std::move(view->second));
  }
  return views;
}

// A row that waits for another attempt has the table's word for it, or is pending with attempts
// behind it. A word that is none of ours is somebody else's, and nothing for the relay to do.
std::string state_sql(Database& database) {
  const TableShape& shape = database.outbox().shape;
  const auto number = [](EventState state) { return static_cast<int>(state); };
  const std::string status = database.column(shape.columns.status);
  const auto is = [&](const std::string& word) {
    return fmt::format("{} = {}", status, database.text(word));
  };
  std::string retrying;
  for (const auto* word : {&shape.status.failed, &shape.status.retry}) {
    if (*word) retrying += (retrying.empty() ? "" : " OR ") + is(**word);
  }
  if (shape.columns.retry_count) {
    retrying +=
        (retrying.empty() ? "" : " OR ") + database.column(shape.columns.retry_count) + " > 0";
  }
  if (retrying.empty()) retrying = "1 = 0";
  const std::string processing = shape.status.processing
                                     ? fmt::format("WHEN {} THEN {} ", is(*shape.status.processing),
                                                   number(EventState::processing))
                                     : "";
  return fmt::format("CASE WHEN {} THEN {} {}WHEN {} AND ({}) THEN {} WHEN {} THEN {} ELSE {} END",
                     database.dead(), number(EventState::dead), processing, database.unsettled(),
                     retrying, number(EventState::retrying), database.unsettled(),
                     number(EventState::pending), number(EventState::published));
}

}  // namespace outbox::store::operators
