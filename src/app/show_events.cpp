// SPDX-License-Identifier: Apache-2.0
//
// Events and dead letters.
#include <array>
#include <utility>

#include <fmt/format.h>

#include "app/plain_text.hpp"
#include "app/show.hpp"
#include "app/show_values.hpp"

namespace outbox::app {
namespace {

using admin::Json;

Colour colour_of(const std::string& state) {
  if (state == "published" || state == "replayed" || state == "consumed") return Colour::green;
  if (state == "dead" || state == "dead_letter" || state == "consumer_dead_letter")
    return Colour::red;
  if (state == "retrying" || state == "replaying") return Colour::yellow;
  return Colour::none;
}

/// What an entry's last column tells beside its error, and the words for it.
constexpr std::array<std::pair<const char*, const char*>, 4> noted = {{
    {"who", "who"},
    {"reason", "reason"},
    {"attempts", "attempts"},
    {"next_attempt_at", "next attempt at"},
}};

// `kafka orders/1:40`, of what an entry tells.
std::string place_of(const Json& entry) {
  std::string place = text_of(entry, "where");
  if (const std::string consumer = text_of(entry, "consumer"); !consumer.empty())
    place = place.empty() ? consumer : place;
  if (const std::string topic = text_of(entry, "topic"); !topic.empty()) {
    std::string there = topic;
    if (!text_of(entry, "partition").empty()) there += "/" + text_of(entry, "partition");
    if (!text_of(entry, "offset").empty()) there += ":" + text_of(entry, "offset");
    if (place.find(topic) == std::string::npos) place += (place.empty() ? "" : "  ") + there;
    if (place == topic) place = there;
  }
  return place;
}

std::string timeline(const Json& entries, const Look& look) {
  TextTable table({{"AT"}, {"AFTER", true}, {"WHAT"}, {"WHERE", false, 12}, {"", false, 12}});
  for (const Json& entry : entries) {
    std::string note = text_of(entry, "error");
    for (const auto& [name, word] : noted) {
      if (const std::string value = text_of(entry, name); !value.empty())
        note += fmt::format("{}{} {}", note.empty() ? "" : ", ", word, value);
    }
    const double after = number_of(entry, "after_ms").value_or(-1);
    std::string at = text_of(entry, "at");
    if (at.size() > 23) at = at.substr(11, 12);
    table.add({at.empty() ? "-" : at, after < 0 ? "" : "+" + duration_text(after),
               text_or_dash(entry, "what"), place_of(entry), note});
  }
  return table.text(look, 2);
}

}  // namespace

std::string show_events(const Json& page, const Look& look) {
  TextTable table({{"ROW", true},
                   {"STATE"},
                   {"CREATED"},
                   {"EVENT TYPE", false, 12},
                   {"KEY", false, 10},
                   {"TOPIC", false, 10},
                   {"STORE", false, 6},
                   {"EVENT ID"},
                   {"ERROR", false, 10}});
  for (const Json& one : list_of(page, "items")) {
    table.add({text_of(one, "row"), text_or_dash(one, "state"), time_text(one, "created_at"),
               text_or_dash(one, "event_type"), text_or_dash(one, "key"),
               text_or_dash(one, "topic"), text_or_dash(one, "store"),
               text_or_dash(one, "event_id"), text_or_dash(one, "error")});
  }
  return table.empty() ? std::string() : table.text(look);
}

std::string show_event(const Json& event, const Look& look) {
  return show_fields(event, look);
}

std::string show_trace(const Json& trace, const Look& look) {
  std::string text;
  for (const Json& one : list_of(trace, "events")) {
    const Json& event = field(one, "event");
    const std::string state = text_or_dash(event, "state");
    text += fmt::format("{}event {}  {}  {}\n  row {} of {}, {} {}, key {}, written {}\n",
                        text.empty() ? "" : "\n", text_or_dash(event, "event_id"),
                        text_or_dash(event, "event_type"), painted(look, colour_of(state), state),
                        text_or_dash(event, "row"), text_or_dash(event, "store"),
                        text_or_dash(event, "aggregate_type"), text_or_dash(event, "aggregate_id"),
                        text_or_dash(event, "key"), time_text(event, "created_at"));
    text += timeline(list_of(one, "timeline"), look);
  }
  return text;
}

std::string show_letters(const Json& page, const Look& look) {
  TextTable table({{"ID"},
                   {"AT"},
                   {"WHO", false, 8},
                   {"ATTEMPTS", true},
                   {"EVENT TYPE", false, 10},
                   {"KEY", false, 8},
                   {"TOPIC", false, 8},
                   {"STATE"},
                   {"ERROR", false, 12},
                   {"EVENT ID", false, 8}});
  for (const Json& one : list_of(page, "items")) {
    const std::string consumer = text_of(one, "consumer");
    table.add({text_of(one, "id"), time_text(one, "at"),
               consumer.empty() ? text_or_dash(one, "source") : consumer,
               text_or_dash(one, "attempts"), text_or_dash(one, "event_type"),
               text_or_dash(one, "key"), text_or_dash(one, "topic"), text_or_dash(one, "state"),
               text_or_dash(one, "error"), text_or_dash(one, "event_id")});
  }
  return table.empty() ? std::string() : table.text(look);
}

std::string show_groups(const Json& groups, const Look& look) {
  TextTable table({{"GROUP"},
                   {"LETTERS", true},
                   {"LAST"},
                   {"WHO", false, 8},
                   {"TOPIC", false, 10},
                   {"CAUSE", false, 16}});
  for (const Json& one : list_of(groups, "items")) {
    const std::string consumer = text_of(one, "consumer");
    table.add({text_of(one, "group"), count_text(one, "letters"), time_text(one, "last_at"),
               consumer.empty() ? "relay " + text_of(one, "store") : consumer,
               text_or_dash(one, "topic"), text_or_dash(one, "cause")});
  }
  return table.empty() ? std::string() : table.text(look);
}

std::string show_letter(const Json& letter, const Look& look) {
  return show_fields(letter, look);
}

std::string show_message(const Json& message, const Look& look) {
  std::string headers;
  for (const auto& [name, value] : field(message, "headers").items()) {
    headers += fmt::format("{}{}={}", headers.empty() ? "" : " ", plain(name),
                           value.is_string() ? plain(value.get_ref<const std::string&>())
                                             : plain(admin::to_text(value)));
  }
  std::string text =
      painted(look, Colour::bold,
              fmt::format("{} {}:{}  {}", time_text(message, "at"), text_of(message, "partition"),
                          text_of(message, "offset"), text_or_dash(message, "key"))) +
      "\n";
  if (!headers.empty()) text += painted(look, Colour::faint, paragraph(headers, 2, look.columns));
  std::string value = text_of(message, "payload");
  if (value.empty() && !field(message, "payload_base64").is_null())
    value = "base64 " + text_of(message, "payload_base64");
  return text + paragraph(value.empty() ? "-" : value, 2, look.columns);
}

}  // namespace outbox::app
