// SPDX-License-Identifier: Apache-2.0
//
// Pauses, the audit log, findings, and what is common to pages.
#include <algorithm>

#include <fmt/format.h>

#include "app/plain_text.hpp"
#include "app/show.hpp"
#include "app/show_values.hpp"

namespace outbox::app {

using admin::Json;

std::string show_pauses(const Json& pauses, const Look& look) {
  TextTable table({{"PAUSED"},
                   {"NAME", false, 16},
                   {"STORE", false, 8},
                   {"SINCE"},
                   {"BY", false, 10},
                   {"REASON", false, 12}});
  for (const Json& one : list_of(pauses, "items")) {
    table.add({text_of(one, "kind"), text_of(one, "name"), text_or_dash(one, "store"),
               time_text(one, "since_at"), text_or_dash(one, "who"), text_or_dash(one, "reason")});
  }
  return table.empty() ? "nothing is paused\n" : table.text(look);
}

std::string show_audit(const Json& page, const Look& look) {
  TextTable table({{"AT"},
                   {"WHO", false, 10},
                   {"ACTION"},
                   {"TARGET", false, 16},
                   {"STORE", false, 8},
                   {"REASON", false, 12},
                   {"DETAILS", false, 10}});
  for (const Json& one : list_of(page, "items")) {
    table.add({time_text(one, "at"), text_or_dash(one, "who"), text_or_dash(one, "action"),
               text_or_dash(one, "target"), text_or_dash(one, "store"), text_or_dash(one, "reason"),
               text_or_dash(one, "details")});
  }
  return table.empty() ? "no operator has changed anything\n" : table.text(look);
}

std::string show_findings(const Json& doctor, bool all, const Look& look) {
  std::vector<const Json*> findings;
  for (const Json& one : list_of(doctor, "findings"))
    findings.push_back(&one);
  const auto rank = [](const Json* one) {
    const std::string word = text_of(*one, "severity");
    return word == "problem" ? 0 : word == "warning" ? 1 : word == "notice" ? 2 : 3;
  };
  std::stable_sort(findings.begin(), findings.end(),
                   [&rank](const Json* a, const Json* b) { return rank(a) < rank(b); });
  constexpr Colour colours[] = {Colour::red, Colour::yellow, Colour::none, Colour::green};
  std::size_t counts[4] = {};
  std::string text;
  for (const Json* one : findings) {
    const int place = rank(one);
    ++counts[place];
    if (place == 3 && !all) continue;
    const std::string store = text_of(*one, "store");
    text += fmt::format("{}  {}{}\n", painted(look, colours[place], text_of(*one, "severity")),
                        painted(look, Colour::bold, text_of(*one, "check")),
                        store.empty() ? "" : "  " + store);
    text += paragraph(text_of(*one, "found"), 2, look.columns);
    if (const std::string why = text_of(*one, "why"); !why.empty())
      text += paragraph("why: " + why, 2, look.columns);
    if (const std::string remedy = text_of(*one, "remedy"); !remedy.empty())
      text += paragraph("mend: " + remedy, 2, look.columns);
    text += "\n";
  }
  return text + fmt::format("{} problem{}, {} warning{}, {} notice{}, {} ok\n", counts[0],
                            counts[0] == 1 ? "" : "s", counts[1], counts[1] == 1 ? "" : "s",
                            counts[2], counts[2] == 1 ? "" : "s", counts[3]);
}

std::string show_fields(const Json& object, const Look& look) {
  std::size_t width = 0;
  for (const auto& [name, value] : object.items()) {
    if (!value.is_null()) width = std::max(width, name.size());
  }
  std::string text;
  std::string payload;
  for (const auto& [name, value] : object.items()) {
    if (value.is_null()) continue;
    if (name == "payload") {
      // Its own lines may stand: it is the last, and each of them is plain.
      payload = value.is_string() ? value.get<std::string>() : admin::to_text(value, 2);
      continue;
    }
    const std::string shown = text_of(object, name);
    text += fmt::format("{:<{}}  {}\n", name, width, shown.empty() ? "-" : shown);
  }
  if (payload.empty()) return text;
  text += painted(look, Colour::faint, "payload") + "\n";
  for (std::size_t at = 0; at <= payload.size();) {
    const std::size_t end = std::min(payload.find('\n', at), payload.size());
    text += plain(std::string_view(payload).substr(at, end - at)) + "\n";
    at = end + 1;
  }
  return text;
}

std::string page_notes(const Json& page, const std::string& what) {
  std::string notes;
  for (const Json& one : list_of(page, "errors")) {
    const std::string store = text_of(one, "store");
    notes += fmt::format("{} did not answer: {}\n",
                         store.empty() ? "topic " + text_of(one, "topic") : "store " + store,
                         text_of(one, "error"));
  }
  const std::size_t count = list_of(page, "items").size();
  notes += fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
  const std::string cursor = text_of(page, "next_cursor");
  const bool complete = !field(page, "complete").is_boolean() || is_true(page, "complete");
  if (!complete) notes += ", and not all was looked at";
  if (!cursor.empty()) notes += fmt::format("; there may be more: --cursor {}", cursor);
  return notes + "\n";
}

}  // namespace outbox::app
