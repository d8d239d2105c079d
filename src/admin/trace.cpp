// SPDX-License-Identifier: Apache-2.0
#include "admin/trace.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>

#include <outbox/error.hpp>

#include "admin/events.hpp"
#include "admin/trace_topics.hpp"
#include "core/clock.hpp"

namespace outbox::admin {
namespace {

constexpr std::size_t events_max = 20;
constexpr std::size_t query_bytes_max = 1'000;
constexpr std::size_t audit_max = 1'000;
// Lines may hold what stood in a letter before: few of them are held at once.
constexpr std::size_t audit_page = 50;
constexpr std::size_t payload_shown = 4'096;
constexpr std::size_t inbox_stores_max = 64;
// From the beginning on: each look into a topic costs up to two seconds more.
constexpr std::chrono::seconds topics_max{5};
constexpr std::int64_t before_publishing_us = 10'000'000;
constexpr std::int64_t clocks_differ_us = 2'000'000;

struct Entry {
  std::optional<std::int64_t> at_us;
  Json json;  ///< Without at and after_ms.
};

struct Traced {
  std::string store;  ///< Empty: no row is left of it.
  std::optional<store::EventView> event;
  std::string event_id;
  std::vector<Entry> timeline;
  bool is_discarded = false;  ///< The event is as it stood when it was taken out of the outbox.
};

struct Search {
  std::string matched_by;
  std::vector<Traced> events;
  bool complete = true;
  Json errors = Json::array();
};

void add_error(Search& search, const char* what, const std::string& name,
               const std::string& error) {
  search.errors.push_back({{what, name}, {"error", text_json(error)}});
  search.complete = false;
}

/// The ways to read the text, in this order.
std::vector<std::pair<const char*, EventsRequest>> readings_of(const std::string& text) {
  EventsRequest plain;
  plain.query.rows_max = events_max;
  std::vector<std::pair<const char*, EventsRequest>> readings;
  const auto add = [&](const char* name, const auto& change) {
    EventsRequest request = plain;
    change(request);
    readings.emplace_back(name, std::move(request));
  };
  if (const auto id = parse_uuid(text)) {
    add("event_id", [&](EventsRequest& one) { one.query.event_id = *id; });
  }
  add("row", [&](EventsRequest& one) { one.row = text; });
  add("aggregate_id", [&](EventsRequest& one) { one.query.aggregate_id = text; });
  add("key", [&](EventsRequest& one) { one.query.key = text; });
  return readings;
}

bool is_row_of(const StoreSite& site, const std::string& text) {
  try {
    static_cast<void>(parse_row_id(site, text));
    return true;
  } catch (const Error&) {
    return false;
  }
}

store::EventPage find_in(StoreSeams& seams, const EventsRequest& request) {
  store::EventQuery query = request.query;
  if (request.row) {
    if (!is_row_of(seams.site(), *request.row)) return {};
    query.row = parse_row_id(seams.site(), *request.row);
  }
  return seams.lookup().find(query);
}

void find_rows(Office& office, const std::string& text, const std::optional<std::string>& store,
               Search& search) {
  std::vector<const StoreSite*> stores = office.site().chosen(store);
  for (const auto& [name, request] : readings_of(text)) {
    const auto told = office.ask_all<store::EventPage>(
        stores, Pace::slow, [one = request](StoreSeams& seams) { return find_in(seams, one); });
    for (const auto& one : told) {
      if (!one.answer) {
        add_error(search, "store", one.store->name, one.error);
        std::erase(stores, one.store);  // Not asked again, nor waited for.
        continue;
      }
      search.complete = search.complete && one.answer->looked_at_all;
      for (const store::EventView& event : one.answer->events) {
        Traced traced{one.store->name, event, {}, {}, false};
        if (!event.event_id.is_nil()) traced.event_id = to_string(event.event_id);
        search.events.push_back(std::move(traced));
      }
    }
    if (!search.events.empty()) {
      search.matched_by = name;
      break;
    }
  }
  std::ranges::stable_sort(search.events, [](const Traced& one, const Traced& other) {
    return one.event->created_at_us > other.event->created_at_us;
  });
  if (search.events.size() > events_max) {
    search.events.resize(events_max);
    search.complete = false;
  }
}

Entry entry_of(const std::optional<std::int64_t>& at_us, const char* what,
               const std::string& where) {
  return {at_us, {{"what", what}, {"where", text_json(where)}}};
}

void add_row_entries(const Site& site, Traced& traced) {
  const store::EventView& event = *traced.event;
  const StoreSite& store = site.store(traced.store);
  Entry written = entry_of(event.created_at_us, "written",
                           fmt::format("{}, table {}", traced.store, store.table));
  written.json["row"] = text_json(to_string(event.row));
  traced.timeline.push_back(std::move(written));
  const bool waits = event.state == store::EventState::pending && event.retry_count > 0;
  if (waits || event.state == store::EventState::retrying) {
    // What comes has no time in what was: it stands last.
    Entry retrying = entry_of(std::nullopt, "retrying", traced.store);
    retrying.json["attempts"] = event.retry_count;
    retrying.json["error"] = text_or_null(event.error);
    retrying.json["next_attempt_at"] = time_json(event.next_attempt_at_us);
    traced.timeline.push_back(std::move(retrying));
  }
  if (event.state != store::EventState::dead) return;
  // Not every table keeps a time of death.
  Entry dead = entry_of(event.died_at_us, "dead_letter", traced.store);
  dead.json["attempts"] = event.retry_count;
  dead.json["error"] = text_or_null(event.error);
  dead.json["letter"] = text_json(id_text(traced.store, event.row));
  traced.timeline.push_back(std::move(dead));
}

void add_inboxes(Office& office, Search& search) {
  std::vector<Uuid> ids;
  for (const Traced& traced : search.events) {
    if (const auto id = parse_uuid(traced.event_id)) ids.push_back(*id);
  }
  if (ids.empty()) return;
  // A consumer may claim in another database than the one that published.
  std::vector<const StoreSite*> stores = office.site().chosen(std::nullopt);
  if (stores.size() > inbox_stores_max) stores.resize(inbox_stores_max);
  using Inboxes = std::vector<std::vector<store::InboxEntry>>;
  const auto told = office.ask_all<Inboxes>(stores, Pace::slow, [ids](StoreSeams& seams) {
    Inboxes inboxes;
    for (const Uuid& id : ids)
      inboxes.push_back(seams.lookup().inbox(id));
    return inboxes;
  });
  for (const auto& one : told) {
    if (!one.answer) {
      add_error(search, "store", one.store->name, one.error);
      continue;
    }
    for (std::size_t i = 0; i < ids.size(); ++i) {
      for (Traced& traced : search.events) {
        if (traced.event_id != to_string(ids[i])) continue;
        for (const store::InboxEntry& entry : (*one.answer)[i]) {
          Entry consumed = entry_of(entry.processed_at_us, "consumed", entry.consumer);
          consumed.json["consumer"] = text_json(entry.consumer);
          consumed.json["store"] = one.store->name;
          traced.timeline.push_back(std::move(consumed));
        }
      }
    }
  }
}

/// From when on the event's message can stand in a topic.
std::int64_t from_ms_of(const store::EventView& event) {
  const std::int64_t created = event.created_at_us.value_or(0);
  const std::int64_t published = event.published_at_us.value_or(created);
  const std::int64_t from = std::max(created, published - before_publishing_us);
  return std::max<std::int64_t>(0, (from - clocks_differ_us) / 1'000);
}

void add_published(Office& office, Traced& traced, bool may_read, Search& search) {
  const store::EventView& event = *traced.event;
  if (!event.published_at_us && event.state != store::EventState::published) return;
  const StoreSite& store = office.site().store(traced.store);
  const std::string topic = store.topic_of ? store.topic_of(event) : event.topic;
  Entry published = entry_of(event.published_at_us, "published", topic.empty() ? "Kafka" : topic);
  published.json["topic"] = text_or_null(topic);
  published.json["partition"] = nullptr;
  published.json["offset"] = nullptr;
  if (topic.empty() || !event.key || !may_read || !office.site().has_broker) {
    search.complete = search.complete && !office.site().has_broker;
  } else {
    const TopicSearch found =
        search_topic(office, {topic, *event.key, traced.event_id, from_ms_of(event)});
    if (!found.error.empty()) add_error(search, "topic", topic, found.error);
    if (found.partition) published.json["partition"] = *found.partition;
    if (!found.messages.empty()) published.json["offset"] = found.messages.front().offset;
    if (found.messages.empty() && !found.complete) search.complete = false;
    published.json["copies"] = found.messages.size();
  }
  traced.timeline.push_back(std::move(published));
}

void add_letter(Traced& traced, const Letter& letter) {
  Entry dead = entry_of(letter.at_us, "consumer_dead_letter", letter.message.topic);
  dead.json["topic"] = letter.message.topic;
  dead.json["partition"] = letter.message.partition;
  dead.json["offset"] = letter.message.offset;
  dead.json["consumer"] = text_json(letter.consumer);
  dead.json["attempts"] = letter.attempts ? Json(*letter.attempts) : Json();
  dead.json["error"] = text_or_null(letter.error);
  dead.json["letter"] = text_json(letter.id);
  traced.timeline.push_back(std::move(dead));
}

void add_mark(Office& office, Traced& traced, const Letter& letter) {
  if (letter.store.empty()) return;
  const store::LetterPlace place = place_of(letter.message);
  const auto marks = office.ask<std::vector<store::LetterMark>>(
      letter.store, Pace::slow,
      [place](StoreSeams& seams) { return seams.letter_marks().marks(place, 1); });
  if (marks.empty() || !marks.front().place.is_of(place)) return;
  const store::LetterMark& mark = marks.front();
  const char* const what = mark.state == store::LetterState::discarded   ? "discarded"
                           : mark.state == store::LetterState::replaying ? "replaying"
                                                                         : "replayed";
  Entry entry = entry_of(mark.at_us, what, letter.message.topic);
  entry.json["letter"] = text_json(letter.id);
  entry.json["who"] = text_or_null(mark.who);
  entry.json["reason"] = text_or_null(mark.reason);
  traced.timeline.push_back(std::move(entry));
}

void add_letters(Office& office, Traced& traced, Moment deadline, Search& search) {
  if (!traced.event->key || traced.event_id.empty() || !office.site().has_broker) return;
  for (const std::string& topic : office.site().dead_letter_topics()) {
    if (BootClock::now() >= deadline) {
      search.complete = false;
      return;
    }
    const TopicSearch found = search_topic(
        office, {topic, *traced.event->key, traced.event_id, from_ms_of(*traced.event)});
    if (!found.error.empty()) {
      add_error(search, "topic", topic, found.error);
      return;
    }
    search.complete = search.complete && found.complete;
    for (const Letter& letter : found.letters) {
      add_letter(traced, letter);
      try {
        add_mark(office, traced, letter);
      } catch (const Error& error) {
        add_error(search, "store", letter.store, error.what());
      }
    }
  }
}

/// The word of the timeline for a line of the audit log; null: none that belongs there.
const char* word_of_action(const std::string& action) {
  for (const char* word : {"replayed", "discarded"}) {
    if (action == word) return word;
  }
  if (action == "replay") return "replayed";
  if (action == "discard") return "discarded";
  return action == "edit" ? "edited" : nullptr;
}

/// What is looked for in a log: an id as a line's target, or within its details.
struct LineSearch {
  std::string id;
  std::string quoted;

  [[nodiscard]] bool finds(const store::AuditEntry& line) const {
    return line.target == id || line.details_json.find(quoted) != std::string::npos;
  }
};

/// The lines that tell of one of these, without their details: of each, which it is.
std::vector<std::pair<std::size_t, store::AuditEntry>> lines_of(
    store::Controls& controls, const std::vector<LineSearch>& searches) {
  std::vector<std::pair<std::size_t, store::AuditEntry>> found;
  std::optional<std::int64_t> before;
  for (std::size_t looked_at = 0; looked_at < audit_max; looked_at += audit_page) {
    const auto page = controls.audit(before, audit_page);
    for (const store::AuditEntry& line : page) {
      if (word_of_action(line.action) == nullptr) continue;
      for (std::size_t i = 0; i < searches.size(); ++i) {
        if (!searches[i].finds(line)) continue;
        found.emplace_back(i, line);
        found.back().second.details_json.clear();
      }
    }
    if (page.size() < audit_page) break;
    before = page.back().number;
  }
  return found;
}

/// Of an event that is no longer in the outbox, since somebody discarded it.
void find_discarded(Office& office, const std::string& text,
                    const std::optional<std::string>& store, Search& search) {
  using Events = std::vector<store::DiscardedEvent>;
  const auto told = office.ask_all<Events>(
      office.site().chosen(store), Pace::slow,
      [text](StoreSeams& seams) { return seams.lookup().discarded(text, payload_shown); });
  for (const auto& one : told) {
    if (!one.answer) {
      add_error(search, "store", one.store->name, one.error);
      continue;
    }
    for (const store::DiscardedEvent& discarded : *one.answer) {
      Traced traced{one.store->name, discarded.event, {}, {}, true};
      if (!traced.event->event_id.is_nil()) traced.event_id = to_string(traced.event->event_id);
      Entry entry = entry_of(discarded.at_us, "discarded", one.store->name);
      entry.json["who"] = text_or_null(discarded.who);
      entry.json["reason"] = text_or_null(discarded.reason);
      traced.timeline.push_back(std::move(entry));
      search.events.push_back(std::move(traced));
      search.matched_by = parse_uuid(text) ? "event_id" : "row";
    }
  }
}

void add_audit(Office& office, Search& search) {
  std::set<std::string> names;
  for (const Traced& traced : search.events)
    names.insert(traced.store);
  std::vector<const StoreSite*> stores;
  for (const std::string& name : names)
    if (!name.empty()) stores.push_back(&office.site().store(name));
  std::map<std::string, std::vector<std::size_t>> traced_of;
  std::map<std::string, std::vector<LineSearch>> searches;
  for (std::size_t i = 0; i < search.events.size(); ++i) {
    const Traced& traced = search.events[i];
    if (traced.store.empty() || !traced.event) continue;
    const std::string id = id_text(traced.store, traced.event->row);
    searches[traced.store].push_back({id, to_text(text_json(id))});
    traced_of[traced.store].push_back(i);
  }
  using Lines = std::vector<std::pair<std::size_t, store::AuditEntry>>;
  const auto told =
      office.ask_all<Lines>(stores, Pace::slow, [searches](StoreSeams& seams) -> Lines {
        const auto found = searches.find(seams.site().name);
        if (found == searches.end()) return {};
        return lines_of(seams.controls(), found->second);
      });
  for (const auto& one : told) {
    if (!one.answer) {
      add_error(search, "store", one.store->name, one.error);
      continue;
    }
    for (const auto& [which, line] : *one.answer) {
      Traced& traced = search.events[traced_of[one.store->name][which]];
      const char* const word = word_of_action(line.action);
      // The place where it lies now tells that better.
      if (traced.is_discarded && std::string_view(word) == "discarded") continue;
      Entry entry = entry_of(line.at_us, word, traced.store);
      entry.json["who"] = text_or_null(line.who);
      entry.json["reason"] = text_or_null(line.reason);
      traced.timeline.push_back(std::move(entry));
    }
  }
}

Json timeline_json(std::vector<Entry> entries) {
  // What has no time stands behind all that has one.
  std::ranges::stable_sort(entries, [](const Entry& one, const Entry& other) {
    constexpr std::int64_t last = std::numeric_limits<std::int64_t>::max();
    return one.at_us.value_or(last) < other.at_us.value_or(last);
  });
  Json timeline = Json::array();
  std::optional<std::int64_t> before;
  for (Entry& entry : entries) {
    Json json = {{"at", time_json(entry.at_us)}};
    json.update(entry.json);
    json["after_ms"] = entry.at_us && before
                           ? Json(static_cast<double>(*entry.at_us - *before) / 1'000.0)
                           : Json();
    if (entry.at_us) before = entry.at_us;
    timeline.push_back(std::move(json));
  }
  return timeline;
}

}  // namespace

Json trace(Office& office, const std::string& query, const std::optional<std::string>& store) {
  if (query.empty() || query.size() > query_bytes_max || clean_utf8(query) != query) {
    throw Error(ErrorKind::usage, "there is nothing to look for",
                "give an event's id, a row's id, an aggregate's id or a key, up to 1,000 bytes");
  }
  Search search;
  const Moment deadline = BootClock::now() + topics_max;
  find_rows(office, query, store, search);
  if (search.events.empty()) find_discarded(office, query, store, search);
  const auto id = parse_uuid(query);
  if (search.events.empty() && id) {
    // Rows are cleaned up, or deleted when published: the inboxes may still know it.
    search.events.push_back({{}, std::nullopt, to_string(*id), {}, false});
    search.matched_by = "event_id";
  }
  for (Traced& traced : search.events) {
    if (!traced.event) continue;
    add_row_entries(office.site(), traced);
    add_published(office, traced, BootClock::now() < deadline, search);
    add_letters(office, traced, deadline, search);
  }
  add_inboxes(office, search);
  add_audit(office, search);
  std::erase_if(search.events,
                [](const Traced& one) { return !one.event && one.timeline.empty(); });
  Json events = Json::array();
  for (Traced& traced : search.events) {
    Json event = traced.event ? event_json(traced.store, *traced.event)
                              : Json{{"event_id", traced.event_id}};
    if (traced.is_discarded) event["state"] = "discarded";
    events.push_back(
        {{"event", std::move(event)}, {"timeline", timeline_json(std::move(traced.timeline))}});
  }
  const bool is_found = !events.empty();
  return {{"query", query},
          {"matched_by", is_found ? Json(search.matched_by) : Json()},
          {"events", std::move(events)},
          {"complete", search.complete},
          {"errors", std::move(search.errors)}};
}

}  // namespace outbox::admin
