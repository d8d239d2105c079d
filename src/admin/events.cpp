// SPDX-License-Identifier: Apache-2.0
#include "admin/events.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include <outbox/error.hpp>

#include "admin/controls.hpp"
#include "admin/cursor.hpp"
#include "core/json_text.hpp"

namespace outbox::admin {
namespace {

constexpr std::size_t whole_payload_max = 1U << 20U;

constexpr std::array<std::pair<store::EventState, const char*>, 5> state_words = {{
    {store::EventState::pending, "pending"},
    {store::EventState::processing, "processing"},
    {store::EventState::retrying, "retrying"},
    {store::EventState::published, "published"},
    {store::EventState::dead, "dead"},
}};

/// A store's events, of which the front ones are taken.
struct Feed {
  const StoreSite* store = nullptr;
  store::EventPage page;
  std::size_t taken = 0;
  std::string before;  ///< As it stood in the cursor.

  [[nodiscard]] const store::EventView* front() const {
    return taken < page.events.size() ? &page.events[taken] : nullptr;
  }

  /// Where the next page goes on, as a cursor's member; null: nothing is left.
  [[nodiscard]] Json rest() const {
    if (taken == page.events.size()) return page.next ? Json(to_string(*page.next)) : Json();
    if (taken > 0) return to_string(page.events[taken - 1].row);
    return before;
  }
};

Json headers_value(const std::string& text) {
  if (text.empty()) return {};
  if (!find_json_fault(text, 100)) {
    Json value = Json::parse(text, nullptr, false);
    if (!value.is_discarded()) return value;
  }
  return text_json(text);
}

/// The store's next page; a page without events where the cursor says that nothing is left.
Feed feed_of(const StoreSite& site, const Json& cursor) {
  Feed feed;
  feed.store = &site;
  feed.before = text_in(cursor, site.name.c_str());
  return feed;
}

bool is_over(const StoreSite& site, const Json& cursor) {
  const auto found = cursor.find(site.name);
  return found != cursor.end() && found->is_null();
}

/// The newest of the stores' front events; null: none is left.
Feed* newest(std::vector<Feed>& feeds) {
  Feed* best = nullptr;
  for (Feed& feed : feeds) {
    if (feed.front() == nullptr) continue;
    if (best == nullptr || feed.front()->created_at_us > best->front()->created_at_us) {
      best = &feed;
    }
  }
  return best;
}

/// What one store is asked; by value, since the answer may outlast who asked.
store::EventPage find_in(StoreSeams& seams, EventsRequest request, const std::string& before) {
  if (request.row) request.query.row = parse_row_id(seams.site(), *request.row);
  request.query.before.reset();
  if (!before.empty()) request.query.before = parse_row_id(seams.site(), before);
  return seams.lookup().find(request.query);
}

struct Found {
  const StoreSite* store = nullptr;
  store::EventView event;
};

Found find_one(Office& office, const std::string& id, const std::optional<std::string>& store) {
  EventsRequest request;
  request.query.rows_max = 2;
  request.query.payload_bytes_max = whole_payload_max;
  request.query.event_id = parse_uuid(id);
  if (!request.query.event_id) request.row = id;
  const std::vector<const StoreSite*> stores = office.site().chosen(store);
  if (stores.empty()) static_cast<void>(office.site().store(""));
  const auto told =
      office.ask_all<store::EventPage>(stores, Pace::slow, [request](StoreSeams& seams) {
        auto page = find_in(seams, request, {});
        // Of a table whose ids are UUIDs it may be either.
        if (page.events.empty() && request.query.event_id && !seams.site().rows_have_number_ids) {
          EventsRequest by_row = request;
          by_row.query.event_id.reset();
          by_row.row = to_string(*request.query.event_id);
          page = find_in(seams, by_row, {});
        }
        return page;
      });
  std::vector<Found> found;
  const Office::Told<store::EventPage>* failed = nullptr;
  for (const auto& one : told) {
    if (!one.answer) failed = &one;
    if (one.answer && !one.answer->events.empty()) {
      found.push_back({one.store, one.answer->events.front()});
    }
  }
  if (found.size() > 1) {
    throw Error(ErrorKind::usage,
                fmt::format("stores {} and {} both have an event '{}'", found[0].store->name,
                            found[1].store->name, clean_utf8(id)),
                "name one of them as `store`");
  }
  if (found.size() == 1) return found.front();
  if (failed != nullptr) {
    throw Error(failed->error_kind,
                fmt::format("store {}: {}", failed->store->name, failed->error));
  }
  throw Error(ErrorKind::not_found, fmt::format("there is no event '{}'", clean_utf8(id)),
              "a search by aggregate or key may find it; published ones may be cleaned up");
}

Found find_dead(Office& office, const EventAction& action) {
  Found found = find_one(office, action.id, action.store);
  if (found.event.state != store::EventState::dead) {
    throw Error(ErrorKind::conflict,
                fmt::format("event '{}' is {}, and only dead ones can be retried or discarded",
                            clean_utf8(action.id), word_of(found.event.state)));
  }
  return found;
}

Error no_longer_dead(const std::string& id) {
  return {
      ErrorKind::conflict,
      fmt::format("event '{}' is no longer dead: somebody else was there first", clean_utf8(id))};
}

store::AuditEntry entry_of(const char* action, const Found& found, const std::string& reason) {
  store::AuditEntry entry;
  entry.action = action;
  entry.target = fmt::format("row.{}.{}", found.store->name, to_string(found.event.row));
  entry.reason = reason;
  return entry;
}

}  // namespace

Json event_json(const std::string& store, const store::EventView& event) {
  Json json = {{"store", store},
               {"row", text_json(to_string(event.row))},
               {"event_id", event.event_id.is_nil() ? Json() : Json(to_string(event.event_id))},
               {"aggregate_type", text_or_null(event.aggregate_type)},
               {"aggregate_id", text_or_null(event.aggregate_id)},
               {"key", text_or_null(event.key)},
               {"event_type", text_or_null(event.event_type)},
               {"topic", text_or_null(event.topic)},
               {"headers", headers_value(event.headers_json)},
               {"content_type", text_or_null(event.content_type)}};
  const bool is_cut =
      event.payload && static_cast<std::int64_t>(event.payload->size()) < event.payload_bytes;
  const bool may_be_json =
      event.payload_kind == PayloadKind::json ||
      (event.payload_kind == PayloadKind::text &&
       (event.content_type.empty() || event.content_type.find("json") != std::string::npos));
  add_payload(json, {event.payload, may_be_json, is_cut});
  json["payload_bytes"] = event.payload_bytes;
  json["payload_truncated"] = is_cut;
  json["state"] = word_of(event.state);
  json["status"] = text_json(event.status);
  json["retry_count"] = event.retry_count;
  json["created_at"] = time_json(event.created_at_us);
  json["next_attempt_at"] = time_json(event.next_attempt_at_us);
  json["published_at"] = time_json(event.published_at_us);
  json["locked_by"] = text_or_null(event.locked_by);
  json["error"] = text_or_null(event.error);
  return json;
}

const char* word_of(store::EventState state) noexcept {
  for (const auto& [one, word] : state_words) {
    if (one == state) return word;
  }
  return "pending";
}

store::EventState event_state_of(const std::string& word) {
  for (const auto& [state, text] : state_words) {
    if (word == text) return state;
  }
  throw Error(ErrorKind::usage, fmt::format("state '{}' is none", clean_utf8(word)),
              "they are pending, processing, retrying, published and dead");
}

Json find_events(Office& office, const EventsRequest& request) {
  const Json cursor = read_cursor(request.cursor);
  std::vector<Feed> feeds;
  std::vector<const StoreSite*> asked;
  for (const StoreSite* site : office.site().chosen(request.store)) {
    if (is_over(*site, cursor)) continue;
    feeds.push_back(feed_of(*site, cursor));
    asked.push_back(site);
  }
  const auto told =
      office.ask_all<store::EventPage>(asked, Pace::slow, [request, cursor](StoreSeams& seams) {
        return find_in(seams, request, text_in(cursor, seams.site().name.c_str()));
      });
  Json errors = Json::array();
  for (std::size_t i = 0; i < told.size(); ++i) {
    if (told[i].answer) {
      feeds[i].page = *told[i].answer;
      continue;
    }
    // What the request itself is to blame for is the answer, and no matter of that store.
    if (told[i].error_kind == ErrorKind::usage) throw Error(ErrorKind::usage, told[i].error);
    errors.push_back({{"store", told[i].store->name}, {"error", text_json(told[i].error)}});
  }
  if (!told.empty() && errors.size() == told.size()) {
    throw Error(told.front().error_kind, told.front().error);
  }
  Json items = Json::array();
  while (items.size() < request.query.rows_max) {
    Feed* const feed = newest(feeds);
    if (feed == nullptr) break;
    items.push_back(event_json(feed->store->name, *feed->front()));
    ++feed->taken;
  }
  Json rest = Json::object();
  bool is_more = false;
  bool complete = true;
  for (const StoreSite* site : office.site().chosen(request.store))
    rest[site->name] = nullptr;
  for (const Feed& feed : feeds) {
    rest[feed.store->name] = feed.rest();
    is_more = is_more || !rest[feed.store->name].is_null();
    complete = complete && feed.page.looked_at_all;
  }
  return {{"items", std::move(items)},
          {"next_cursor", is_more ? Json(cursor_text(rest)) : Json()},
          {"complete", complete},
          {"errors", std::move(errors)}};
}

Json show_event(Office& office, const std::string& id, const std::optional<std::string>& store) {
  const Found found = find_one(office, id, store);
  return event_json(found.store->name, found.event);
}

Json retry_event(Office& office, const EventAction& action, const Actor& actor) {
  Found found = find_dead(office, action);
  office.ask<bool>(found.store->name, Pace::slow, [action, actor, found](StoreSeams& seams) {
    note(seams.controls(), actor, entry_of("replay", found, action.reason), Json::object());
    if (seams.dead_rows().replay(std::vector{found.event.row}).empty()) {
      throw no_longer_dead(action.id);
    }
    return true;
  });
  try {
    return show_event(office, to_string(found.event.row), found.store->name);
  } catch (const Error&) {
    // Published and gone already, or the store went away: what was asked for is done all the same.
    found.event.state = store::EventState::pending;
    return event_json(found.store->name, found.event);
  }
}

Json discard_event(Office& office, const EventAction& action, const Actor& actor) {
  if (action.reason.empty()) {
    throw Error(ErrorKind::usage, "discarding needs a reason", "say why in `reason`");
  }
  const Found found = find_dead(office, action);
  office.ask<bool>(found.store->name, Pace::slow, [action, actor, found](StoreSeams& seams) {
    note(seams.controls(), actor, entry_of("discard", found, action.reason), Json::object());
    if (seams.dead_rows().discard(std::vector{found.event.row}, actor.who, action.reason).empty()) {
      throw no_longer_dead(action.id);
    }
    return true;
  });
  return event_json(found.store->name, found.event);
}

}  // namespace outbox::admin
