// SPDX-License-Identifier: Apache-2.0
#include "admin/dead_letters.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include <outbox/error.hpp>

#include "admin/controls.hpp"
#include "admin/cursor.hpp"
#include "admin/events.hpp"
#include "admin/letter_edit.hpp"
#include "admin/letter_feed.hpp"
#include "admin/letter_groups.hpp"
#include "admin/letter_plan.hpp"
#include "admin/letter_run.hpp"

namespace outbox::admin {
namespace {

constexpr std::chrono::seconds reading_max{5};
constexpr std::size_t whole_payload_max = 1U << 20U;
constexpr std::size_t patched_payload_max = 4U << 20U;
constexpr std::size_t page_bytes_max = 16U << 20U;
constexpr std::size_t changes_looked_at = 100;
constexpr std::size_t page_max = 1'000;
constexpr std::size_t looks_per_portion = 1'000;

double rate_of(const Site& site, const std::optional<double>& wanted) {
  const double most = site.replays_per_second_max;
  if (!wanted || *wanted <= 0) return most;
  return most > 0 ? std::min(*wanted, most) : *wanted;
}

void check_replay(const Site& site, const ReplayRequest& request) {
  check_choice(site, request.choice);
  check_edit(request.edit);
  if (request.letters_per_second && !(*request.letters_per_second > 0)) {
    throw Error(ErrorKind::usage, "the rate is none", "give letters a second above 0");
  }
}

LetterOrder order_of(const Site& site, const ReplayRequest& request) {
  LetterOrder order;
  order.choice = request.choice;
  order.edit = request.edit;
  order.letters_per_second = rate_of(site, request.letters_per_second);
  order.reason = request.reason;
  return order;
}

LetterOrder order_of(const DiscardRequest& request) {
  LetterOrder order;
  order.action = LetterAction::discard;
  order.choice = request.choice;
  order.reason = request.reason;
  return order;
}

/// Who changed it last, and when, as far as the log tells.
Error changed_meanwhile(store::Controls& controls, const std::string& id) {
  std::string who = "somebody";
  for (const store::AuditEntry& line : controls.audit(std::nullopt, changes_looked_at)) {
    if (line.target != id || line.action != "edit") continue;
    who = fmt::format("{} at {}", clean_utf8(line.who), time_json(line.at_us).get<std::string>());
    break;
  }
  return {ErrorKind::conflict, fmt::format("'{}' was changed meanwhile, by {}", id, who),
          "look at it anew, then change what it is now"};
}

std::optional<store::EventView> row_now(StoreSeams& seams, const RowId& row) {
  store::EventQuery query;
  query.row = row;
  query.rows_max = 1;
  query.payload_bytes_max = patched_payload_max;
  store::EventPage page = seams.lookup().find(query);
  if (page.events.empty()) return std::nullopt;
  return std::move(page.events.front());
}

/// What is changed, by whom and why; made on the store's thread.
struct RowChange {
  Letter letter;
  LetterEdit edit;
  store::RowEdit edited;
  Actor actor;
  std::string reason;
};

// Edits of a process come one after the other here, so that the look and the change belong
// together.
bool change_row(StoreSeams& seams, const RowChange& change) {
  const std::string& id = change.letter.id;
  const auto now = row_now(seams, change.letter.row.row);
  const Error conflict(
      ErrorKind::conflict,
      fmt::format("'{}' is no longer dead, and only dead letters are changed", id));
  if (!now || now->state != store::EventState::dead) throw conflict;
  const std::string version = version_of(*now);
  const std::string& seen = change.edit.expected_version.value_or(version_of(change.letter.row));
  if (version != seen) throw changed_meanwhile(seams.controls(), id);
  store::AuditEntry entry;
  entry.action = "edit";
  entry.target = id;
  entry.reason = change.reason;
  note(seams.controls(), change.actor, entry, change_json(change.edit, *now, change.edited));
  if (!seams.dead_rows().edit(change.letter.row.row, change.edited)) throw conflict;
  return true;
}

}  // namespace

DeadLetters::DeadLetters(Office& office)
    : office_(office),
      pace_(office.site().replays_per_second_max, BootClock::now()),
      counts_(std::make_unique<Counts>()) {}

DeadLetters::~DeadLetters() = default;

Json DeadLetters::list(const LettersPage& page) {
  const std::size_t limit = std::clamp<std::size_t>(page.limit, 1, page_max);
  OfficeAccess access(office_);
  LetterScan scan(office_.site(), access, page.filter, {page.payload_bytes_max, false});
  scan.go_on_at(read_cursor(page.cursor));
  const Moment deadline = BootClock::now() + reading_max;
  std::vector<Letter> letters;
  bool is_more = true;
  // A filter that finds little looks at much; without one a page is what it reads.
  std::size_t looks = limit + 1;
  std::size_t bytes = 0;
  while (is_more && letters.size() <= limit && bytes < page_bytes_max &&
         BootClock::now() < deadline) {
    const std::size_t before = letters.size();
    is_more = scan.next(letters, looks, deadline);
    looks = looks_per_portion;
    for (std::size_t i = before; i < letters.size(); ++i)
      bytes += bytes_of(letters[i]);
  }
  const bool complete = !is_more || letters.size() >= limit;
  Json place = is_more ? scan.place() : Json();
  if (letters.size() > limit) {
    letters.resize(limit);
    place = LetterScan::place_behind(letters.back());
  }
  Json items = Json::array();
  for (const Letter& letter : letters)
    items.push_back(letter_json(letter, page.payload_bytes_max));
  return {{"items", std::move(items)},
          {"next_cursor", place.is_null() ? Json() : Json(cursor_text(place))},
          {"complete", complete},
          {"errors", scan.errors()}};
}

Json DeadLetters::groups(const LetterFilter& filter) {
  return counts_->groups(office_, filter);
}

Json DeadLetters::show(const std::string& id) {
  OfficeAccess access(office_);
  const LetterId parsed = parse_letter_id(office_.site(), id);
  const Letter letter = find_letter(office_.site(), access, parsed, {patched_payload_max, true});
  const bool is_relays = letter.source == LetterSource::relay;
  if (is_relays && letter.row.state != store::EventState::dead) {
    throw Error(ErrorKind::not_found,
                fmt::format("'{}' is no dead letter: its event is {}", letter.id,
                            word_of(letter.row.state)),
                fmt::format("`outboxd events show {}` shows it", to_string(letter.row.row)));
  }
  Json json = letter_json(letter, whole_payload_max);
  json["version"] = is_relays ? Json(version_of(letter.row)) : Json();
  return json;
}

Json DeadLetters::edit(const std::string& id, const LetterEdit& edit, const Actor& actor,
                       const std::string& reason) {
  check_edit(edit);
  if (edit.empty()) {
    throw Error(ErrorKind::usage, "the edit changes nothing",
                "give merge_patch, payload, topic or headers");
  }
  const LetterId parsed = parse_letter_id(office_.site(), id);
  const auto* const row = std::get_if<RowLetterId>(&parsed);
  if (row == nullptr) {
    throw Error(ErrorKind::usage,
                fmt::format("'{}' stands in a topic, where nothing can be changed", clean_utf8(id)),
                "give the edit to the replay, which sends a changed copy");
  }
  OfficeAccess access(office_);
  RowChange change{find_letter(office_.site(), access, parsed, {patched_payload_max, false}),
                   edit,
                   {},
                   actor,
                   reason};
  const auto outcome = edit_row(edit, change.letter.row);
  const std::string letter_id = change.letter.id;
  if (!outcome.fault.empty() && change.letter.row.state == store::EventState::dead) {
    throw Error(ErrorKind::usage, "the edit cannot be made: " + outcome.fault);
  }
  change.edited = outcome.edited;
  office_.ask<bool>(row->store->name, Pace::slow,
                    [change](StoreSeams& seams) { return change_row(seams, change); });
  counts_->forget();
  return show(letter_id);
}

Json DeadLetters::plan_replay(const ReplayRequest& request) {
  check_replay(office_.site(), request);
  OfficeAccess access(office_);
  const LetterOrder order = order_of(office_.site(), request);
  return plan_json(make_plan(office_.site(), access, order, BootClock::now() + reading_max), order);
}

Json DeadLetters::plan_discard(const DiscardRequest& request) {
  check_choice(office_.site(), request.choice);
  OfficeAccess access(office_);
  const LetterOrder order = order_of(request);
  return plan_json(make_plan(office_.site(), access, order, BootClock::now() + reading_max), order);
}

Json DeadLetters::replay(const ReplayRequest& request, const Actor& actor, const Running& running) {
  check_replay(office_.site(), request);
  LetterOrder order = order_of(office_.site(), request);
  order.shared = &pace_;
  order.total = total_of(office_.site(), order, running.stop);
  Json done = LetterRun(office_.site(), order, actor, running).run();
  counts_->forget();
  return done;
}

Json DeadLetters::discard(const DiscardRequest& request, const Actor& actor,
                          const Running& running) {
  if (request.reason.empty()) {
    throw Error(ErrorKind::usage, "discarding needs a reason", "say why in `reason`");
  }
  check_choice(office_.site(), request.choice);
  LetterOrder order = order_of(request);
  order.total = total_of(office_.site(), order, running.stop);
  Json done = LetterRun(office_.site(), order, actor, running).run();
  counts_->forget();
  return done;
}

}  // namespace outbox::admin
