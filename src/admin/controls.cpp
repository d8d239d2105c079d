// SPDX-License-Identifier: Apache-2.0
#include "admin/controls.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include <outbox/error.hpp>

#include "admin/cursor.hpp"
#include "admin/status_parts.hpp"
#include "core/clean_text.hpp"
#include "core/topic_name.hpp"

namespace outbox::admin {
namespace {

constexpr std::size_t name_bytes_max = 1'000;
constexpr std::size_t reason_characters_max = 2'000;
constexpr std::size_t entries_max = 1'000;
constexpr std::size_t entries_per_read = 50;
constexpr std::size_t audit_bytes_max = 4U << 20U;

constexpr std::array<std::pair<store::PauseKind, const char*>, 4> kind_words = {{
    {store::PauseKind::relay, "relay"},
    {store::PauseKind::topic, "topic"},
    {store::PauseKind::key, "key"},
    {store::PauseKind::consumer, "consumer"},
}};

bool has_relay(const StoreSite& site, const std::string& name) {
  return std::ranges::any_of(site.relays, [&](const RelaySite& one) { return one.name == name; });
}

void require_name(const PauseRequest& request) {
  const std::string& name = request.name;
  const auto refuse = [&](std::string_view what) {
    throw Error(ErrorKind::usage, fmt::format("{} '{}' {}", word_of(request.kind),
                                              clean_utf8(name.substr(0, 100)), what));
  };
  if (name.empty()) refuse("has no name");
  if (name.size() > name_bytes_max) refuse("has a name longer than 1,000 bytes");
  if (clean_utf8(name) != name || name.find('\0') != std::string::npos) {
    refuse("has a name that no database can hold");
  }
  if (request.kind == store::PauseKind::topic) {
    if (const auto fault = topic_fault(name); !fault.empty()) refuse(fault);
  }
}

/// The request in the words of the stores, and which of them it concerns.
struct Target {
  std::string name;
  std::vector<const StoreSite*> stores;
};

Target target_of(const Site& site, const PauseRequest& request, bool must_exist) {
  require_name(request);
  Target target{request.name, site.chosen(request.store)};
  if (target.stores.empty()) static_cast<void>(site.store(""));
  if (request.kind == store::PauseKind::relay && must_exist) {
    std::erase_if(target.stores,
                  [&](const StoreSite* one) { return !has_relay(*one, request.name); });
    if (target.stores.empty()) {
      throw Error(ErrorKind::not_found,
                  fmt::format("there is no relay '{}'", clean_utf8(request.name)),
                  "`outboxd relays` shows those there are");
    }
  }
  if (request.kind == store::PauseKind::consumer) {
    const ConsumerSite* const consumer = site.consumer(request.name);
    if (consumer != nullptr) {
      target.name = consumer->group_id;
      if (!request.store) target.stores = {&site.store(consumer->store)};
    } else if (must_exist) {
      throw Error(ErrorKind::not_found,
                  fmt::format("there is no consumer '{}'", clean_utf8(request.name)),
                  "those are known that stand under `consume` of the configuration");
    }
  }
  return target;
}

store::AuditEntry entry_of(const char* action, const PauseRequest& request,
                           const std::string& name) {
  store::AuditEntry entry;
  entry.action = action;
  entry.target = fmt::format("{} {}", word_of(request.kind), name);
  entry.reason = request.reason;
  return entry;
}

bool stands(store::Controls& controls, store::PauseKind kind, const std::string& name) {
  const auto pauses = controls.pauses();
  return std::ranges::any_of(
      pauses, [&](const store::Pause& one) { return one.kind == kind && one.name == name; });
}

[[noreturn]] void rethrow(const StoreSite& site, ErrorKind kind, const std::string& error) {
  throw Error(kind, fmt::format("store {}: {}", site.name, error));
}

Json entry_json(const std::string& store, const store::AuditEntry& entry) {
  Json details = Json::parse(entry.details_json, nullptr, false);
  if (details.is_discarded()) details = text_or_null(entry.details_json);
  return {{"store", store},
          {"number", std::to_string(entry.number)},
          {"at", time_json(entry.at_us)},
          {"who", text_json(entry.who)},
          {"action", text_json(entry.action)},
          {"target", text_json(entry.target)},
          {"reason", text_or_null(entry.reason)},
          {"details", std::move(details)}};
}

}  // namespace

const char* word_of(store::PauseKind kind) noexcept {
  for (const auto& [one, word] : kind_words) {
    if (one == kind) return word;
  }
  return "relay";
}

store::PauseKind pause_kind_of(const std::string& word) {
  for (const auto& [kind, text] : kind_words) {
    if (word == text) return kind;
  }
  throw Error(ErrorKind::usage, fmt::format("'{}' cannot be paused", clean_utf8(word)),
              "relay, topic, key and consumer can");
}

void note(store::Controls& controls, const Actor& actor, store::AuditEntry entry, Json details) {
  if (!details.is_object()) details = Json{{"details", std::move(details)}};
  if (!actor.via.empty()) details["via"] = text_json(actor.via);
  entry.who = clean_text(actor.who, name_bytes_max);
  entry.target = clean_text(entry.target, name_bytes_max);
  entry.reason = clean_text(entry.reason, reason_characters_max);
  entry.details_json = to_text(details);
  controls.note(entry);
}

Json list_pauses(Office& office, const std::optional<std::string>& store) {
  struct Line {
    std::int64_t since_us;
    Json pause;
  };
  std::vector<Line> lines;
  Json errors = Json::array();
  const auto told = office.ask_all<std::vector<store::Pause>>(
      office.site().chosen(store), Pace::quick,
      [](StoreSeams& seams) { return seams.controls().pauses(); });
  for (const auto& one : told) {
    if (!one.answer) {
      errors.push_back({{"store", one.store->name}, {"error", text_json(one.error)}});
      continue;
    }
    for (const store::Pause& pause : *one.answer)
      lines.push_back({pause.since_us, pause_json(one.store->name, pause)});
  }
  std::ranges::stable_sort(lines, {}, &Line::since_us);
  Json items = Json::array();
  for (Line& line : lines)
    items.push_back(std::move(line.pause));
  return {{"items", std::move(items)}, {"errors", std::move(errors)}};
}

PauseOutcome pause(Office& office, const PauseRequest& request, const Actor& actor) {
  const Target target = target_of(office.site(), request, true);
  struct Done {
    bool changed;
    std::optional<store::Pause> stands;
  };
  const auto told = office.ask_all<Done>(
      target.stores, Pace::quick, [request, actor, name = target.name](StoreSeams& seams) {
        store::Pause wanted{request.kind, name, clean_text(actor.who, name_bytes_max),
                            clean_text(request.reason, reason_characters_max), 0};
        Done done{false, wanted};
        if (!stands(seams.controls(), request.kind, name)) {
          done.changed = noted(seams.controls(), actor, entry_of("pause", request, name),
                               [&] { return seams.controls().pause(wanted); });
        }
        for (store::Pause& one : seams.controls().pauses()) {
          if (one.kind == request.kind && one.name == name) done.stands = std::move(one);
        }
        return done;
      });
  PauseOutcome outcome{false, {{"items", Json::array()}}};
  for (const auto& one : told) {
    if (!one.answer) rethrow(*one.store, one.error_kind, one.error);
    outcome.changed = outcome.changed || one.answer->changed;
    outcome.document["items"].push_back(pause_json(one.store->name, *one.answer->stands));
  }
  return outcome;
}

PauseOutcome resume(Office& office, const PauseRequest& request, const Actor& actor) {
  const Target target = target_of(office.site(), request, false);
  const auto told = office.ask_all<bool>(
      target.stores, Pace::quick, [request, actor, name = target.name](StoreSeams& seams) {
        if (!stands(seams.controls(), request.kind, name)) return false;
        return noted(seams.controls(), actor, entry_of("resume", request, name),
                     [&] { return seams.controls().resume(request.kind, name); });
      });
  PauseOutcome outcome{false, {{"items", Json::array()}}};
  for (const auto& one : told) {
    if (!one.answer) rethrow(*one.store, one.error_kind, one.error);
    outcome.changed = outcome.changed || *one.answer;
  }
  return outcome;
}

Json clean_up(Office& office, const CleanupRequest& request, const Actor& actor,
              const Running& running) {
  const Site& site = office.site();
  const std::vector<const StoreSite*> stores = site.chosen(request.store);
  if (stores.empty()) static_cast<void>(site.store(""));
  const auto clean = [&](const StoreSite& one) {
    if (request.dry_run) return one.clean_up(true, running);
    // On a connection of its own: a clean-up may take hours, and no desk waits for it.
    StoreSeams seams(one);
    store::AuditEntry entry;
    entry.action = "cleanup";
    entry.target = one.table;
    entry.reason = request.reason;
    Json done = noted(seams.controls(), actor, entry, [&] { return one.clean_up(false, running); });
    entry.action = "cleaned-up";
    note(seams.controls(), actor, entry, done);
    return done;
  };
  const bool has_shards = site.stores.size() > 1 || site.stores.front().name != "global";
  if (!has_shards) return clean(*stores.front());
  Json shards = Json::array();
  for (const StoreSite* one : stores) {
    if (running.stop.stop_requested()) break;
    Json shard = {{"shard", one->name}};
    try {
      shard.update(clean(*one));
    } catch (const Error& error) {
      shard["error"] = text_json(error.what());
    }
    shards.push_back(std::move(shard));
  }
  return {{"shards", std::move(shards)}};
}

/// Lines may hold what stood in a letter before: a page ends early where they are large.
struct AuditPage {
  std::vector<store::AuditEntry> entries;
  bool is_cut = false;
};

AuditPage read_audit(store::Controls& controls, std::int64_t before, std::size_t entries_wanted) {
  AuditPage page;
  std::size_t bytes = 0;
  while (page.entries.size() < entries_wanted) {
    const std::size_t wanted = std::min(entries_per_read, entries_wanted - page.entries.size());
    auto read = controls.audit(before > 0 ? std::optional(before) : std::nullopt, wanted);
    const bool is_end = read.size() < wanted;
    for (store::AuditEntry& entry : read) {
      bytes += entry.details_json.size();
      before = entry.number;
      page.entries.push_back(std::move(entry));
    }
    if (is_end) return page;
    page.is_cut = bytes >= audit_bytes_max;
    if (page.is_cut) return page;
  }
  return page;
}

Json list_audit(Office& office, const AuditRequest& request) {
  const Json cursor = read_cursor(request.cursor);
  const std::size_t limit = std::clamp<std::size_t>(request.limit, 1, entries_max);
  struct Line {
    const StoreSite* store;
    store::AuditEntry entry;
  };
  std::vector<Line> lines;
  Json errors = Json::array();
  Json rest = cursor;
  bool is_more = false;
  bool is_cut = false;
  const auto told = office.ask_all<AuditPage>(
      office.site().chosen(request.store), Pace::quick, [cursor, limit](StoreSeams& seams) {
        const std::int64_t before = number_in(cursor, seams.site().name.c_str(), 0);
        return read_audit(seams.controls(), before, limit + 1);
      });
  for (const auto& one : told) {
    if (!one.answer) {
      errors.push_back({{"store", one.store->name}, {"error", text_json(one.error)}});
      continue;
    }
    is_cut = is_cut || one.answer->is_cut;
    for (const store::AuditEntry& entry : one.answer->entries)
      lines.push_back({one.store, entry});
  }
  std::ranges::stable_sort(lines, [](const Line& one, const Line& other) {
    return one.entry.at_us > other.entry.at_us;
  });
  Json items = Json::array();
  for (const Line& line : lines) {
    is_more = items.size() == limit;
    if (is_more) break;
    items.push_back(entry_json(line.store->name, line.entry));
    rest[line.store->name] = line.entry.number;
  }
  return {{"items", std::move(items)},
          {"next_cursor", is_more || is_cut ? Json(cursor_text(rest)) : Json()},
          {"errors", std::move(errors)}};
}

}  // namespace outbox::admin
