// SPDX-License-Identifier: Apache-2.0
//
// The consumers that a configuration declares under `consume:`, typed and checked
// (docs/consuming.md explains the YAML).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace outbox::config {

/// Where the value of a named parameter comes from.
enum class ParameterSource : std::uint8_t {
  event_id,
  event_type,
  aggregate_type,
  aggregate_id,
  occurred_at,
  version,
  topic,
  partition,
  offset,
  key,
  payload,  ///< The whole, or what stands at `path` in it.
  item,     ///< The same of the element that `for-each` is at.
};

struct SqlParameter {
  std::string name;  ///< For messages: `payload.date`
  ParameterSource source = ParameterSource::event_id;
  std::vector<std::string> path;
  bool optional = false;  ///< `:payload.date?`: NULL where it is not there.
};

struct SqlStatement {
  std::string sql;                       ///< With `$1`, `$2`, … for `parameters`, one a place.
  std::vector<SqlParameter> parameters;  ///< In the order of their places.
  std::vector<std::string> for_each;     ///< Run once for each element there; empty: once.
  bool has_for_each = false;
  int rows_min = 0;    ///< Fewer rows touched fail the event.
  std::string origin;  ///< `outboxd.yaml:12`
};

enum class HandlerKind : std::uint8_t { sql, command, http };

struct HandlerSettings {
  std::vector<std::string> event_types;  ///< Empty: all that have no handler of their own.
  HandlerKind kind = HandlerKind::sql;
  std::vector<SqlStatement> statements;
  std::vector<std::string> command;
  std::string url;
  bool batch = false;
  std::chrono::milliseconds timeout{30'000};
  std::string origin;
};

struct ConsumerRetry {
  int attempts_max = 5;
  std::chrono::milliseconds initial{200};
  std::chrono::milliseconds max{5'000};
  double jitter = 0.2;
};

struct ConsumerSettings {
  std::string name;
  std::string group_id;
  std::vector<std::string> topics;
  std::string instance_id;
  std::string offset_reset = "earliest";
  int batch_size = 500;
  int workers = 1;
  bool claims_versions = false;  ///< `inbox-key: aggregate-version`
  bool dead_letters_unknown = false;
  bool ordered = true;
  std::string delay_topic;  ///< Set where `ordered` is false.
  std::string dead_letter_topic = "deadletter.events";
  ConsumerRetry retry;
  std::vector<HandlerSettings> handlers;
  std::string origin;
};

/// Those under `consume:` of a configuration file, in its order; none where it has no such part.
/// Throws Error(configuration) with `file`:line and the remedy.
[[nodiscard]] std::vector<ConsumerSettings> parse_consumers(std::string_view text,
                                                            std::string_view file);

}  // namespace outbox::config
