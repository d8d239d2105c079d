// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "publish/insert.hpp"
#include "store/sqlite/foreign.hpp"
#include "store/sqlite/seams.hpp"

namespace outbox::store::sqlite {

namespace {

class SqliteEvents final : public Events {
 public:
  explicit SqliteEvents(SharedContext context) : context_(std::move(context)) {}

  std::vector<std::string> insert(std::span<const NewEvent> events) override {
    const Turn turn = context_->write();
    Transaction transaction(turn.connection());
    std::vector<std::string> ids;
    ids.reserve(events.size());
    for (const NewEvent& event : events) {
      try {
        ids.push_back(insert_one(turn.connection(), event));
      } catch (const Error& error) {
        if (error.kind() != ErrorKind::failed && error.kind() != ErrorKind::usage) throw;
        throw Error(ErrorKind::failed,
                    fmt::format("event {} of {} ({} of {} {}) was refused: {}", ids.size() + 1,
                                events.size(), event.event_type, event.aggregate_type,
                                event.aggregate_id, error.what()));
      }
    }
    transaction.commit();
    return ids;
  }

 private:
  [[nodiscard]] std::string insert_one(Connection& connection, const NewEvent& event) const {
    const Table& table = context_->table(connection);
    if (!table.shape.native) return insert_mapped(connection, event, table);
    Query query = connection.query(event.event_id ? table.sql.insert_identified : table.sql.insert,
                                   event.aggregate_type, event.aggregate_id, event.event_type,
                                   event.key, event.payload);
    if (event.payload_bytes) {
      query.bind_blob(6, *event.payload_bytes);
    } else {
      query.bind(6, nullptr);
    }
    query.bind_optional(7, event.content_type);
    query.bind_optional(8, event.topic);
    query.bind_optional(9, event.headers_json);
    if (event.event_id) query.bind(10, canonical_event_id(*event.event_id));
    if (!query.step()) throw Error(ErrorKind::failed, "the insert returned no id");
    return std::string(query.text(0));
  }

  [[nodiscard]] static std::string insert_mapped(Connection& connection, const NewEvent& event,
                                                 const Table& table) {
    const publishing::Insert insert =
        publishing::make_insert({.shape = table.shape,
                                 .table = quoted_identifier(table.shape.table),
                                 .now = std::string(foreign_now)},
                                {.event_id = event.event_id,
                                 .aggregate_type = event.aggregate_type,
                                 .aggregate_id = event.aggregate_id,
                                 .event_type = event.event_type,
                                 .key = event.key,
                                 .payload = event.payload,
                                 .payload_bytes = event.payload_bytes,
                                 .content_type = event.content_type,
                                 .topic = event.topic,
                                 .headers_json = event.headers_json});
    Query query = connection.query(insert.sql + " RETURNING " + insert.id);
    for (std::size_t i = 0; i < insert.values.size(); ++i) {
      const publishing::InsertValue& value = insert.values[i];
      const int index = query.index_of(fmt::format("${}", i + 1));
      if (value.text && value.bytes)
        query.bind_blob(index, *value.text);
      else
        query.bind_optional(index, value.text);
    }
    if (!query.step()) throw Error(ErrorKind::failed, "the insert returned no id");
    return std::string(query.text(0));
  }

  [[nodiscard]] static std::string canonical_event_id(const std::string& text) {
    const auto uuid = parse_uuid(text);
    if (!uuid) throw Error(ErrorKind::failed, fmt::format("event_id '{}' is no UUID", text));
    return to_string(*uuid);
  }

  const SharedContext context_;
};

}  // namespace

std::unique_ptr<Events> make_events(SharedContext context) {
  return std::make_unique<SqliteEvents>(std::move(context));
}

}  // namespace outbox::store::sqlite
