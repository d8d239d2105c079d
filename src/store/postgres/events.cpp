// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "publish/insert.hpp"
#include "store/postgres/seams.hpp"

namespace outbox::store::postgres {
namespace {

// Statements of one round trip; libpq holds their results in memory meanwhile.
constexpr std::size_t round_trip_max = 500;

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

class PostgresEvents final : public Events {
 public:
  explicit PostgresEvents(std::shared_ptr<Shared> shared)
      : shared_(std::move(shared)), connection_(shared_->connection_options("publish")) {}

  std::vector<std::string> insert(std::span<const NewEvent> events) override {
    if (events.empty()) return {};
    if (!table_) table_ = shared_->table(connection_);
    std::vector<std::string> ids;
    if (events.size() <= round_trip_max) {
      // One round trip is a transaction by itself.
      send(events, events.size(), ids);
      return ids;
    }
    Transaction transaction(connection_);
    while (ids.size() < events.size()) {
      const std::size_t size = std::min(round_trip_max, events.size() - ids.size());
      send(events.subspan(ids.size(), size), events.size(), ids);
    }
    transaction.commit();
    return ids;
  }

 private:
  void send(std::span<const NewEvent> events, std::size_t of, std::vector<std::string>& ids) {
    const auto& created_at = table_->shape().columns.created_at;
    const publishing::InsertTarget target{
        .shape = table_->shape(),
        .table = table_->name(),
        .now = table_->has(created_at) ? table_->clock(created_at) : "clock_timestamp()"};
    std::vector<std::string> texts;
    std::vector<Statement> statements;
    texts.reserve(events.size());
    const std::size_t before = ids.size();
    for (const NewEvent& event : events) {
      try {
        const publishing::Insert insert = publishing::make_insert(target, fields_of(event));
        texts.push_back(insert.sql + " RETURNING " + insert.id + "::text");
        statements.push_back({.sql = texts.back(), .parameters = bind(insert.values)});
      } catch (const Error& error) {
        refuse(event, before + texts.size(), of, error);
      }
    }
    std::vector<Result> results;
    try {
      results = connection_.run_unit("inserting events", statements);
    } catch (const UnitError& error) {
      if (error.kind() != ErrorKind::failed) throw;
      refuse(events[error.position()], before + error.position(), of, error);
    }
    for (const Result& result : results)
      ids.push_back(result.text(0, 0));
  }

  static Parameters bind(const std::vector<publishing::InsertValue>& values) {
    Parameters parameters;
    for (const publishing::InsertValue& value : values) {
      if (value.bytes && value.text)
        parameters.bytes(*value.text);
      else if (value.text && value.text->find('\0') != std::string::npos)
        parameters.text(*value.text);
      else
        parameters.untyped(value.text);
    }
    return parameters;
  }

  [[noreturn]] static void refuse(const NewEvent& event, std::size_t position, std::size_t of,
                                  const Error& error) {
    throw Error(
        ErrorKind::failed,
        fmt::format("event {} of {} ({} of {} {}) was refused: {}", position + 1, of,
                    event.event_type, event.aggregate_type, event.aggregate_id, error.what()));
  }

  std::shared_ptr<Shared> shared_;
  Connection connection_;
  std::shared_ptr<const Table> table_;
};

}  // namespace

std::unique_ptr<Events> make_events(std::shared_ptr<Shared> shared) {
  return std::make_unique<PostgresEvents>(std::move(shared));
}

}  // namespace outbox::store::postgres
