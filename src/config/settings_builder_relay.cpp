// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>

#include <fmt/format.h>

#include <outbox/error.hpp>

#include "config/fault.hpp"
#include "config/presets.hpp"
#include "config/rules.hpp"
#include "config/settings_builder.hpp"

namespace outbox::config {
namespace {

constexpr std::string_view relays_prefix = "relays.";
// Ids of 40 bytes stay below the usual max.message.bytes.
constexpr int transactional_rows_max = 20'000;

Envelope envelope_of(const std::string& word) {
  if (word == "standard") return Envelope::standard;
  if (word == "cloudevents") return Envelope::cloudevents;
  if (word == "cloudevents-structured") return Envelope::cloudevents_structured;
  return word == "debezium" ? Envelope::debezium : Envelope::raw;
}

// The first type that both take; `any` where both take all.
std::string shared_type(const RelaySettings& left, const RelaySettings& right) {
  if (left.aggregate_types.empty() && right.aggregate_types.empty()) return "any";
  if (left.aggregate_types.empty()) return right.aggregate_types.front();
  if (right.aggregate_types.empty()) return left.aggregate_types.front();
  for (const std::string& type : left.aggregate_types) {
    if (std::find(right.aggregate_types.begin(), right.aggregate_types.end(), type) !=
        right.aggregate_types.end()) {
      return type;
    }
  }
  return {};
}

}  // namespace

void SettingsBuilder::read_relays() {
  std::set<std::string> names;
  for (const auto& [name, given] : layers_.all()) {
    if (!name.starts_with(relays_prefix)) continue;
    const std::string rest = name.substr(relays_prefix.size());
    names.insert(rest.substr(0, rest.find('.')));
  }
  if (names.empty()) names.insert("default");
  for (const std::string& name : names)
    settings_.relays_[name] = read_relay(name);
  check_disjoint();
}

RelaySettings SettingsBuilder::read_relay(const std::string& name) const {
  const Reader reader(layers_, name);
  RelaySettings relay;
  relay.name = name;
  relay.enabled = reader.boolean("relay.enabled");
  relay.table = settings_.outbox_.table;
  relay.capture = reader.word("relay.capture") == "row" ? Capture::row : Capture::lease;
  relay.settle = reader.word("relay.settle") == "delete" ? Settle::remove : Settle::mark;
  relay.delivery = reader.word("relay.delivery") == "transactional" ? Delivery::transactional
                                                                    : Delivery::idempotent;
  relay.control_topic = reader.topic("relay.control-topic");
  relay.transaction_timeout = reader.duration("relay.transaction-timeout");
  relay.batch_size = reader.integer("relay.batch-size");
  relay.polling_interval = reader.duration("relay.polling-interval");
  relay.envelope = envelope_of(reader.word("relay.envelope"));
  relay.default_topic = reader.topic("relay.default-topic");
  relay.dead_letter_topic = reader.topic("relay.dead-letter-topic");
  relay.lease_ttl = reader.duration("relay.lease-ttl");
  relay.lock_timeout = reader.duration("relay.lock-timeout");
  relay.slots = reader.integer("relay.slots");
  relay.max_attempts = reader.integer("relay.max-attempts");
  relay.backoff.kind =
      reader.word("relay.backoff") == "fixed" ? BackoffKind::fixed : BackoffKind::exponential;
  relay.backoff.initial = reader.duration("relay.backoff-initial");
  relay.backoff.max = reader.duration("relay.backoff-max");
  // The longest wait is a matter of the growing one; it must not cut a fixed one short.
  if (relay.backoff.kind == BackoffKind::fixed) {
    relay.backoff.max = std::max(relay.backoff.max, relay.backoff.initial);
  }
  relay.backoff.jitter = reader.decimal("relay.backoff-jitter");
  relay.max_in_flight_bytes = reader.size("relay.max-in-flight-bytes");
  relay.max_in_flight_rows = reader.integer("relay.max-in-flight-rows");
  relay.max_rows_per_second = reader.integer("relay.max-rows-per-second");
  relay.max_blocked_keys = reader.integer("relay.max-blocked-keys");
  relay.max_topics = reader.integer("relay.max-topics");
  relay.aggregate_types = reader.list("relay.aggregate-types");
  relay.cloudevents_source = reader.text("relay.cloudevents-source");
  relay.topic_refresh_interval = reader.duration("relay.topic-refresh-interval");
  read_relay_rules(reader, relay);
  check_relay(reader, relay);
  return relay;
}

void SettingsBuilder::read_relay_rules(const Reader& reader, RelaySettings& relay) const {
  try {
    relay.routes = parse_routes(reader.text("relay.routes"));
  } catch (const Fault& fault) {
    reader.fail("relay.routes", fault.what, fault.hint);
  }
  try {
    relay.transform = parse_transform(reader.text("relay.transform"));
  } catch (const Fault& fault) {
    reader.fail("relay.transform", fault.what, fault.hint);
  }
}

void SettingsBuilder::check_transactional(const Reader& reader, const RelaySettings& relay) const {
  if (relay.capture == Capture::row) {
    reader.fail("relay.delivery",
                "is 'transactional', and relay.capture is 'row': publishers beside this one would "
                "send the same rows in no transaction",
                "set relay.capture to lease, or relay.delivery to idempotent");
  }
  if (relay.max_in_flight_rows > transactional_rows_max) {
    reader.fail("relay.max-in-flight-rows",
                fmt::format("is {}, and a record of relay.delivery 'transactional' has room for {}",
                            relay.max_in_flight_rows, transactional_rows_max),
                "lower it");
  }
}

void SettingsBuilder::check_relay(const Reader& reader, const RelaySettings& relay) const {
  if (relay.delivery == Delivery::transactional) check_transactional(reader, relay);
  if (relay.capture == Capture::row && !relay.table.can_lock_rows()) {
    const Preset* preset = find_preset(settings_.preset_);
    const std::string why =
        preset != nullptr && !preset->no_row_capture.empty()
            ? fmt::format("preset {} refuses it, {}", preset->name, preset->no_row_capture)
            : std::string(
                  "the table has no status word for a row in work or "
                  "no columns for who holds it");
    reader.fail("relay.capture", "is 'row', and " + why,
                "leave it at lease, or name outbox.status.processing, outbox.columns.locked-by "
                "and outbox.columns.locked-at");
  }
  if (relay.backoff.kind == BackoffKind::exponential && relay.backoff.max < relay.backoff.initial) {
    reader.fail("relay.backoff-max", "is shorter than relay.backoff-initial", "raise it");
  }
  if (relay.max_in_flight_rows < relay.batch_size) {
    reader.fail("relay.max-in-flight-rows",
                fmt::format("is less than relay.batch-size ({})", relay.batch_size),
                "raise it, or lower relay.batch-size");
  }
  if (relay.default_topic.empty()) {
    reader.fail("relay.default-topic", "is empty", "give a topic, such as default.events");
  }
  if (relay.cloudevents_source.empty()) {
    reader.fail("relay.cloudevents-source", "is empty", "give a URI reference, such as /outboxd");
  }
  if (!relay.aggregate_types.empty() && !relay.table.columns.aggregate_type) {
    reader.fail("relay.aggregate-types", "is set, and the table has no column for the type",
                "name outbox.columns.aggregate-type, or leave it empty");
  }
}

void SettingsBuilder::check_disjoint() const {
  for (auto left = settings_.relays_.begin(); left != settings_.relays_.end(); ++left) {
    for (auto right = std::next(left); right != settings_.relays_.end(); ++right) {
      if (!left->second.enabled || !right->second.enabled) continue;
      const std::string type = shared_type(left->second, right->second);
      if (type.empty()) continue;
      throw Error(
          ErrorKind::configuration,
          fmt::format("the relays '{}' ({}) and '{}' ({}) both take the aggregate type '{}'",
                      left->first, Reader(layers_, left->first).origin("relay.aggregate-types"),
                      right->first, Reader(layers_, right->first).origin("relay.aggregate-types"),
                      type),
          "divide the types by relays.NAME.aggregate-types so that each has one relay");
    }
  }
}

}  // namespace outbox::config
