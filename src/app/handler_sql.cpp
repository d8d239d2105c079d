// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <outbox/error.hpp>

#include "app/event_json.hpp"
#include "app/handlers.hpp"
#include "core/json_text.hpp"

namespace outbox::app {
namespace {

using config::ParameterSource;
using config::SqlParameter;
using config::SqlStatement;
using Value = std::optional<std::string>;
using Values = std::vector<Parameter>;

constexpr std::size_t shown_max = 200;

[[noreturn]] void fail(const SqlStatement& statement, const std::string& what) {
  throw Error(ErrorKind::failed, fmt::format("{}: {}", statement.origin, what));
}

// The values of one event's parameters.
class EventValues {
 public:
  EventValues(const ReceivedEvent& event, bool truth_is_number)
      : event_(event), truth_is_number_(truth_is_number) {}

  /// Of an element of an array in the payload; empty: none.
  void set_item(std::string_view item) { item_ = item; }

  [[nodiscard]] Values of(const SqlStatement& statement) {
    Values values;
    for (const SqlParameter& parameter : statement.parameters)
      values.emplace_back(value_of(statement, parameter));
    return values;
  }

  /// Checked once, where it is first needed.
  std::string_view json_payload(const SqlStatement& statement) {
    if (!event_.payload) fail(statement, "the event has no payload");
    if (!checked_) {
      if (const auto fault = find_json_fault(*event_.payload)) {
        fail(statement,
             fmt::format("the payload is no JSON: {} at byte {}", fault->what, fault->offset));
      }
      checked_ = true;
    }
    return *event_.payload;
  }

 private:
  static Value text_or_null(std::string_view text) { return text.empty() ? Value() : Value(text); }

  Value value_of(const SqlStatement& statement, const SqlParameter& parameter) {
    switch (parameter.source) {
      case ParameterSource::event_id:
        return to_string(event_.event_id);
      case ParameterSource::event_type:
        return std::string(event_.event_type);
      case ParameterSource::aggregate_type:
        return text_or_null(event_.aggregate_type);
      case ParameterSource::aggregate_id:
        return text_or_null(event_.aggregate_id);
      case ParameterSource::occurred_at:
        return text_or_null(event_.occurred_at);
      case ParameterSource::version:
        return std::to_string(event_.version);
      case ParameterSource::topic:
        return std::string(event_.topic);
      case ParameterSource::partition:
        return std::to_string(event_.partition);
      case ParameterSource::offset:
        return std::to_string(event_.offset);
      case ParameterSource::key:
        return event_.key ? Value(*event_.key) : Value();
      case ParameterSource::payload:
        return payload_value(statement, parameter);
      case ParameterSource::item:
        return field(statement, parameter, item_);
    }
    return std::nullopt;
  }

  Value payload_value(const SqlStatement& statement, const SqlParameter& parameter) {
    if (parameter.path.empty()) return event_.payload ? Value(*event_.payload) : Value();
    if (parameter.optional && !event_.payload) return std::nullopt;
    return field(statement, parameter, json_payload(statement));
  }

  Value field(const SqlStatement& statement, const SqlParameter& parameter,
              std::string_view json) const {
    const auto value = json_at(json, parameter.path);
    if (!value && !parameter.optional) {
      fail(statement, fmt::format("the event has no {}", parameter.name));
    }
    return value ? text_of(*value) : Value();
  }

  // What the database takes for the value: a number's own digits, a string without its quotes.
  [[nodiscard]] Value text_of(std::string_view value) const {
    switch (json_type(value)) {
      case JsonType::null:
        return std::nullopt;
      case JsonType::string:
        return decode_json_string(value.substr(1, value.size() - 2));
      case JsonType::boolean:
        // SQLite and MariaDB have no truth values but numbers.
        return truth_is_number_ ? Value(value == "true" ? "1" : "0") : Value(value);
      default:
        return Value(value);
    }
  }

  const ReceivedEvent& event_;
  const bool truth_is_number_;
  std::string_view item_;
  bool checked_ = false;
};

void run_once(const SqlStatement& statement, EventValues& values, const std::string& about,
              Transaction& transaction) {
  std::size_t rows = 0;
  try {
    rows = transaction.run(statement.sql, values.of(statement)).size();
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::failed) throw;
    // What a parameter lacks is told with the place already.
    std::string_view what = error.what();
    const std::string place = statement.origin + ": ";
    if (what.starts_with(place)) what.remove_prefix(place.size());
    throw Error(error.kind(), fmt::format("{}{}: {}", statement.origin, about, what));
  }
  if (static_cast<int>(rows) >= statement.rows_min) return;
  fail(statement, fmt::format("touched {} row{}, expected at least {}{}", rows,
                              rows == 1 ? "" : "s", statement.rows_min, about));
}

void run_for_each(const SqlStatement& statement, EventValues& values, Transaction& transaction) {
  const std::string name = fmt::format("payload.{}", fmt::join(statement.for_each, "."));
  const auto array = json_at(values.json_payload(statement), statement.for_each);
  if (!array) fail(statement, fmt::format("the event has no {}", name));
  if (json_type(*array) != JsonType::array) fail(statement, name + " is no array");
  std::size_t number = 0;
  for (JsonWalk walk(*array); walk.next(); ++number) {
    values.set_item(walk.value());
    run_once(statement, values,
             fmt::format(", for {}[{}] {}", name, number, walk.value().substr(0, shown_max)),
             transaction);
  }
  values.set_item({});
}

}  // namespace

void run_statements(std::span<const SqlStatement> statements, const ReceivedEvent& event,
                    Transaction& transaction) {
  EventValues values(event, transaction.dialect() != Dialect::postgres);
  for (const SqlStatement& statement : statements) {
    if (statement.has_for_each) {
      run_for_each(statement, values, transaction);
    } else {
      run_once(statement, values, {}, transaction);
    }
  }
}

}  // namespace outbox::app
