// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include <fmt/format.h>
#include <mysql.h>

#include "publish/insert.hpp"
#include "store/mariadb/seams.hpp"

namespace outbox::store::mariadb {
namespace {

publishing::EventFields fields_of(const NewEvent& event) {
  return {.event_id = event.event_id,
          .aggregate_type = event.aggregate_type,
          .aggregate_id = event.aggregate_id,
          .event_type = event.event_type,
          .key = event.key,
          .payload = event.payload,
          .payload_bytes = event.payload_bytes,
          .content_type = event.content_type,
          .topic = event.topic,
          .headers_json = event.headers_json};
}

// The statement with its values in their places; placeholders stand behind VALUES alone, in order,
// and nothing there but words of ours.
std::string with_values(const publishing::Insert& insert) {
  const std::size_t values = insert.sql.rfind(" VALUES (");
  std::string sql = insert.sql.substr(0, values);
  std::string_view rest = std::string_view(insert.sql).substr(values);
  for (std::size_t i = 0; i < insert.values.size(); ++i) {
    const std::string placeholder = fmt::format("${}", i + 1);
    const std::size_t at = rest.find(placeholder);
    sql += rest.substr(0, at);
    const publishing::InsertValue& value = insert.values[i];
    if (!value.text)
      sql += "NULL";
    else
      sql += value.bytes ? quote_bytes(*value.text) : quote_text(*value.text);
    rest.remove_prefix(at + placeholder.size());
  }
  sql += rest;
  return sql;
}

class MariadbEvents final : public Events {
 public:
  explicit MariadbEvents(std::shared_ptr<Shared> shared)
      : shared_(std::move(shared)), connection_(shared_->connection_options("publish")) {}

  std::vector<std::string> insert(std::span<const NewEvent> events) override {
    if (events.empty()) return {};
    if (!table_) table_ = shared_->table(connection_);
    return transact(connection_, [&] {
      std::vector<std::string> ids;
      for (const NewEvent& event : events) {
        try {
          ids.push_back(insert_one(event));
        } catch (const Error& error) {
          if (error.kind() != ErrorKind::failed && error.kind() != ErrorKind::usage) throw;
          throw Error(ErrorKind::failed,
                      fmt::format("event {} of {} ({} of {} {}) was refused: {}", ids.size() + 1,
                                  events.size(), event.event_type, event.aggregate_type,
                                  event.aggregate_id, error.what()));
        }
      }
      return ids;
    });
  }

 private:
  std::string insert_one(const NewEvent& event) {
    const publishing::InsertTarget target{.shape = table_->shape(),
                                          .table = table_->name(),
                                          .now = std::string(now_sql),
                                          .quote = '`'};
    publishing::EventFields fields = fields_of(event);
    const TableColumns& columns = table_->shape().columns;
    // Where the identity is the row's id, it has to be known beforehand: MySQL returns no values.
    std::string identity;
    if (!table_->number_ids() && !columns.event_id && !fields.event_id) {
      identity = to_string(random_uuid());
      fields.event_id = identity;
    }
    const publishing::Insert insert = publishing::make_insert(target, fields);
    connection_.run("inserting an event", with_values(insert));
    if (table_->number_ids()) return std::to_string(mysql_insert_id(connection_.native()));
    // The id stands behind the identity, where the table has both.
    return insert.values.at(columns.event_id ? 1 : 0).text.value_or("");
  }

  std::shared_ptr<Shared> shared_;
  Connection connection_;
  std::shared_ptr<const Table> table_;
};

}  // namespace

std::unique_ptr<Events> make_events(std::shared_ptr<Shared> shared) {
  return std::make_unique<MariadbEvents>(std::move(shared));
}

}  // namespace outbox::store::mariadb
