// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <fmt/format.h>

#include "app/plain_text.hpp"
#include "app/show.hpp"
#include "app/show_values.hpp"

namespace outbox::app {
namespace {

using admin::Json;

// Of lists without an end, as many as a screen bears.
constexpr std::size_t shown_max = 10;

Colour colour_of(const std::string& state) {
  if (state == "ok" || state == "up" || state == "Stable") return Colour::green;
  if (state == "down" || state == "Dead") return Colour::red;
  return Colour::yellow;
}

std::string more_of(const Json& list, std::size_t indent) {
  if (list.size() <= shown_max) return {};
  return fmt::format("{:{}}and {} more\n", "", indent,
                     grouped(static_cast<std::int64_t>(list.size() - shown_max)));
}

std::string cut_line(const std::string& line, const Look& look) {
  return (look.columns > 0 ? cut_to(line, look.columns) : line) + "\n";
}

/// Reasons are what one came for: they go on in the next line.
std::string reason_lines(const std::string& what, const Json& of, const Look& look) {
  const std::string reason = text_of(of, "reason");
  return paragraph(reason.empty() ? what : what + ": " + reason, 2, look.columns);
}

std::string backlog_lines(const Json& backlog, const Look& look) {
  const bool has_pending = number_of(backlog, "pending").value_or(0) > 0;
  const char* more = is_true(backlog, "exact") ? "" : " or more";
  std::string text =
      fmt::format("  pending   {}{}, oldest {}\n", count_text(backlog, "pending"), more,
                  has_pending ? duration_text(backlog, "oldest_pending_age_ms") : std::string("-"));
  text += fmt::format("  retrying  {}\n", count_text(backlog, "retrying"));
  const bool has_dead = number_of(backlog, "dead").value_or(0) > 0;
  text +=
      fmt::format("  dead      {}{}\n",
                  painted(look, has_dead ? Colour::red : Colour::none, count_text(backlog, "dead")),
                  has_dead ? "  (outboxd dlq groups)" : "");
  std::size_t shown = 0;
  const Json& types = field(backlog, "pending_by_type");
  if (!types.empty()) text += "  pending by aggregate type\n";
  for (const auto& [type, rows] : types.items()) {
    if (++shown > shown_max) break;
    text += cut_line(fmt::format("    {:<24} {}", plain(type), grouped(rows.get<std::int64_t>())),
                     look);
  }
  return text + more_of(types, 4);
}

std::string blocked_lines(const Json& backlog, const Look& look) {
  std::string text;
  const Json& keys = list_of(backlog, "blocked_keys");
  for (std::size_t i = 0; i < keys.size() && i < shown_max; ++i) {
    const Json& key = keys[i];
    text +=
        reason_lines(fmt::format("key '{}' waits behind row {}, attempt {}, for {}",
                                 text_of(key, "key"), text_of(key, "row"), text_of(key, "attempts"),
                                 duration_text(key, "blocked_for_ms")),
                     key, look);
  }
  return text + more_of(keys, 2);
}

std::string member_lines(const Json& relay, const Look& look) {
  std::string text;
  const Json& members = list_of(relay, "members");
  if (members.empty()) text += "  no relay has joined: start `outboxd relay`\n";
  for (const Json& member : members) {
    const bool live = is_true(member, "live");
    const std::string line =
        fmt::format("  {}  {}:{}  {:>3} of 256 buckets  heartbeat {} ago{}", text_of(member, "id"),
                    text_of(member, "host"), text_of(member, "pid"), count_text(member, "buckets"),
                    duration_text(member, "heartbeat_age_ms"), live ? "" : "  gone");
    text += painted(look, live ? Colour::none : Colour::faint,
                    look.columns > 0 ? cut_to(line, look.columns) : line) +
            "\n";
  }
  return text;
}

std::string held_lines(const Json& backlog, const Look& look) {
  std::string text;
  for (const Json& topic : list_of(backlog, "held_topics")) {
    const std::string what =
        fmt::format("topic '{}' is held by {} since {}", text_of(topic, "topic"),
                    text_of(topic, "member"), time_text(topic, "since_at"));
    std::string lines = reason_lines(what, topic, look);
    lines.pop_back();
    text += painted(look, Colour::red, lines) + "\n";
  }
  return text;
}

std::string store_lines(const Json& store, bool named, const Look& look) {
  const std::string state = text_or_dash(store, "state");
  const Json& table = field(store, "table");
  std::string line = fmt::format("{} {}  {}  {}", named ? "shard" : "store", text_of(store, "name"),
                                 painted(look, colour_of(state), state == "down" ? "DOWN" : state),
                                 text_of(store, "database"));
  if (table.is_object()) {
    line += fmt::format("  {}", text_of(table, "name"));
    if (number_of(table, "rows_estimate")) {
      line += fmt::format(" of about {} row{}, {}", count_text(table, "rows_estimate"),
                          number_of(table, "rows_estimate") == 1 ? "" : "s",
                          bytes_text(table, "bytes"));
    }
  }
  std::string text = line + "\n";
  if (const std::string error = text_of(store, "error"); !error.empty()) {
    text += paragraph(error, 2, look.columns);
  }
  for (const Json& relay : list_of(store, "relays"))
    text += show_relay(relay, look);
  if (const std::string types = text_of(store, "types_without_relay"); !types.empty()) {
    text += paragraph("no relay takes these events, they wait: " + types, 0, look.columns);
  }
  return text;
}

std::string consumer_table(const Json& consumers, const Look& look) {
  TextTable table({{"CONSUMER", false, 12},
                   {"STATE"},
                   {"MEMBERS", true},
                   {"LAG", true},
                   {"DEAD", true},
                   {"", false, 10}});
  for (const Json& one : consumers) {
    std::string note = is_true(one, "paused") ? "PAUSED" : "";
    if (const std::string error = text_of(one, "error"); !error.empty()) {
      note += (note.empty() ? "" : ", ") + error;
    }
    table.add({text_of(one, "group_id"), text_or_dash(one, "state"),
               std::to_string(list_of(one, "members").size()), count_text(one, "lag"),
               count_text(one, "dead_letters"), note});
  }
  return table.empty() ? std::string() : "\n" + table.text(look);
}

std::string broker_line(const Json& broker, const Look& look) {
  if (!broker.is_object()) return {};
  const std::string state = text_or_dash(broker, "state");
  std::string servers;
  for (const Json& one : list_of(broker, "brokers")) {
    if (one.is_string())
      servers += (servers.empty() ? "" : ", ") + plain(one.get_ref<const std::string&>());
  }
  std::string text =
      fmt::format("\nbrokers  {}  {}\n",
                  painted(look, colour_of(state), state == "down" ? "DOWN" : state), servers);
  if (const std::string error = text_of(broker, "error"); !error.empty())
    text += paragraph(error, 2, look.columns);
  return text;
}

}  // namespace

std::string show_relay(const Json& relay, const Look& look) {
  const Json& backlog = field(relay, "backlog");
  std::string text = fmt::format(
      "relay {}{}\n", text_of(relay, "name"),
      is_true(relay, "paused") ? "  " + painted(look, Colour::yellow, "PAUSED") : std::string());
  text += backlog_lines(backlog, look) + held_lines(backlog, look) + member_lines(relay, look);
  return text + blocked_lines(backlog, look);
}

std::string show_relays(const Json& relays, const Look& look) {
  std::string text;
  for (const Json& relay : list_of(relays, "items")) {
    if (const std::string store = text_of(relay, "store"); !store.empty())
      text += fmt::format("{}store {}\n", text.empty() ? "" : "\n", store);
    text += show_relay(relay, look);
  }
  return text.empty() ? "no relay is configured\n" : text;
}

std::string show_status(const Json& status, const Look& look) {
  const Json& verdict = field(status, "verdict");
  const std::string state = text_or_dash(verdict, "state");
  std::string text =
      painted(look, colour_of(state), state) + "  " + text_of(verdict, "text") + "\n\n";
  const Json& stores = list_of(status, "stores");
  for (const Json& store : stores)
    text += store_lines(store, stores.size() > 1, look);
  text += consumer_table(list_of(status, "consumers"), look);
  text += broker_line(field(status, "broker"), look);
  if (!list_of(status, "pauses").empty())
    text += "\n" + show_pauses(Json{{"items", list_of(status, "pauses")}}, look);
  return text;
}

}  // namespace outbox::app
